"""Making, listing, verifying, deleting and restoring backups.

This package combines `store.transfer`, which copies and examines databases, with `archive`, which
knows the format of a backup file; neither of those two imports the other. The methods and the
chore that use it are in `handlers.backups`.
"""

"""Backups as a whole: where they lie, how one is made, which are kept, what is in them.

Puts together a moment of the database (`store.snapshot`) and the form of a file (`archive`), of
which neither knows the other. The methods and chores that use it are in `handlers.backups`.
"""

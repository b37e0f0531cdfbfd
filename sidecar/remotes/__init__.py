"""Remotes: stores beyond this machine, which sealed backups and the audit log are pushed to."""

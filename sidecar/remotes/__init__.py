"""Remotes: folders or object stores that sealed backups and the audit log are pushed to."""

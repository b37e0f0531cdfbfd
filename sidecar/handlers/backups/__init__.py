"""Methods and chores of backups; importing this puts them into the catalog."""

from sidecar.handlers.backups import automatic, create, delete, list, restore, verify

__all__ = ["automatic", "create", "delete", "list", "restore", "verify"]

"""Methods and chores of backups; importing this puts them into the catalog."""

from sidecar.handlers.backups import automatic, create, list, restore

__all__ = ["automatic", "create", "list", "restore"]

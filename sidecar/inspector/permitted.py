"""The calls that change nothing; without `--write` the inspector refuses all others."""

from typing import Any, Final

READING: Final = frozenset(
    {
        "system.ping", "system.info", "system.stats", "system.check",
        "workflows.get", "workflows.get_many", "workflows.list", "workflows.search",
        "workflows.history", "workflows.diff", "workflows.tags", "workflows.categories",
        "runs.get", "runs.list", "runs.stats",
        "settings.get", "settings.list",
        "secrets.status", "secrets.list",
        "audit.list", "audit.verify", "audit.subscribe", "audit.unsubscribe",
        "backups.list", "backups.verify",
        "remotes.status",
        "rpc.discover",
    }
)  # fmt: skip
"""The methods that change neither the database, nor a file, nor the keys in memory, return no
secret and use no network."""

RESTORE: Final = "backups.restore"
"""This method changes nothing when its param `dry_run` is true."""


def is_reading(method: str, params: Any) -> bool:
    """Return whether a call changes nothing."""
    if method == RESTORE:
        return isinstance(params, dict) and params.get("dry_run") is True
    return method in READING

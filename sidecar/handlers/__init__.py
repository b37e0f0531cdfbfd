"""The methods, one file or package a noun; they never import each other.

Importing this package fills the catalog. The imports are static, so that a frozen build and the
type checker see them.
"""

from sidecar.handlers import (
    audit,
    backups,
    discover,
    runs,
    secrets,
    settings,
    system,
    workflows,
)

__all__ = ["audit", "backups", "discover", "runs", "secrets", "settings", "system", "workflows"]

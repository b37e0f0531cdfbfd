"""The methods of the audit log; importing this puts them into the catalog."""

from sidecar.handlers.audit import exporting, pruning, reading, verifying

__all__ = ["exporting", "pruning", "reading", "verifying"]

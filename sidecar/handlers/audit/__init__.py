"""The methods of the audit log; importing this puts them into the catalog."""

from sidecar.handlers.audit import keeping, reading, verifying

__all__ = ["keeping", "reading", "verifying"]

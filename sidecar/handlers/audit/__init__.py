"""The methods of the audit log; importing this puts them into the catalog."""

from sidecar.handlers.audit import export, list, prune, subscribe, verify

__all__ = ["export", "list", "prune", "subscribe", "verify"]

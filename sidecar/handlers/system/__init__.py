"""The methods of the process and of its file; importing this puts them into the catalog."""

from sidecar.handlers.system import check, info, recover, space, warnings

__all__ = ["check", "info", "recover", "space", "warnings"]

"""The methods of the process and of its file; importing this puts them into the catalog."""

from sidecar.handlers.system import about, damage, space, warnings

__all__ = ["about", "damage", "space", "warnings"]

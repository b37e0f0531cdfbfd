"""The methods of the run history; importing this puts them into the catalog."""

from sidecar.handlers.runs import figures, lifecycle, retention

__all__ = ["figures", "lifecycle", "retention"]

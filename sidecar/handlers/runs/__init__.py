"""The methods of the run history; importing this puts them into the catalog."""

from sidecar.handlers.runs import prune, start_finish, stats

__all__ = ["prune", "start_finish", "stats"]

"""The methods of the run history; importing this puts them into the catalog."""

from sidecar.handlers.runs import delete_pin, get_list, prune, start_finish, stats

__all__ = ["delete_pin", "get_list", "prune", "start_finish", "stats"]

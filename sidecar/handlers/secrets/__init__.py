"""The methods of provider keys; importing this puts them into the catalog."""

from sidecar.handlers.secrets import log_refusals, rotate, set_get, slots, unlock

__all__ = ["log_refusals", "rotate", "set_get", "slots", "unlock"]

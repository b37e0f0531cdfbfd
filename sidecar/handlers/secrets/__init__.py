"""The methods of provider keys; importing this puts them into the catalog."""

from sidecar.handlers.secrets import opening, refusals, renewal, values, ways

__all__ = ["opening", "refusals", "renewal", "values", "ways"]

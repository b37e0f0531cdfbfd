"""The methods of provider keys; importing this puts them into the catalog."""

from sidecar.handlers.secrets import opening, renewal, values, ways

__all__ = ["opening", "renewal", "values", "ways"]

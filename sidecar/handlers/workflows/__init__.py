"""The methods of workflows, by verb; importing this puts them into the catalog.

`views` holds the structs that several answers share, `checks` what several methods ask first.
"""

from sidecar.handlers.workflows import (
    change,
    delete,
    history,
    labels,
    packing,
    read,
    save,
    search,
    trash,
)

__all__ = ["change", "delete", "history", "labels", "packing", "read", "save", "search", "trash"]

"""The methods of workflows, by verb; importing this puts them into the catalog.

`views` holds the structs that several answers share, `checks` what several methods ask first.
"""

from sidecar.handlers.workflows import (
    delete,
    empty_trash,
    get_list,
    history,
    pack_revisions,
    save,
    search,
    tags,
    update_archive,
)

__all__ = [
    "delete",
    "empty_trash",
    "get_list",
    "history",
    "pack_revisions",
    "save",
    "search",
    "tags",
    "update_archive",
]

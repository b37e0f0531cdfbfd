"""The methods of workflows, by verb; importing this package puts them into the catalog.

`views` holds the structs that several answers share, `checks` the tests that several methods
make of their params. `empty_trash` and `pack_revisions` are chores.
"""

from sidecar.handlers.workflows import (
    archive,
    delete,
    diff,
    duplicate,
    empty_trash,
    get_list,
    history,
    pack_revisions,
    revert,
    save,
    search,
    tags_categories,
    update,
)

__all__ = [
    "archive",
    "delete",
    "diff",
    "duplicate",
    "empty_trash",
    "get_list",
    "history",
    "pack_revisions",
    "revert",
    "save",
    "search",
    "tags_categories",
    "update",
]

"""The tables of workflows. Every function runs in the caller's transaction; none parses a body.

- `header`: finds one workflow, with or without its body.
- `save`: inserts and updates a workflow.
- `list`: reads pages of workflows in several orders.
- `tags`: counts tags and categories, and lists the workflows that have a tag.
- `delete`: archives and deletes workflows.
- `revisions`: keeps, reads, packs and prunes earlier revisions; `frames` compresses them.
- `unreadable`: finds earlier revisions that are damaged.
"""

from sidecar.store.workflows.delete import (
    Deleted,
    count_runs,
    delete_part,
    delete_whole,
    is_small,
    list_archived_before,
    set_archived,
)
from sidecar.store.workflows.header import Content, Header, Stored, find, id_of, load, tags_text
from sidecar.store.workflows.list import Filter, Key, OrderBy, key_of, page
from sidecar.store.workflows.save import insert_workflow, write_revision
from sidecar.store.workflows.tags import (
    count_categories,
    count_tagged,
    count_tags,
    list_tagged,
    rename_tag,
)

__all__ = [
    "Content",
    "Deleted",
    "Filter",
    "Header",
    "Key",
    "OrderBy",
    "Stored",
    "count_categories",
    "count_runs",
    "count_tagged",
    "count_tags",
    "delete_part",
    "delete_whole",
    "find",
    "id_of",
    "insert_workflow",
    "is_small",
    "key_of",
    "list_archived_before",
    "list_tagged",
    "load",
    "page",
    "rename_tag",
    "set_archived",
    "tags_text",
    "write_revision",
]

"""Tags and categories over all workflows: how many workflows have each, and renaming a tag."""

from typing import Final

import msgspec

from sidecar.store.connection import Connection
from sidecar.store.workflows.header import COLUMNS, HEADERS, Header, tags_text
from sidecar.store.workflows.save import write_revision

TABLE: Final = "workflow_tags"
"""The index of tags: a table with a row for each tag of a workflow."""

CAN_HAVE_ROWS: Final = "(json_valid(w.tags) AND typeof(w.updated_at) = 'integer')"
"""The condition that the cells of a workflow from which its rows of tags follow are not damaged."""

EACH_TAG: Final = f"json_each(iif({CAN_HAVE_ROWS}, w.tags, '[]'))"
"""The tags of a workflow as a table; without rows where a cell is damaged."""

# Counting all tags walks one narrow index; joining each row to see whether it is archived would
# cost a look-up a row. The archived ones, usually few, are counted apart and taken off.
_TAGS: Final = "SELECT tag, count(*) FROM workflow_tags GROUP BY tag ORDER BY tag"
_ARCHIVED_TAGS: Final = (
    "SELECT t.value, count(*) FROM workflows w"  # noqa: S608 - constants
    f" CROSS JOIN {EACH_TAG} t"
    " WHERE w.archived_at IS NOT NULL GROUP BY t.value"
)
_CATEGORIES: Final = (
    "SELECT category, count(*) FROM workflows WHERE archived_at IS NULL"
    " GROUP BY category ORDER BY category"
)
_COUNT_TAGGED: Final = "SELECT count(*) FROM workflow_tags WHERE tag = ?"
_TAGGED: Final = (
    f"SELECT {COLUMNS} FROM workflow_tags t"  # noqa: S608 - constants
    " CROSS JOIN workflows w ON w.rid = t.workflow WHERE t.tag = ? LIMIT ?"
)

_ADD_TAGS_OF: Final = (
    "INSERT INTO workflow_tags (tag, updated_at, workflow) SELECT DISTINCT t.value,"  # noqa: S608 - constants
    f" w.updated_at, w.rid FROM workflows AS w, {EACH_TAG} AS t WHERE t.type = 'text'"
)
_RAISE_REVISION: Final = (
    "UPDATE workflows AS w SET revision = max(revision, coalesce((SELECT max(revision) + 1"
    " FROM workflow_revisions WHERE workflow = w.rid AND typeof(revision) = 'integer'), 1))"
    " WHERE rid = ?"
)


def count_tags(db: Connection) -> list[tuple[str, int]]:
    """Return each tag of a live workflow and how many live workflows have it, by code point."""
    archived = dict(db.execute(_ARCHIVED_TAGS))
    counts = ((tag, count - archived.get(tag, 0)) for tag, count in db.execute(_TAGS))
    return [(tag, count) for tag, count in counts if count]


def count_categories(db: Connection) -> list[tuple[str, int]]:
    """Return each category of a live workflow and how many are in it, by code point."""
    return list(db.execute(_CATEGORIES))


def count_tagged(db: Connection, tag: str) -> int:
    """Return how many workflows, archived ones too, have a tag."""
    return int(db.execute(_COUNT_TAGGED, (tag,)).get)


def list_tagged(db: Connection, tag: str, limit: int | None) -> list[Header]:
    """Return headers of at most `limit` workflows that have a tag, archived ones too; None: all.

    Raises:
        DatabaseDamaged: one of them is damaged.
    """
    found = HEADERS.read(db, _TAGGED, (tag, -1 if limit is None else limit))
    return [HEADERS.refuse_damaged(header) for header in found]


def replace_tag(
    db: Connection, tag: str, new_tag: str, limit: int | None, now_ms: int
) -> list[Header]:
    """Rename a tag in at most `limit` workflows, archived ones too; return their new headers.

    A `limit` of None renames it in all of them.
    """
    return [_rename_in(db, old, tag, new_tag, now_ms) for old in list_tagged(db, tag, limit)]


def write_again(db: Connection, rid: int) -> None:
    """Write the tag rows of one workflow again, and let its revision follow the earlier ones.

    Damage may have changed its row since they were written.
    """
    db.execute("DELETE FROM workflow_tags WHERE workflow = ?", (rid,))
    db.execute(f"{_ADD_TAGS_OF} AND w.rid = ?", (rid,))
    db.execute(_RAISE_REVISION, (rid,))


def write_all_again(db: Connection) -> None:
    """Write the tag rows of all workflows again, in the caller's transaction."""
    db.execute("DELETE FROM workflow_tags")
    db.execute(_ADD_TAGS_OF)


def _rename_in(db: Connection, old: Header, tag: str, new_tag: str, now_ms: int) -> Header:
    """Rename a tag in one workflow and return its new header."""
    tags = msgspec.json.decode(old.tags, type=list[str])
    new_tags = [new_tag if each == tag else each for each in tags]
    content = old.content._replace(tags=tags_text(new_tags))
    return write_revision(db, old, content, None, now_ms)

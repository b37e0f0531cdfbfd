"""Reads many whole workflows, one after the other, for an export."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sidecar.store.connection import Connection
from sidecar.store.rows import as_text
from sidecar.store.workflows.header import COLUMNS, HEADERS, Stored
from sidecar.store.workflows.list import has_tag


class Selection(NamedTuple):
    """Which workflows: those of the ids, or all that meet the conditions."""

    ids: tuple[str, ...] | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    """Tags of which a workflow has one at least."""
    source: str | None = None
    archived: bool | None = None
    """Only archived ones, only others, or None for both."""


def _conditions(selection: Selection) -> tuple[str, tuple[object, ...]]:
    """Return the conditions of a selection without ids, and their values."""
    conditions, values = ["w.rid > ?"], list[object]()
    if selection.category is not None:
        conditions.append("w.category = ?")
        values.append(selection.category)
    if selection.source is not None:
        conditions.append("w.source = ?")
        values.append(selection.source)
    if selection.tags:
        conditions.append(has_tag(len(selection.tags)))
        values += selection.tags
    if selection.archived is not None:
        conditions.append(f"w.archived_at IS {'NOT ' if selection.archived else ''}NULL")
    return " AND ".join(conditions), tuple(values)


def count_selected(db: Connection, selection: Selection) -> int:
    """Return how many workflows there are to read."""
    if selection.ids is not None:
        return len(selection.ids)
    where, values = _conditions(selection)
    sql = f"SELECT count(*) FROM workflows w WHERE {where}"  # noqa: S608 - constants
    return int(db.execute(sql, (-1, *values)).get)


class Selected(NamedTuple):
    """A workflow, and where it came from."""

    stored: Stored
    source: str | None
    """The tool that it was imported from; None for others."""
    source_id: str | None
    """The id that it has there."""


_WHOLE: Final = (
    f"SELECT {COLUMNS}, b.data, w.source, w.source_id FROM workflows w"  # noqa: S608 - constants
    " LEFT JOIN workflow_bodies b ON b.rid = w.rid"
)


def _find(db: Connection, where: str, values: tuple[object, ...]) -> Selected | None:
    """Return the first workflow that meets conditions, also a damaged one; None without any."""
    found = HEADERS.find_wide(db, 3, f"{_WHOLE} WHERE {where} ORDER BY w.rid LIMIT 1", values)
    if found is None:
        return None
    header, (data, *origin) = found
    source, source_id = (None if cell is None else as_text(cell) for cell in origin)
    return Selected(Stored(header, data), source, source_id)


def read_selected(db: Connection, selection: Selection) -> Iterator[tuple[str, Selected | None]]:
    """Yield ids with their workflows, also damaged ones; None where no workflow has the id.

    Without ids they come in the order in which they were created.
    """
    if selection.ids is not None:
        for workflow_id in selection.ids:
            yield workflow_id, _find(db, "w.id = ?", (workflow_id,))
        return
    where, values = _conditions(selection)
    rid = -1
    while found := _find(db, where, (rid, *values)):
        # The key of a row is the one cell that SQLite itself keeps in order.
        rid = found.stored.header.rid
        yield found.stored.header.id, found

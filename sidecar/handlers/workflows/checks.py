"""What several methods of workflows ask before they act."""

import re
from typing import Any, Final

from sidecar import limits
from sidecar.errors import Archived, Conflict, InvalidParams, NotFound
from sidecar.store.connection import Connection
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import Header, find
from sidecar.store.workflows.revisions import StoredRevision
from sidecar.values import decode_cursor

_EMPTY: Final = re.compile(
    rb"""\s*+ (?: null | "" | false | 0
                | (?: [\s\[\]{},:] | "(?:[^"\\]++|\\.)*+" \s*+ : )++ ) \s*+""",
    re.VERBOSE | re.DOTALL,
)
"""Valid JSON that holds brackets and member names but no value; possessive, hence linear."""


def is_empty_body(body: bytes) -> bool:
    """Whether a JSON body holds nothing: null, "", false, 0, or brackets without any value in them.

    Looks no further than the first value, so a full body costs next to nothing.
    """
    return _EMPTY.fullmatch(body) is not None


def refuse_nul(path: str, **texts: str | None) -> None:
    """Refuse U+0000, at which SQLite's text functions and its search stop reading.

    Raises:
        InvalidParams: `path` and the member's name say where.
    """
    for name, text in texts.items():
        if text is not None and "\0" in text:
            raise _nul(f"{path}.{name}")


def refuse_nul_in(path: str, texts: list[str]) -> None:
    """The same for each item of a list at `path`."""
    for index, text in enumerate(texts):
        if "\0" in text:
            raise _nul(f"{path}[{index}]")


def _nul(path: str) -> InvalidParams:
    return InvalidParams("A text must not hold the character U+0000.", path=path)


def must_find(db: Connection, workflow_id: str, path: str = "$.params.id") -> Header:
    """The header of a workflow.

    Raises:
        NotFound: there is no workflow by that id.
    """
    header = find(db, workflow_id)
    if header is None:
        raise NotFound("There is no workflow by that id.", path=path)
    return header


def must_load(
    db: Connection, header: Header, revision: int, member: str = "revision"
) -> StoredRevision:
    """Return a revision of a workflow, the current one included; `member` of the params names it.

    Raises:
        NotFound: the revision was never made, or it has been pruned.
        DatabaseDamaged: its body is not the one that was saved.
    """
    found = revisions.load(db, header, revision)
    if found is None:
        raise NotFound(
            "There is no such revision; it was never made, or has been pruned.",
            path=f"$.params.{member}",
            revision=header.revision,
        )
    return found


def refuse_archived(header: Header, path: str = "$.params.id") -> None:
    """Raise Archived when the workflow is; `archived_at` says since when."""
    if header.archived_at is not None:
        raise Archived(archived_at=header.archived_at, path=path)


def check_expected(header: Header | None, expected: int | None, path: str = "$.params") -> None:
    """Compare the revision that the client expects; None expects nothing.

    Raises:
        Conflict: it is another one; `revision` and `updated_at` say which and since when, 0 and
            null when there is no workflow by that id.
    """
    revision = header.revision if header else 0
    if expected is None or expected == revision:
        return
    raise Conflict(
        "There is a workflow by that id already."
        if expected == 0
        else "The workflow is not at the revision that was expected.",
        path=f"{path}.expected_revision",
        revision=revision,
        updated_at=header.updated_at if header else None,
    )


def _is_forged(key: object) -> bool:
    """Whether a number is none that a row can have, and too large for SQLite's integers."""
    return isinstance(key, float) and abs(key) > limits.SAFE_INTEGER_MAX


def read_cursor(cursor: str, mark: str, *kinds: type) -> tuple[Any, ...]:
    """The keys of a cursor that was made for the same params.

    Raises:
        InvalidParams: it was not made here, or for other params.
    """
    keys = decode_cursor(cursor, str, *kinds)
    if keys is None or keys[0] != mark or any(map(_is_forged, keys)):
        raise InvalidParams(
            "The cursor does not belong to these params; begin again without one.",
            path="$.params.cursor",
        )
    return keys[1:]

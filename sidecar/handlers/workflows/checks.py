"""Tests of params and look-ups that several methods of workflows begin with."""

import re
from typing import Final

from sidecar.errors import Archived, Conflict, InvalidParams, NotFound
from sidecar.repair.mend import find_to_change
from sidecar.store.connection import Connection
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import Header, find
from sidecar.store.workflows.revisions import StoredRevision

_EMPTY: Final = re.compile(
    rb"""\s*+ (?: null | "" | false | 0
                | (?: [\s\[\]{},:] | "(?:[^"\\]++|\\.)*+" \s*+ : )++ ) \s*+""",
    re.VERBOSE | re.DOTALL,
)
"""Matches valid JSON that holds brackets and member names but no value.

Its quantifiers are possessive, so that matching takes linear time.
"""


def is_empty_body(body: bytes) -> bool:
    """Return whether a JSON body is null, "", false, 0, or brackets without any value in them.

    The match ends at the first value, so that a body with content costs next to nothing.
    """
    return _EMPTY.fullmatch(body) is not None


def refuse_nul(path: str, **texts: str | None) -> None:
    """Refuse texts with U+0000, at which SQLite's text functions and its search stop reading.

    Raises:
        InvalidParams: one of the texts has it; the error's path is `path` and the text's name.
    """
    for name, text in texts.items():
        if text is not None and "\0" in text:
            raise _nul(f"{path}.{name}")


def refuse_nul_in(path: str, texts: list[str]) -> None:
    """Refuse a list of texts, at `path` of the request, of which one has U+0000.

    Raises:
        InvalidParams: one of the texts has it; the error's path is `path` and the text's index.
    """
    for index, text in enumerate(texts):
        if "\0" in text:
            raise _nul(f"{path}[{index}]")


def _nul(path: str) -> InvalidParams:
    return InvalidParams("A text must not hold the character U+0000.", path=path)


def must_find(db: Connection, workflow_id: str, path: str = "$.params.id") -> Header:
    """Return the header of a workflow.

    Raises:
        NotFound: no workflow has that id.
    """
    header = find(db, workflow_id)
    if header is None:
        raise NotFound("No workflow has that id.", path=path)
    return header


def must_find_to_change(db: Connection, workflow_id: str, path: str = "$.params.id") -> Header:
    """Return the header of a workflow that is to be changed, mended first if it is damaged.

    Raises:
        NotFound: no workflow has that id.
    """
    header = find_to_change(db, workflow_id)
    if header is None:
        raise NotFound("No workflow has that id.", path=path)
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
    """Raise Archived when the workflow is archived; the error's `archived_at` says since when."""
    if header.archived_at is not None:
        raise Archived(archived_at=header.archived_at, path=path)


def check_expected(header: Header | None, expected: int | None, path: str = "$.params") -> None:
    """Compare a workflow's revision with the one that the client expects; None matches any.

    Raises:
        Conflict: they differ. The error's `revision` and `updated_at` are those of the workflow,
            0 and null when no workflow has that id.
    """
    revision = header.revision if header else 0
    if expected is None or expected == revision:
        return
    raise Conflict(
        "A workflow has that id already."
        if expected == 0
        else "The workflow is not at the revision that was expected.",
        path=f"{path}.expected_revision",
        revision=revision,
        updated_at=header.updated_at if header else None,
    )

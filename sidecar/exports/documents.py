"""Reads the workflows of an export one after the other, and reports on them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies.parse import NotJSON, parse
from sidecar.bodies.tools.table import recognise
from sidecar.context import LongContext
from sidecar.errors import DatabaseDamaged
from sidecar.exports.credentials import Found, find_in_body, find_in_texts, redact_body
from sidecar.redaction import redact_all
from sidecar.store.connection import Connection
from sidecar.store.workflows.selection import (
    Selected,
    Selection,
    count_selected,
    read_selected,
)


class Document(NamedTuple):
    """One workflow as it is exported."""

    id: str
    name: str
    description: str | None
    tags: list[str]
    category: str
    archived_at: int | None
    source: str | None
    """The tool that the workflow was imported from; None when it was not imported."""
    source_id: str | None
    """The id of the workflow in that tool."""
    body: bytes

    @property
    def tool(self) -> str:
        """The name of the tool whose format the body has."""
        return recognise(parse(self.body, rounded=True)).name


class Report:
    """The credentials and damaged rows that an export has found, and the workflows it omitted."""

    def __init__(self) -> None:
        """Start with an empty report."""
        self.workflows = 0
        self.runs = 0
        self.missing: list[str] = []
        self.damaged: list[str] = []
        self.credentials: list[tuple[str, Found]] = []
        """The credentials that the answer lists, each with the id of its workflow."""
        self.credentials_total = 0

    def add(self, workflow_id: str, found: list[Found]) -> None:
        """Add the credentials of a workflow."""
        self.credentials_total += len(found)
        room = limits.FINDINGS_MAX - len(self.credentials)
        self.credentials += [(workflow_id, each) for each in found[: max(0, room)]]


def read_documents(
    ctx: LongContext, db: Connection, selection: Selection, report: Report, *, redact: bool
) -> Iterator[Document]:
    """Yield the workflows of an export, and add what was found and omitted to `report`.

    With `redact` the workflows have no credentials.
    """
    total = count_selected(db, selection)
    for done, (workflow_id, selected) in enumerate(read_selected(db, selection)):
        ctx.check_cancelled()
        ctx.progress("export", done, total, "workflows")
        if selected is None:
            report.missing.append(workflow_id)
            continue
        try:
            document, found = _read(selected)
        except (DatabaseDamaged, NotJSON):
            report.damaged.append(workflow_id)
            continue
        report.add(workflow_id, found)
        report.workflows += 1
        yield _redacted(document, found) if redact else document


def _read(selected: Selected) -> tuple[Document, list[Found]]:
    """Return a workflow and its credentials.

    Raises:
        DatabaseDamaged: a cell of the workflow is damaged.
            NotJSON: its body is not JSON.
    """
    stored, source, source_id = selected
    header = stored.header
    if header.damaged:
        raise DatabaseDamaged(id=header.id)
    tags = msgspec.json.decode(header.tags, type=list[str])
    texts: dict[str, Any] = {
        "name": header.name, "description": header.description or "", "tags": tags,
        "category": header.category,
    }  # fmt: skip
    body = stored.body()
    document = Document(
        header.id, header.name, header.description, tags, header.category,
        header.archived_at, source, source_id, body,
    )  # fmt: skip
    return document, find_in_texts(texts) + find_in_body(body)


def _redacted(document: Document, found: list[Found]) -> Document:
    """Return a workflow without its credentials; its id stays, because others refer to it."""
    texts = {
        "name": document.name, "description": document.description, "tags": document.tags,
        "category": document.category,
    }  # fmt: skip
    return document._replace(**redact_all(texts), body=redact_body(document.body, found))

"""The runs of the workflows of an export."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from sidecar import limits
from sidecar.bodies.parse import is_json
from sidecar.errors import DatabaseDamaged
from sidecar.exports.credentials import find_in_json, find_in_texts, redact_body
from sidecar.exports.documents import Document, Report
from sidecar.redaction import redact
from sidecar.store import codec
from sidecar.store.connection import Connection
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunFilter, RunHeader


class ExportedRun(msgspec.Struct, frozen=True):
    """One run of a workflow, with the names that `runs.get` has."""

    id: str
    revision: int
    status: str
    interrupted: bool
    waiting: bool
    trigger: str | None
    started_at: int
    completed_at: int | None
    duration_ms: int | None
    error_message: str | None
    message_truncated: bool
    summary_state: str | None
    blocks_executed: int
    tokens_used: int
    api_calls_made: int
    pinned: bool
    summary: Raw


class Runs:
    """Reads the runs of one workflow after the other."""

    def __init__(self, db: Connection, report: Report, *, redact: bool) -> None:
        """Read from `db` and count in `report`; with `redact` runs come without credentials."""
        self._db = db
        self._report = report
        self._redact = redact

    def read(self, document: Document) -> Iterator[ExportedRun]:
        """Yield the runs of a workflow, newest first; damaged ones are left out."""
        wanted = RunFilter(document.id)
        before = None
        while page := rows.read_page(self._db, before, limits.PAGE_MAX, wanted):
            for run in page:
                if not run.damaged:
                    self._report.runs += 1
                    yield self._exported(document, run)
            before = page[-1].started_at, page[-1].rid

    def _exported(self, document: Document, run: RunHeader) -> ExportedRun:
        """Return one run; null in place of a damaged summary."""
        summary = self._summary(run)
        texts = {"trigger": run.trigger or "", "error_message": run.error_message or ""}
        found = find_in_texts(texts) + find_in_json("summary", summary)
        in_run = [each._replace(member=f"runs.{run.id}.{each.member}") for each in found]
        self._report.add(document.id, in_run)
        if self._redact:
            summary = redact_body(summary, found)
        return ExportedRun(
            run.id, run.revision, run.status, run.interrupted_at is not None, bool(run.waiting),
            self._shown(run.trigger), run.started_at, run.completed_at, run.duration_ms,
            self._shown(run.error_message), bool(run.message_truncated), run.summary_state,
            run.blocks_executed, run.tokens_used, run.api_calls_made, bool(run.pinned),
            Raw(summary),
        )  # fmt: skip

    def _shown(self, text: str | None) -> str | None:
        """Return a text of a run as it is exported."""
        return redact(text) if text and self._redact else text

    def _summary(self, run: RunHeader) -> bytes:
        """Return the summary of a run as JSON; null when it has none, or a damaged one.

        Earlier versions have stored some truncated summaries without quotes.
        """
        stored = rows.load_summary(self._db, run.rid)
        try:
            summary = codec.unpack(*stored) if stored else b"null"
        except DatabaseDamaged:
            return b"null"
        return summary if is_json(summary) else msgspec.json.encode(summary.decode(errors="ignore"))

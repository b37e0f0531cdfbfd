"""Runs an import: reads the files one after the other, and writes a few documents at a time."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sidecar import limits
from sidecar.context import LongContext
from sidecar.documents.archive import NotAnArchive
from sidecar.documents.files import TooMany, belonging_to
from sidecar.documents.places import Place, Places, documents_of, of_path, of_texts
from sidecar.documents.refused import Refused
from sidecar.documents.split import Document, NotTaken
from sidecar.errors import InvalidParams, NotFound, TooLarge
from sidecar.handlers.workflows.import_documents import (
    WorkflowsImportItem,
    WorkflowsImportParams,
    WorkflowsImportResult,
)
from sidecar.handlers.workflows.import_one import Done, Importer, Incoming, derive_id
from sidecar.store import codec
from sidecar.store.connection import Connection
from sidecar.vocabularies import ImportOutcome
from sidecar.vocabulary_sentences import IMPORT_REASONS

_PATH: Final = "$.params.path"


def run(ctx: LongContext, params: WorkflowsImportParams) -> WorkflowsImportResult:
    """Import what the params name."""
    with _places(ctx, params) as places:
        reader = _Reader(ctx, params, places.key)
        total = len(places.found)
        done = 0
        for number, place in enumerate(places.found):
            for done in reader.take(place):
                ctx.check_cancelled()
                if total == 1:  # it may have many workflows, whose number is not known yet
                    ctx.progress("import", done, None, "workflows")
                else:
                    ctx.progress("import", number, total, "files")
        reader.write()
        if total == 1:
            ctx.progress("import", done, done, "workflows")
        else:
            ctx.progress("import", total, total, "files")
    return reader.report.result()


@contextmanager
def _places(ctx: LongContext, params: WorkflowsImportParams) -> Iterator[Places]:
    """Find what to read.

    Raises:
        InvalidParams: neither a path nor items were given, or the path cannot be read.
        NotFound: there is nothing at the path.
        TooLarge: a folder or an archive has too many files.
    """
    if (params.path is None) is (params.items is None):
        raise InvalidParams("Give either path or items.", path="$.params")
    if params.items is not None:
        yield of_texts([(each.path, bytes(each.data)) for each in params.items])
        return
    path = _existing(params.path or "")
    try:
        with of_path(path, belonging_to(ctx.store.path)) as found:
            yield found
    except Refused as refused:
        raise InvalidParams(IMPORT_REASONS[refused.reason], path=_PATH) from None
    except NotAnArchive:
        raise InvalidParams("It is a zip archive that cannot be read.", path=_PATH) from None
    except TooMany:
        text = "There are too many files; import a part of them at a time."
        raise TooLarge(text, path=_PATH, limit=limits.IMPORT_FILES_MAX) from None


def _existing(text: str) -> Path:
    """Return the path that was given, without links.

    Raises:
        InvalidParams: it is relative, or has U+0000.
        NotFound: there is nothing.
    """
    if "\0" in text or not Path(text).is_absolute():
        raise InvalidParams("The path must be absolute, without U+0000.", path=_PATH)
    path = Path(os.path.realpath(text))
    if not path.exists():
        raise NotFound("There is no file or folder of that name.", path=_PATH)
    return path


class _Report:
    """The results of the documents so far."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: dict[ImportOutcome, int] = dict.fromkeys(
            ("created", "replaced", "skipped", "refused"), 0
        )
        self._items: list[WorkflowsImportItem] = []
        self._room = limits.IMPORT_REPORT_MAX_BYTES

    def add(self, item: WorkflowsImportItem) -> None:
        """Count a document, and list it while there is room."""
        self._counts[item.outcome] += 1
        self._room -= limits.IMPORT_REPORT_ITEM_BYTES + len(item.path.encode()) + len(item.id or "")
        if self._room >= 0:
            self._items.append(item)

    def result(self) -> WorkflowsImportResult:
        """Return the answer."""
        omitted = sum(self._counts.values()) - len(self._items)
        return WorkflowsImportResult(**self._counts, items=self._items, items_omitted=omitted)


class _Reader:
    """Reads documents, and writes some at a time in short transactions."""

    def __init__(self, ctx: LongContext, params: WorkflowsImportParams, key: str) -> None:
        """Import by the policy of the params; `key` tells this import from others."""
        self.report = _Report()
        self._ctx = ctx
        self._key = key
        self._forbidden = belonging_to(ctx.store.path)
        self._dry_run = params.dry_run
        self._importer = Importer(ctx, params.policy, dry_run=params.dry_run)
        self._waiting: deque[Incoming | WorkflowsImportItem] = deque()
        """What was read and is not written, and between it what was refused."""
        self._waiting_bytes = 0

    def take(self, place: Place) -> Iterator[int]:
        """Read one file; what is in it is written now or later.

        Yields the number of documents that were read, before the first and after each.
        """
        done = 0
        yield done
        try:
            for done, document in enumerate(documents_of(place, self._forbidden), start=1):
                if isinstance(document, NotTaken):
                    self._refuse(place, document.place, document.refused)
                else:
                    self._take(place, document)
                yield done
        except Refused as refused:
            self._refuse(place, None, refused)

    def _take(self, place: Place, document: Document) -> None:
        """Pack a document, and write what is waiting when it is enough."""
        packed = codec.pack(document.body)
        derived = derive_id(self._key, place.origin, document, packed.sha256)
        incoming = Incoming(place.name, place.origin, document, packed, derived)
        self._append(incoming, len(document.body) + len(packed.data))

    def _refuse(self, place: Place, index: int | None, refused: Refused) -> None:
        """Report a file or a document that cannot be imported."""
        item = WorkflowsImportItem(place.name, index, "refused", None, None, refused.reason)
        self._append(item, limits.IMPORT_REPORT_ITEM_BYTES)

    def _append(self, each: Incoming | WorkflowsImportItem, size_bytes: int) -> None:
        """Let a document wait, and write what is waiting when it is enough."""
        self._waiting.append(each)
        self._waiting_bytes += size_bytes
        if self._waiting_bytes >= limits.IMPORT_STEP_BYTES:
            self.write()

    def write(self) -> None:
        """Write what is waiting, in as many transactions as it takes."""
        self._waiting_bytes = 0
        while self._waiting:
            with self._ctx.reading() if self._dry_run else self._ctx.writing() as db:
                self._write_some(db)

    def _write_some(self, db: Connection) -> None:
        """Write documents until a transaction has taken its time; one at least."""
        until_ms = self._ctx.clock.monotonic_ms() + limits.IMPORT_STEP_MS
        while self._waiting:
            each = self._waiting.popleft()
            if isinstance(each, WorkflowsImportItem):
                self.report.add(each)
                continue
            done = self._importer.import_one(db, each)
            self.report.add(_item(each, done))
            if self._ctx.clock.monotonic_ms() >= until_ms:
                return


def _item(incoming: Incoming, done: Done) -> WorkflowsImportItem:
    """Return what became of a document as the answer carries it."""
    document = incoming.document
    return WorkflowsImportItem(
        incoming.path, document.place, done.outcome, done.id, document.source, done.reason
    )

"""`workflows.import`: brings in workflows from files, folders and archives, of any tool or none."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.values import Count, Source, WorkflowId
from sidecar.vocabularies import ImportOutcome, ImportReason

Policy = Literal["new", "skip", "replace"]


class WorkflowsImportDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One document to import."""

    data: Annotated[
        msgspec.Raw,
        Meta(description="The document as its tool wrote it: any JSON, kept byte for byte."),
    ]
    path: Annotated[
        str,
        Meta(
            max_length=limits.IMPORT_NAME_MAX_CHARS,
            description="What its file is called, by which it is named when it has no name; empty"
            " when absent.",
        ),
    ] = ""


class WorkflowsImportParams(Params, frozen=True):
    """The documents to import, and the policy for existing workflows."""

    path: Annotated[
        Annotated[str, Meta(min_length=1, max_length=limits.PATH_MAX_CHARS)] | None,
        Meta(
            description="Absolute path of a file, a folder or a zip archive. In the last two the"
            " files are looked at whose names end with .json, .yaml, .yml or .asl."
        ),
    ] = None
    items: Annotated[
        Annotated[list[WorkflowsImportDocument], Meta(max_length=limits.MANY_MAX_ITEMS)] | None,
        Meta(description="At most 100 documents, instead of a path."),
    ] = None
    policy: Annotated[
        Policy,
        Meta(
            description="What becomes of a document that was imported before, which is known by its"
            " source and its id or, without one, by its file: `new`, the default, makes another"
            " workflow when it has changed; `skip` leaves the workflow that is there; `replace`"
            " makes the document its next revision."
        ),
    ] = "new"
    dry_run: Annotated[bool, Meta(description="Only report what would be done; absent: false.")] = (
        False
    )


class WorkflowsImportItem(msgspec.Struct, frozen=True):
    """The result of one document."""

    path: Annotated[
        str,
        Meta(description="Its file, in the folder or archive; or the path that the item gave."),
    ]
    index: Annotated[
        Count | None,
        Meta(description="Its place in the list that the file is, from 0; null for none."),
    ]
    outcome: ImportOutcome
    id: Annotated[
        WorkflowId | None, Meta(description="The workflow that it is now; null when it is none.")
    ]
    source: Annotated[
        Source | None, Meta(description="The tool that wrote it; null when nothing says so.")
    ]
    reason: Annotated[
        ImportReason | None, Meta(description="Why it was skipped or refused; null otherwise.")
    ]


class WorkflowsImportResult(Result, frozen=True):
    """The results of the documents; in a dry run, the expected results."""

    created: Annotated[Count, Meta(description="Number of new workflows.")]
    replaced: Annotated[Count, Meta(description="Number of workflows with a new revision.")]
    skipped: Annotated[Count, Meta(description="Number of documents that were there already.")]
    refused: Annotated[Count, Meta(description="Number of documents, or files, that were refused.")]
    items: Annotated[
        list[WorkflowsImportItem],
        Meta(description="Each document in order, as far as an answer holds them: some 30 000."),
    ]
    items_omitted: Annotated[
        Count, Meta(description="Documents that are counted but not among the items.")
    ]


@method("workflows.import", long=True, errors=(NotFound,))
def import_(ctx: LongContext, params: WorkflowsImportParams) -> WorkflowsImportResult:
    """Import workflows of other tools, or of this program, from files or from the request.

    A file is one document: its body is the whole file, byte for byte, without a byte order mark and
    in UTF-8. YAML is converted to JSON. A list of complete documents, and an envelope of
    workflows.export, contain several; the manifest of an export is skipped. Documents of unknown
    tools are imported, too. A document that cannot be imported is reported, and the others are
    imported. A workflow gets the id that the document has when that is free, else one that follows
    from its place, so that the same call again, after a cancel or a crash, makes nothing twice.

    Bodies are never rewritten, also where one workflow calls another by its id: workflows.list with
    `source` and `source_id` finds the workflow that is meant.
    """
    from sidecar.handlers.workflows.import_steps import run  # noqa: PLC0415 - 20 ms at no start

    return run(ctx, params)

"""`workflows.export`: workflows as a file, for another database, another tool or a person."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams
from sidecar.exports.new_file import ExportPath, NewFile, new_file
from sidecar.handlers.workflows.get_list import CategoryFilter, SourceFilter, TagsFilter
from sidecar.store.workflows.selection import Selection
from sidecar.values import Count, WorkflowId
from sidecar.vocabularies import CredentialCertainty

if TYPE_CHECKING:
    from sidecar.exports.documents import Report


class WorkflowsExportParams(Params, frozen=True):
    """Which workflows to export, how, and where to."""

    path: ExportPath
    ids: Annotated[
        Annotated[list[WorkflowId], Meta(max_length=limits.EXPORT_IDS_MAX)] | None,
        Meta(
            description="The workflows, at most 10000, archived or not, whatever the filters; null"
            " or absent: all that the filters let through."
        ),
    ] = None
    category: CategoryFilter = None
    tags: TagsFilter = None
    source: SourceFilter = None
    archived: Annotated[
        bool | None,
        Meta(description="true: only archived workflows; false: only live ones; absent: both."),
    ] = None
    format: Annotated[
        Literal["envelope", "original"],
        Meta(
            description="`envelope`, the default: one JSON document that workflows.import reads;"
            " `original`: a zip with one file a workflow, as its tool reads it, and a manifest."
        ),
    ] = "envelope"
    runs: Annotated[
        bool,
        Meta(description="Also export the runs, into an envelope only. Absent: false."),
    ] = False
    redact: Annotated[
        bool,
        Meta(
            description="Leave out what the result tells in `credentials`: `[secret]` is in its"
            " place. Absent: false."
        ),
    ] = False
    overwrite: Annotated[
        bool, Meta(description="Replace a file that exists. Absent: false, it is refused.")
    ] = False


class ExportedCredential(Struct, frozen=True):
    """A text in a workflow that is, or may be, a credential."""

    id: WorkflowId
    step: Annotated[
        str | None, Meta(description="Name of the step that has it; null outside steps.")
    ]
    member: Annotated[
        str,
        Meta(
            description="Where it is: the members of the step or the workflow, with dots; empty"
            " where no member has it as its value."
        ),
    ]
    certainty: CredentialCertainty


class WorkflowsExportResult(Result, frozen=True):
    """The file that was written, and what is in it."""

    path: Annotated[str, Meta(description="The file.")]
    size_bytes: Annotated[Count, Meta(description="Its size.")]
    sha256: Annotated[str, Meta(description="SHA-256 of its bytes, hex.")]
    workflows: Annotated[Count, Meta(description="Number of workflows in it.")]
    runs: Annotated[Count, Meta(description="Number of runs in it.")]
    missing: Annotated[list[WorkflowId], Meta(description="Ids that no workflow has.")]
    damaged: Annotated[
        list[WorkflowId],
        Meta(description="Workflows that are not in it, as they are damaged; see system.check."),
    ]
    credentials: Annotated[
        list[ExportedCredential],
        Meta(description="What looks like a credential, at most 1000; never its text."),
    ]
    credentials_total: Annotated[Count, Meta(description="Number of all that were found.")]
    redacted: Annotated[bool, Meta(description="Whether they were left out.")]


@method("workflows.export", long=True, errors=(Conflict,))
def export(ctx: LongContext, params: WorkflowsExportParams) -> WorkflowsExportResult:
    """Write workflows into a file, as one JSON document or as a zip of their own documents.

    Bodies are written byte for byte as they are stored. All are read from one snapshot. The file
    gets its name when it is complete and synced. Texts that look like an API key, a password or a
    token are reported, and omitted on request.
    """
    if params.runs and params.format == "original":
        raise InvalidParams("Runs are exported into an envelope only.", path="$.params.runs")
    ids = None if params.ids is None else tuple(dict.fromkeys(params.ids))
    selection = Selection(
        ids, params.category, tuple(params.tags or ()), params.source, params.archived
    )
    with new_file(ctx, params.path, overwrite=params.overwrite) as file:
        report = _write(ctx, params, selection, file)
        return _publish(ctx, params, file, report)


def _write(
    ctx: LongContext, params: WorkflowsExportParams, selection: Selection, file: NewFile
) -> "Report":
    """Write the workflows into the file under its temporary name; return the report."""
    # Imported here: the modules for the tools would make each start longer.
    from sidecar.exports.documents import Report, read_documents  # noqa: PLC0415 - see above

    report, exported_at = Report(), ctx.clock.now_ms()
    with ctx.reading(snapshot=True) as db, file.writing() as written:
        documents = read_documents(ctx, db, selection, report, redact=params.redact)
        if params.format == "original":
            from sidecar.exports.originals import write_originals  # noqa: PLC0415 - see above

            write_originals(written, documents, exported_at)
        else:
            from sidecar.exports.envelope import write_envelope  # noqa: PLC0415 - see above
            from sidecar.exports.runs import Runs  # noqa: PLC0415 - see above

            runs_of = Runs(db, report, redact=params.redact).read if params.runs else None
            write_envelope(written, documents, exported_at, runs_of=runs_of)
    return report


def _publish(
    ctx: LongContext, params: WorkflowsExportParams, file: NewFile, report: "Report"
) -> WorkflowsExportResult:
    """Give the file its name, write the audit entry, and return the answer."""
    size_bytes, sha256 = file.measure()
    ids = params.ids
    # Where another process serves the database no entry can be written.
    with ctx.writing(last=True) if ctx.store.takes_writes else nullcontext():
        if ctx.store.takes_writes:
            ctx.audit(
                "workflow_export",
                ids[0] if ids is not None and len(ids) == 1 else "workflows",
                workflows=report.workflows,
                runs=report.runs,
                credentials=report.credentials_total,
                redacted=params.redact,
            )
        file.publish()
    return WorkflowsExportResult(
        path=str(file.path),
        size_bytes=size_bytes,
        sha256=sha256,
        workflows=report.workflows,
        runs=report.runs,
        missing=report.missing,
        damaged=report.damaged,
        credentials=[
            ExportedCredential(
                workflow_id, each.step, each.member, "found" if each.is_certain else "maybe"
            )
            for workflow_id, each in report.credentials
        ],
        credentials_total=report.credentials_total,
        redacted=params.redact,
    )

"""The methods that tell of the process: `system.info` and `system.stats`."""

import sys
from typing import Annotated, Any

from msgspec import Meta, Struct

from sidecar import __version__, limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.process import usage
from sidecar.secrets.state import vault_state
from sidecar.store import purge
from sidecar.store.pragmas import sqlite_version
from sidecar.store.search import indexes
from sidecar.store.totals import file_space, row_totals
from sidecar.values import Count, Timestamp
from sidecar.vocabularies import SecretsState

# --- system.info ------------------------------------------------------------------------------


class SystemInfoParams(Params, frozen=True):
    """This method takes no params."""


class SearchProgress(Struct, frozen=True):
    """How far the search indexes have got."""

    done: Annotated[Count, Meta(description="Workflows that searches find with all their text.")]
    total: Annotated[Count, Meta(description="All workflows.")]


class SystemInfoResult(Result, frozen=True):
    """Versions, places, pragmas and limits of this process."""

    version: Annotated[str, Meta(description="Version of the program.")]
    protocol_version: Annotated[str, Meta(description="major.minor of this protocol.")]
    schema_version: Annotated[
        Count | None, Meta(description="Version of the database's tables; null in a rescue.")
    ]
    database: Annotated[str, Meta(description="Path of the database file.")]
    pid: Annotated[Count, Meta(description="Process id.")]
    started_at: Timestamp
    python: Annotated[str, Meta(description="Version of Python.")]
    sqlite: Annotated[str, Meta(description="Version of SQLite.")]
    platform: Annotated[str, Meta(description="`linux`, `darwin` or `win32`.")]
    pragmas: Annotated[
        dict[str, Any], Meta(description="Pragmas of the shared connection; none in a rescue.")
    ]
    limits: Annotated[dict[str, int], Meta(description="The limits that a client can reach.")]
    secrets: SecretsState
    indexing: Annotated[
        SearchProgress | None,
        Meta(
            description="Progress of the search indexes while they are behind, as after an update"
            " of the program; null when searches find everything, and in a rescue."
        ),
    ]


@method("system.info", access="read")
def info(ctx: Context, params: SystemInfoParams) -> SystemInfoResult:
    """Return versions, paths, pragmas and limits."""
    del params
    facts, in_rescue = ctx.session.facts(), ctx.store.rescue is not None
    return SystemInfoResult(
        version=__version__,
        protocol_version=limits.PROTOCOL_VERSION,
        schema_version=None if in_rescue else ctx.store.schema_version(),
        database=facts["database"],
        pid=facts["pid"],
        started_at=facts["started_at"],
        python=".".join(map(str, sys.version_info[:3])),
        sqlite=sqlite_version(),
        platform=sys.platform,
        pragmas={} if in_rescue else ctx.store.pragmas(),
        limits=limits.PUBLISHED,
        secrets="uninitialized" if in_rescue else vault_state(ctx.db, ctx.vault),
        indexing=None if in_rescue else _search_progress(ctx),
    )


def _search_progress(ctx: Context) -> SearchProgress | None:
    """Return how far the search indexes have got; None when they are up to date."""
    found = indexes.progress(ctx.db)
    return None if found is None else SearchProgress(*found)


# --- system.stats -----------------------------------------------------------------------------


class SystemStatsParams(Params, frozen=True):
    """This method takes no params."""


class MethodStats(Struct, frozen=True):
    """Calls of one method since the start of the process."""

    method: Annotated[str, Meta(description="Name of the method.")]
    calls: Annotated[Count, Meta(description="How often it was called.")]
    errors: Annotated[Count, Meta(description="How often it failed.")]
    p50_us: Annotated[Count, Meta(description="Median of the last 256 calls, in microseconds.")]
    p99_us: Annotated[Count, Meta(description="99th percentile of the same, in microseconds.")]


class SystemStatsResult(Result, frozen=True):
    """Counts, sizes and latencies."""

    workflows: Annotated[Count, Meta(description="Workflows that are not archived.")]
    archived: Annotated[Count, Meta(description="Archived workflows.")]
    revisions: Annotated[Count, Meta(description="Earlier revisions that are stored.")]
    runs: Annotated[Count, Meta(description="Runs of all workflows.")]
    audit_entries: Annotated[Count, Meta(description="Entries of the audit log.")]
    live_bytes: Annotated[Count, Meta(description="Bytes of the file that are in use.")]
    free_bytes: Annotated[Count, Meta(description="Bytes of the file that are free for reuse.")]
    wal_bytes: Annotated[
        Count,
        Meta(description="Bytes of the write-ahead log; it keeps 4 MiB to be written over."),
    ]
    purge_pending: Annotated[bool, Meta(description="Deleted data has still to be overwritten.")]
    body_bytes: Annotated[Count, Meta(description="Bytes of all current bodies as they were sent.")]
    stored_bytes: Annotated[Count, Meta(description="Bytes of the same as stored, compressed.")]
    compression_ratio: Annotated[
        float, Meta(description="stored_bytes divided by body_bytes; 0 without bodies.")
    ]
    resident_bytes: Annotated[Count, Meta(description="Memory of the process; 0 if unknown.")]
    threads: Annotated[Count, Meta(description="Threads of the process.")]
    descriptors: Annotated[Count, Meta(description="Open file descriptors; 0 if unknown.")]
    methods: Annotated[list[MethodStats], Meta(description="Methods called so far, by name.")]


@method("system.stats", access="read")
def system_stats(ctx: Context, params: SystemStatsParams) -> SystemStatsResult:
    """Return counts, sizes and latencies."""
    del params
    totals = row_totals(ctx.db)
    ratio = totals.stored_bytes / totals.body_bytes if totals.body_bytes else 0.0
    return SystemStatsResult(
        **totals._asdict(),
        **file_space(ctx.db, ctx.store.path)._asdict(),
        **usage()._asdict(),
        purge_pending=purge.count_requests(ctx.db) > 0,
        compression_ratio=round(ratio, 4),
        methods=[MethodStats(*row) for row in ctx.session.latencies()],
    )

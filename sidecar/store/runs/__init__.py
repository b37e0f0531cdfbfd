"""The tables of the run history.

- `rows`: writes and reads single runs and pages of runs.
- `stats`: computes figures over many runs.
- `prune`: finds and deletes old runs.
"""

from sidecar.store.runs.rows import (
    Counters,
    Ending,
    Owner,
    RunHeader,
    WorkflowKey,
    close_interrupted,
    delete,
    find,
    find_owner,
    find_workflow,
    finish,
    load_summary,
    page,
    put_summary,
    start,
    update_progress,
)

__all__ = [
    "Counters",
    "Ending",
    "Owner",
    "RunHeader",
    "WorkflowKey",
    "close_interrupted",
    "delete",
    "find",
    "find_owner",
    "find_workflow",
    "finish",
    "load_summary",
    "page",
    "put_summary",
    "start",
    "update_progress",
]

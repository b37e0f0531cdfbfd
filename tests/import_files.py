"""Files to import, and what became of them."""

import json
from pathlib import Path
from typing import Any

from sidecar.store.workflows.header import load
from tests.harness import Bench


def put(folder: Path, name: str, content: Any) -> Path:
    """Write a file: bytes as they are, anything else as JSON."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def outcomes(result: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Return path, outcome and reason of each item."""
    return [(each["path"], each["outcome"], each["reason"]) for each in result["items"]]


def body_of(bench: Bench, workflow_id: str) -> bytes:
    """Return a stored body byte for byte."""
    stored = load(bench.store.db, workflow_id)
    assert stored is not None
    return stored.body()


def all_workflows(bench: Bench) -> list[tuple[Any, ...]]:
    """Return what each workflow is, without its times."""
    return bench.rows(
        "SELECT id, name, revision, hex(content_sha256), source, source_id FROM workflows"
        " ORDER BY id"
    )

"""Stored files of every shape and version, which tests show that this program still opens.

`python -m tests.store.samples` writes those that are missing: legacy files in every shape, and a
database and a backup of the current version. A file of a released version must never be written
again.
"""

import gzip
import tempfile
from pathlib import Path
from typing import get_args

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar.store import migrations
from tests.harness import Bench
from tests.made_workflows import save
from tests.store import legacy_files
from tests.vault_benches import secret_bench, set_up

FOLDER = Path(__file__).with_name("sample_files")


def names() -> list[str]:
    """Return the names of the stored databases."""
    return sorted(found.name.removesuffix(".db.gz") for found in FOLDER.glob("*.db.gz"))


def unpack(name: str, path: Path) -> Path:
    """Write a stored database to a path."""
    path.write_bytes(gzip.decompress((FOLDER / f"{name}.db.gz").read_bytes()))
    return path


def backups() -> list[Path]:
    """Return the paths of the stored backups, one of each version."""
    return sorted(FOLDER.glob("v*.db.zst"))


def versions() -> list[int]:
    """Return the versions that there is a stored database of."""
    return sorted(int(name[1:]) for name in names() if name.startswith("v"))


def fill(bench: Bench) -> None:
    """Add rows of every kind to a database."""
    for number in range(1, 4):
        save(bench, f"w{number}", f"flow {number}", {"nodes": [{"text": "überall"}]}, tags=["a"])
    save(bench, "w1", "flow 1", {"nodes": [{"text": "changed"}, {"text": "überall"}]})
    bench.call("workflows.archive", id="w3")
    for run, status in (("r1", "success"), ("r2", "error")):
        bench.call("runs.start", workflow_id="w1", id=run)
        bench.call("runs.finish", id=run, status=status, summary={"out": run}, tokens_used=5)
    bench.call("runs.pin", id="r1", pinned=True)
    bench.call("runs.start", workflow_id="w2", id="r3")
    bench.call("settings.set", key="theme", value="dark")
    set_up(bench, openai=VALUE)
    bench.call("audit.verify")


VALUE = "sk-kept-0123456789"


def write_current() -> None:
    """Write a database and a backup of the current version, if there are none."""
    version = migrations.current_version()
    if version in versions():
        return
    with tempfile.TemporaryDirectory() as folder:
        with secret_bench(Path(folder)) as bench:
            fill(bench)
            path = bench.store.path
            made = bench.call("backups.create", include_secrets=True)["name"]
            (FOLDER / f"v{version}.db.zst").write_bytes(
                (Path(folder) / "backups" / made).read_bytes()
            )
        (FOLDER / f"v{version}.db.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def write() -> None:
    """Write the files that are missing."""
    FOLDER.mkdir(exist_ok=True)
    write_current()
    for search_text in get_args(legacy_files.SearchText):
        for indexed, version in ((True, None), (True, "0"), (False, "1")):
            name = f"legacy-{search_text}-{'indexed' if indexed else 'plain'}-{version or 'none'}"
            stored = FOLDER / f"{name}.db.gz"
            if stored.exists():
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = legacy_files.build(
                    Path(folder) / "sim.db",
                    search_text=search_text,
                    fts=indexed,
                    indexes=indexed,
                    schema_version=version,
                )
                stored.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    write()

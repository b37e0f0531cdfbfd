"""Real files of every shape and version, kept as test data: written once, never made again.

`python -m tests.store.kept` writes those that are missing: legacy files in every shape, and a
database and a backup of the current version. A file of a released version must never be written
again: it shows that files of that version can still be opened.
"""

import gzip
import tempfile
from pathlib import Path
from typing import get_args

import sidecar.handlers  # noqa: F401 - importing it fills the catalog
from sidecar.store import migrations
from tests.harness import Bench
from tests.secrets_kit import secret_bench, set_up
from tests.store import legacy_files
from tests.workflow_kit import save

FOLDER = Path(__file__).with_name("kept")


def names() -> list[str]:
    """The files that are kept."""
    return sorted(found.name.removesuffix(".db.gz") for found in FOLDER.glob("*.db.gz"))


def unpack(name: str, path: Path) -> Path:
    """Put a kept file somewhere."""
    path.write_bytes(gzip.decompress((FOLDER / f"{name}.db.gz").read_bytes()))
    return path


def backups() -> list[Path]:
    """The backups that are kept, one of each version."""
    return sorted(FOLDER.glob("v*.db.zst"))


def versions() -> list[int]:
    """Of which versions there is a database."""
    return sorted(int(name[1:]) for name in names() if name.startswith("v"))


def fill(bench: Bench) -> None:
    """Put something of every kind into a database."""
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
    """Write a database and a backup of the version of now, where there are none."""
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
    """Write what is missing, with rows of every kind."""
    FOLDER.mkdir(exist_ok=True)
    write_current()
    for search_text in get_args(legacy_files.SearchText):
        for indexed, version in ((True, None), (True, "0"), (False, "1")):
            name = f"legacy-{search_text}-{'indexed' if indexed else 'plain'}-{version or 'none'}"
            kept = FOLDER / f"{name}.db.gz"
            if kept.exists():
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = legacy_files.build(
                    Path(folder) / "sim.db",
                    search_text=search_text,
                    fts=indexed,
                    indexes=indexed,
                    schema_version=version,
                )
                kept.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    write()

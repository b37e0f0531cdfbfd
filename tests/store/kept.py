"""Real files of every shape and version, kept as test data: written once, never made again.

`python -m tests.store.kept` writes those that are missing. A file of a version that was released
must never be written anew: it is what tells whether that version can still be opened.
"""

import gzip
import tempfile
from pathlib import Path
from typing import get_args

from tests.store import seed_files

FOLDER = Path(__file__).with_name("kept")


def names() -> list[str]:
    """The files that are kept."""
    return sorted(found.name.removesuffix(".db.gz") for found in FOLDER.glob("*.db.gz"))


def unpack(name: str, path: Path) -> Path:
    """Put a kept file somewhere."""
    path.write_bytes(gzip.decompress((FOLDER / f"{name}.db.gz").read_bytes()))
    return path


def write() -> None:
    """Write what is missing: the seed's shapes, with rows of every kind."""
    FOLDER.mkdir(exist_ok=True)
    for search_text in get_args(seed_files.SearchText):
        for indexed, version in ((True, None), (True, "0"), (False, "1")):
            name = f"seed-{search_text}-{'indexed' if indexed else 'plain'}-{version or 'none'}"
            kept = FOLDER / f"{name}.db.gz"
            if kept.exists():
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = seed_files.build(
                    Path(folder) / "sim.db",
                    search_text=search_text,
                    fts=indexed,
                    indexes=indexed,
                    schema_version=version,
                )
                kept.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


if __name__ == "__main__":
    write()

"""Compares the archives beside an artefact with it, so that what smoke.py finds holds for them."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import package_archives

ENVIRONMENT = Path(__file__).resolve().parents[1] / ".cache" / "package" / "environment"
"""Where the tools are that build a wheel."""


def archive_of(source: Path) -> Path | None:
    """Return the archive that lies beside a folder."""
    if not source.is_dir():
        return None
    found = source.absolute().parent.glob(f"{source.name}-*")
    archives = [path for path in sorted(found) if path.suffix in (".xz", ".zip")]
    return next((path for path in archives if "-remote-" not in path.name), None)


def has_the_files(archive: Path, folder: Path, scratch: Path) -> None:
    """An archive has the files of a folder below its name: the same names, bytes and programs.

    Raises:
        AssertionError: it has others.
    """
    place = scratch / "unpacked"
    package_archives.unpack(archive, place)
    here, there = _contents(folder), _contents(place / folder.name)
    if here != there or len(list(place.iterdir())) != 1:
        raise AssertionError(sorted(set(here.items()) ^ set(there.items()))[:10])


def sdist_of(source: Path) -> Path | None:
    """Return the sdist that lies beside a wheel."""
    found = source.absolute().parent.glob("*.tar.gz") if source.suffix == ".whl" else ()
    return next(iter(sorted(found)), None)


def gives_the_wheel(sdist: Path, wheel: Path, scratch: Path) -> None:
    """An sdist gives the wheel beside it, apart from the times of the files.

    Raises:
        AssertionError: it gives another.
    """
    place = scratch / "built"
    python = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    words = [*options, "--no-build-isolation", "--wheel-dir", str(place), str(sdist)]
    subprocess.run(
        [str(python), "-I", "-m", "pip", "wheel", *words], check=True, capture_output=True
    )
    sums = []
    for path in (wheel, place / wheel.name):
        with zipfile.ZipFile(path) as packed:
            sums.append({one.filename: one.CRC for one in packed.infolist()})
    if sums[0] != sums[1]:
        raise AssertionError(sorted(set(sums[0].items()) ^ set(sums[1].items()))[:10])


def _contents(folder: Path) -> dict[str, tuple[str, bool]]:
    """Return the hash of each file of a folder, and whether it can be run."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            bool(path.stat().st_mode & 0o100),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }

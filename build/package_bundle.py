"""Makes the folder that needs no Python on the user's machine, with PyInstaller.

One folder and no single file: the single file has two processes, takes 2.7 times as long to start,
and leaves a folder behind when it is killed. Nothing of it is a link, because npm packages and
installers of apps lose links.
"""

import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

ENTRY = """
import sys
from pyimod01_archive import ZlibArchiveReader

def extract(reader, name, raw=False, extract=ZlibArchiveReader.extract):
    try:
        return extract(reader, name, raw)
    except (KeyError, MemoryError):
        raise
    except BaseException as fault:
        raise ImportError(f"{name} cannot be loaded: {fault}") from fault

ZlibArchiveReader.extract = extract

from sidecar.__main__ import main
sys.exit(main())
"""
"""The script of the bundle. The file sidecar/__main__.py itself cannot be it: the folder of the
script comes first on the path, and sidecar/secrets would then hide a module of Python.

PyInstaller's loader ends the process, or fails with the error of a decompressor, when the
executable was removed or replaced while the program runs. With an ImportError, as in any other
Python, the program refuses the one request that needs the module."""

EXCLUDED = {
    "pygments": "rich colours program text with it, which no command shows; 4 MB",
    "markdown_it": "rich formats Markdown with it, which no command shows",
    "mdurl": "used by markdown_it only",
    "rich.markdown": "as markdown_it",
    "rich.syntax": "as pygments",
    "rich.traceback": "shows exceptions in colour, which no command does",
    "rich.__main__": "demonstrates rich",
    "cffi": "builds C modules; a bundle only loads them, through _cffi_backend",
    "pycparser": "used by cffi only",
    "zstandard._cffi": "a second implementation for PyPy; 12 MB",
    "zstandard.backend_cffi": "as above",
    "_uuid": "the module uuid works without it, and it brings a library of the system",
    "obstore": "most hosts have no object store; shipped apart, see package_remote.py; 15 MB",
    "setuptools": "installs packages",
    "pkg_resources": "as setuptools",
    "distutils": "as setuptools",
    "pip": "as setuptools",
    "wheel": "as setuptools",
    "unittest": "tests programs",
    "doctest": "as unittest",
    "pdb": "debugs programs",
    "pydoc": "shows the documentation of Python",
    "pydoc_data": "as pydoc",
    "lib2to3": "translates programs",
    "tkinter": "draws windows",
    "readline": "edits lines at a prompt, which no command has; its licence is the GPL",
    "multiprocessing": "starts processes of Python; the product starts its own executable",
    "ssl": "nothing in the bundle speaks over a network; its library is 0.9 MB",
    "_ssl": "as ssl",
    "ftplib": "as ssl; urllib.request, which jsonschema imports, has it for addresses of FTP",
    "http.cookiejar": "as ftplib, for the addresses of sites",
    "_pydecimal": "stands in for the module _decimal, which is there",
    "sqlite3": "the product brings an SQLite of its own; two in a process lose locks",
    "_sqlite3": "as sqlite3",
}
"""Modules that the analysis finds, each with the reason why the bundle does without it."""

HIDDEN = {
    "linux": (
        "keyring.backends.SecretService",
        "keyring.backends.kwallet",
        "keyring.backends.libsecret",
    ),
    "darwin": ("keyring.backends.macOS",),
    "win32": ("keyring.backends.Windows",),
}
"""Modules that are imported by a name in a string, by platform: the back ends of the keychain."""

METADATA = ("apsw", "msgspec", "isal")
"""Packages whose version `sim-sidecar doctor` reads from their metadata."""

UNREAD = (
    "README.md",
    "py.typed",
    "jsonschema/benchmarks/**/*",
    "tzdata/zoneinfo/*.tab",
    "tzdata/zoneinfo/*.zi",
    "tzdata/zoneinfo/leapseconds",
)
"""Files that nothing reads; of the time zones, tables for maps and the source of the zones."""

SYSTEM_LIBRARIES = ("libgcc_s.so.1",)
"""Libraries that glibc itself depends on in every distribution: they are there, and newer."""

ANALYSED = "pyz = PYZ(a.pure)\n"
"""The line of a spec file that follows the analysis."""
WITHOUT_HOOKS = (
    "a.scripts[:] = [each for each in a.scripts if not each[0].startswith('pyi_rth_')]\n"
)
"""Leaves out what PyInstaller runs before the program: it imports inspect and pkgutil, which no
start needs, to mend what no part of the program calls, and names a folder of OpenSSL's modules."""

UNPACKED = b"Runs `python -m sidecar` and `sim-sidecar`: imports only what the given command needs."
"""Text of a docstring, which is found in the executable only while modules are not compressed."""


class Unexpected(Exception):
    """The folder is not what it is meant to be; the text says in what."""


def executable(program: str) -> str:
    """Return the name of a program's file on this platform."""
    return f"{program}.exe" if os.name == "nt" else program


def make(program: str, dist: Path, work: Path, run: Callable[[list[str]], str]) -> Path:
    """Make the folder in `dist` and return it; `run` runs a command with this interpreter.

    Raises:
        Unexpected: the folder has what it must not have, or lacks what it must have.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    entry = work / "entry.py"
    entry.write_text(ENTRY, encoding="utf-8")
    options = ["--onedir", "--console", "--noupx", "--name", program, "--specpath", str(work)]
    if os.name != "nt":
        options.append("--strip")
    options += ["--collect-submodules", "sidecar", "--collect-data", "sidecar"]
    # Small Linux systems have no time zones either; PyInstaller only thinks of Windows.
    options += ["--hidden-import", "tzdata", "--collect-data", "tzdata"]
    for name in METADATA:
        options += ["--copy-metadata", name]
    for name in HIDDEN.get(sys.platform, ()):
        options += ["--hidden-import", name]
    for name in EXCLUDED:
        options += ["--exclude-module", name]
    run(["-m", "PyInstaller.utils.cliutils.makespec", *options, str(entry)])
    spec = work / f"{program}.spec"
    text = spec.read_text(encoding="utf-8")
    if text.count(ANALYSED) != 1:
        raise Unexpected(f"{spec} is not made as before: it has no line {ANALYSED!r}.")
    spec.write_text(text.replace(ANALYSED, WITHOUT_HOOKS + ANALYSED), encoding="utf-8")
    places = ["--distpath", str(dist), "--workpath", str(work)]
    run(["-m", "PyInstaller", "--noconfirm", *places, str(spec)])
    folder = dist / program
    for name in SYSTEM_LIBRARIES:
        (folder / "_internal" / name).unlink(missing_ok=True)
    unpack_base(folder)
    omit(folder)
    check(folder, program)
    return folder


def unpack_base(folder: Path) -> None:
    """Unpack the ZIP archive of the modules that Python needs before it can read the executable.

    Python reads an archive with a program in Python: as files these modules take 6 % off the
    instructions of a start. The bundle looks for them in both places.
    """
    inside = folder / "_internal"
    base = inside / "base_library.zip"
    with zipfile.ZipFile(base) as packed:
        packed.extractall(inside)
    base.unlink()


def omit(folder: Path) -> None:
    """Remove what nothing reads: the licences stand in one file, which is made of the packages."""
    unread = {path for pattern in UNREAD for path in folder.rglob(pattern)}
    for place in folder.rglob("*.dist-info"):
        is_read = place.name.partition("-")[0] in METADATA
        unread |= {path for path in place.rglob("*") if not (is_read and path.name == "METADATA")}
    for path in unread:
        if path.is_file():
            path.unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not list(path.iterdir()):
            path.rmdir()


def check(folder: Path, program: str) -> None:
    """Look at what no other step would notice.

    Raises:
        Unexpected: modules are compressed, or a file is a link.
    """
    if UNPACKED not in (folder / executable(program)).read_bytes():
        raise Unexpected(
            "PyInstaller compressed the modules: it has another variable for that now."
        )
    if links := [path for path in folder.rglob("*") if path.is_symlink()]:
        raise Unexpected(f"links would be lost on the way to the user: {links}")


def modules(folder: Path, program: str) -> set[str]:
    """Return the names of all Python modules that are in the executable."""
    from PyInstaller.archive.readers import (  # noqa: PLC0415 - only where it is installed
        CArchiveReader,
    )

    archive = CArchiveReader(str(folder / executable(program)))
    return set(archive.open_embedded_archive("PYZ.pyz").toc)

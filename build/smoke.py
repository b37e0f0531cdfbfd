"""Tries what `build/dev.py package` made: `python3 build/smoke.py [PATH ...]`, else all of dist/.

A PATH is the folder, its archive, the wheel, or the npm package. Each is unpacked or installed
below a folder with a blank and an umlaut, made read-only, and driven as a host and a person would:
every command, every method, foreign variables, a killed parent, a folder that is replaced under the
running process. The archive beside the folder must have its files, and the sdist beside the wheel
give that wheel. Needs Python alone; the wheel takes the packages of .cache/package/environment.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import smoke_checks
from package_archives import unpack
from smoke_checks import Artefact

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "sim-sidecar"
ENVIRONMENT = ROOT / ".cache" / "package" / "environment"


def program_in(folder: Path) -> Path:
    """Return the program in a folder."""
    return folder / (f"{PROGRAM}.exe" if os.name == "nt" else PROGRAM)


def prepared(path: Path, place: Path) -> Artefact:
    """Install an artefact below a folder, and return how it is run."""
    if path.suffix == ".whl":
        return installed_wheel(path, place)
    if path.is_dir():
        folder = place / PROGRAM
        shutil.copytree(path, folder)
    elif path.suffix == ".tgz":
        modules = place / "node_modules"
        install_npm_package(path, modules)
        (folder,) = (one.parent for one in modules.glob(f"@*/*/{PROGRAM}/manifest.json"))
    else:
        unpack(path, place)
        folder = place / PROGRAM
    return Artefact(folder, [[str(program_in(folder))]], path, bundled=True)


def install_npm_package(path: Path, modules: Path) -> None:
    """Install with npm, which leaves out links and sets modes; without npm do as it does."""
    npm = shutil.which("npm")
    modules.mkdir()
    if npm:
        (modules.parent / "package.json").write_text('{"private": true}', encoding="utf-8")
        words = ["install", "--offline", "--no-audit", "--no-fund", str(path.absolute())]
        subprocess.run([npm, *words], cwd=modules.parent, check=True, capture_output=True)
        return
    unpack(path, modules)
    told = json.loads((modules / "package" / "package.json").read_text(encoding="utf-8"))
    (modules / told["name"]).parent.mkdir()
    (modules / "package").rename(modules / told["name"])


def installed_wheel(path: Path, place: Path) -> Artefact:
    """Install a wheel in an environment that sees the locked packages."""
    (packages,) = ENVIRONMENT.glob("lib/python3*/site-packages")
    python = ENVIRONMENT / "bin" / "python"
    venv.create(place / "venv", symlinks=True)
    (own,) = (place / "venv").glob("lib/python3*/site-packages")
    quiet = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
        "--no-warn-script-location",
    ]
    inside = place / "venv" / "bin" / "python"
    command: list[str | Path] = [
        python,
        "-I",
        "-m",
        "pip",
        "--python",
        inside,
        "install",
        *quiet,
        path.absolute(),
    ]
    subprocess.run(command, check=True)
    (own / "locked.pth").write_text(f"{packages}\n", encoding="utf-8")
    module = [str(inside), "-m", "sidecar"]
    variants = [[str(place / "venv" / "bin" / PROGRAM)], module]
    variants += [[str(inside), option, "-m", "sidecar"] for option in ("-O", "-OO", "-I")]
    return Artefact(own / "sidecar", variants, path, bundled=False)


def make_read_only(folder: Path) -> None:
    """Take away the right to write, as an app that is installed for all users has none."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)


def make_writable(folder: Path) -> None:
    """Give the right to write back, so that the folder can be removed."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def tried(path: Path) -> tuple[int, int]:
    """Make every check on one artefact, and return how many passed and how many failed."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "ein Örtchen mit Blank"
        place.mkdir()
        artefact = prepared(path, place)
        make_read_only(artefact.folder)
        passed = failed = 0
        for check in smoke_checks.checks(artefact, Path(scratch)):
            begun_s = time.monotonic()
            try:
                check.run()
            except Exception:  # noqa: BLE001 - the other checks are still worth making
                failed += 1
                told = traceback.format_exc(limit=-3)
                print(f"FAILED  {path.name}: {check.name}\n{told}", flush=True)
            else:
                passed += 1
                took_s = time.monotonic() - begun_s
                print(f"ok      {path.name}: {check.name} ({took_s:.1f} s)", flush=True)
        make_writable(place)
    return passed, failed


def main() -> int:
    """Try the artefacts that are named, or all of dist/; returns 1 when a check failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    paths: list[Path] = parser.parse_args().paths
    if not paths:
        dist = ROOT / "dist"
        npm_packages = sorted(dist.glob(f"{PROGRAM}-sidecar-*.tgz"))
        paths = [dist / PROGRAM, *npm_packages, *sorted(dist.glob("*.whl"))]
    # Side by side: a check waits more than it computes. They share no folder.
    with ThreadPoolExecutor(len(paths)) as pool:
        counts = list(pool.map(tried, paths))
    passed, failed = (sum(each) for each in zip(*counts, strict=True))
    print(f"smoke: {passed} passed, {failed} failed", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

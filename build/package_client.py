"""Packs the TypeScript client as the npm package that chooses among those of the platforms.

Its sources are compiled by the compiler that its lock pins; the same sources give the same bytes.
The version and the names of the platforms' packages are added here: a lock could not hold packages
that are made from the same commit.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import package_archives as archives

ROOT = Path(__file__).resolve().parents[1]
CLIENT = ROOT / "schema" / "clients" / "typescript"
NPM_TIMEOUT_S = 120
KEPT = ("name", "description", "license", "type", "sideEffects", "engines", "exports", "files")
"""The members of the package.json of the sources that hold for the package, too."""


class CannotPackError(Exception):
    """The client cannot be packed; the text says why."""


def manifest(version: str, programs: list[str], remotes: list[str]) -> dict[str, Any]:
    """Return the package.json of the package; npm installs no peer that is optional by itself."""
    sources = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))
    return {
        **{name: sources[name] for name in KEPT},
        "version": version,
        "optionalDependencies": dict.fromkeys(sorted(programs), version),
        "peerDependencies": dict.fromkeys(sorted(remotes), version),
        "peerDependenciesMeta": {name: {"optional": True} for name in sorted(remotes)},
    }


def make(dist: Path, version: str, programs: list[str], remotes: list[str], epoch_s: int) -> Path:
    """Compile and pack the client, and return the path of the package.

    Raises:
        CannotPackError: there is no npm, it cannot fetch the compiler, or the sources are wrong.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "package"
        _compile(package / "dist")
        text = json.dumps(manifest(version, programs, remotes), indent=2)
        (package / "package.json").write_text(text + "\n", encoding="utf-8")
        for name in ("README.md", "LICENSE"):
            shutil.copy(CLIENT / name, package)
        archives.set_modes(package)
        packed = dist / f"sim-sidecar-client-{version}.tgz"
        archives.pack(package, packed, "package", epoch_s)
    return packed


def _compile(output: Path) -> None:
    """Compile the sources into a folder, with the compiler that the lock pins."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise CannotPackError("there is no npm")
    compiler = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    plain = ["--composite", "false", "--tsBuildInfoFile", "null"]
    _run([node, str(compiler), "--project", ".", "--outDir", str(output), *plain])


def _run(command: list[str]) -> None:
    """Run a command in the folder of the client."""
    try:
        subprocess.run(
            command, cwd=CLIENT, check=True, capture_output=True, text=True, timeout=NPM_TIMEOUT_S
        )
    except subprocess.CalledProcessError as failed:
        raise CannotPackError(f"{failed.stdout}{failed.stderr}"[-2000:]) from None
    except subprocess.TimeoutExpired:
        raise CannotPackError(f"{command[0]} took over {NPM_TIMEOUT_S} s") from None

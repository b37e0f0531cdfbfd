"""Makes what is shipped for this platform in dist/; `python3 build/dev.py package` runs it.

It runs in the environment of the lock `package`, which has the product's packages and the tools.
The same commit gives the same bytes: times are those of the commit, the order of sets is fixed, and
modes and owners of files are the same everywhere.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import package_archives as archives
import package_bundle as bundle
import package_client
import package_contents as contents
import package_remote

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "sim-sidecar"
NOT_IN_GIT_S = 1_700_000_000
"""The time of all files when the sources are in no git checkout, as those of the sdist."""
COMPRESSION = "PYINSTALLER_ZLIB_COMPRESSION_LEVEL"
"""PyInstaller 6.22 reads it in archive/writers.py; no documentation names it, so that the version
is pinned and `package_bundle.check` looks at the result. Level 0: modules that are not compressed
start 15 % faster, and the archives compress better."""


class Failed(Exception):
    """The package cannot be made; the text says why and what helps."""


class Platform(NamedTuple):
    """A row of platforms.toml."""

    triple: str
    system: str
    machines: list[str]
    npm: dict[str, str]
    needs: list[str]
    """The programs of the system that PyInstaller runs there."""
    archive: str
    run: bool
    """Whether the recipe was run on this platform and its result tested."""


def platforms() -> list[Platform]:
    """Return the rows of platforms.toml."""
    found = tomllib.loads((ROOT / "build" / "platforms.toml").read_text(encoding="utf-8"))
    return [Platform(**row) for row in found["platform"]]


def this_platform() -> Platform:
    """Return the row of this machine, whose tools must be there.

    Raises:
        Failed: there is no such row, or a tool is missing.
    """
    here = (platform.system(), platform.machine())
    for row in platforms():
        if row.system == here[0] and here[1] in row.machines:
            break
    else:
        raise Failed(f"build/platforms.toml has no row for {' '.join(here)}.")
    if missing := [name for name in row.needs if not shutil.which(name)]:
        raise Failed(f"{', '.join(missing)} not found; on Debian and Ubuntu: apt install binutils.")
    return row


def git(*words: str) -> str:
    """Return what a git command prints; nothing when the sources are in no checkout."""
    if not (ROOT / ".git").exists():
        return ""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def build_variables() -> dict[str, str]:
    """Return the environment variables for the tools, which make the result repeatable."""
    variables = {name: text for name, text in os.environ.items() if name[:6] != "PYTHON"}
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    return {
        **variables,
        "SOURCE_DATE_EPOCH": epoch or str(NOT_IN_GIT_S),
        "PYTHONHASHSEED": "0",
        COMPRESSION: "0",
        "PYINSTALLER_CONFIG_DIR": str(ROOT / ".cache" / "package" / "pyinstaller"),
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def run_tool(command: list[str], variables: dict[str, str]) -> str:
    """Run a tool in the checkout and return its output.

    Raises:
        Failed: the tool failed; the text has the end of its output.
    """
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{' '.join(command[:3])} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def make_python_packages(dist: Path, variables: dict[str, str]) -> Path:
    """Make the sdist and the wheel, install the wheel in this environment, and return its path."""
    for target in ("sdist", "wheel"):
        run_tool(["-m", "hatchling", "build", "-t", target, "-d", str(dist)], variables)
    (wheel,) = dist.glob("*.whl")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    run_tool(["-I", "-m", "pip", "install", *quiet, "--force-reinstall", str(wheel)], variables)
    return wheel


def facts(row: Platform, folder: Path, parts: list[contents.Part]) -> dict[str, Any]:
    """Return what manifest.json says, as far as possible told by the packaged program itself."""
    program = folder / bundle.executable(PROGRAM)
    version = first_line([str(program), "--version", "--json"])
    ready = first_line([str(program), "serve", "--ephemeral"])["params"]
    told = ("version", "protocol_version", "schema_version", "schema_hash")
    return {
        "name": PROGRAM,
        **{name: ready[name] for name in told},
        **{name: version[name] for name in ("python", "sqlite")},
        "commit": git("rev-parse", "HEAD") or None,
        "triple": row.triple,
        "tested_on_this_platform": row.run,
        **row.npm,
        "glibc_floor": contents.glibc_floor(folder),
        "bundler": f"pyinstaller {metadata.version('pyinstaller')}",
        "parts": {part.name: part.version for part in parts},
    }


def first_line(command: list[str]) -> Any:
    """Run a command without input and return the first line that it prints, which is JSON."""
    printed = subprocess.check_output(command, stdin=subprocess.DEVNULL, timeout=60)
    return json.loads(printed.splitlines()[0])


def npm_package(row: Platform, version: str, kind: str = "sidecar") -> dict[str, Any]:
    """Return the package.json of an npm package that has a folder for one platform."""
    what = {"sidecar": "The program sim-sidecar", "remote": "Object stores for sim-sidecar"}[kind]
    return {
        "name": npm_name(row, kind),
        "version": version,
        "description": f"{what} for {row.triple}.",
        "license": "MIT",
        "os": [row.npm["os"]],
        "cpu": [row.npm["cpu"]],
        **({"libc": [row.npm["libc"]]} if "libc" in row.npm else {}),
        "preferUnplugged": True,  # the files must lie on the disk, not in an archive of Yarn's
    }


def make_npm_package(described: dict[str, Any], folder: Path, epoch_s: int) -> None:
    """Pack the folder as npm does, beside it."""
    package = folder.parent / "npm"
    package.mkdir()
    write_json(package / "package.json", described)
    shutil.copy(ROOT / "LICENSE", package)
    shutil.copytree(folder, package / folder.name)
    archives.set_modes(package)
    name = described["name"].replace("@", "").replace("/", "-")
    packed = folder.parent / f"{name}-{described['version']}.tgz"
    archives.pack(package, packed, "package", epoch_s)
    shutil.rmtree(package)


def make_client_package(version: str, dist: Path, epoch_s: int) -> None:
    """Pack the TypeScript client, if this machine has npm."""
    try:
        programs, remotes = (
            [npm_name(row, kind) for row in platforms()] for kind in ("sidecar", "remote")
        )
        package_client.make(dist, version, programs, remotes, epoch_s)
    except package_client.CannotPackError as problem:
        say(f"skipped the npm package of the TypeScript client: {problem}")


def npm_name(row: Platform, kind: str = "sidecar") -> str:
    """Return the name of the npm package for one platform: of the program, or of an extra."""
    return f"@sim-sidecar/{kind}-{row.npm['os']}-{row.npm['cpu']}"


def write_layout(dist: Path) -> None:
    """Write the lines of a host's configuration that bring the folder into its app."""
    place = f"resources/{PROGRAM}"
    tauri = {"bundle": {"resources": {f"{place}/": f"{PROGRAM}/"}}}
    write_json(dist / "tauri.conf.json", tauri)
    electron = {"extraResources": [{"from": place, "to": PROGRAM}]}
    write_json(dist / "electron-builder.json", electron)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON for people and programs."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def make(dist: Path) -> None:
    """Make everything in an empty folder."""
    row = this_platform()
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    variables = build_variables()
    epoch_s = int(variables["SOURCE_DATE_EPOCH"])
    say("wheel and sdist")
    make_python_packages(dist, variables)
    say("folder")
    work = ROOT / ".cache" / "package" / "work"
    folder = bundle.make(PROGRAM, dist, work, lambda words: run_tool(words, variables))
    say("licences, SBOM, manifest")
    parts = contents.parts_of(folder, bundle.modules(folder, PROGRAM))
    shutil.copy(ROOT / "LICENSE", folder)
    (folder / "THIRD-PARTY-LICENCES.txt").write_text(contents.licences(parts), encoding="utf-8")
    manifest = facts(row, folder, parts)
    write_json(
        folder / "sbom.cdx.json", contents.sbom(PROGRAM, manifest["version"], parts, epoch_s)
    )
    write_json(folder / "manifest.json", manifest)
    for name in ("THIRD-PARTY-LICENCES.txt", "sbom.cdx.json", "manifest.json"):
        shutil.copy(folder / name, dist)
    write_layout(dist)
    archives.set_modes(folder)
    remote = dist / "remote"
    package_remote.make(remote, manifest, epoch_s)
    say("archives")
    archive = dist / f"{PROGRAM}-{row.triple}.{row.archive}"
    # Packing takes longest, and needs no lock of the interpreter: both archives at once.
    packing = threading.Thread(target=archives.pack, args=(folder, archive, PROGRAM, epoch_s))
    packing.start()
    version = manifest["version"]
    make_npm_package(npm_package(row, version), folder, epoch_s)
    extra = dist / f"{PROGRAM}-remote-{row.triple}.{row.archive}"
    archives.pack(remote, extra, f"{PROGRAM}/{remote.name}", epoch_s)
    make_npm_package(npm_package(row, version, "remote"), remote, epoch_s)
    make_client_package(version, dist, epoch_s)
    packing.join()
    write_sums(dist)


def write_sums(dist: Path) -> None:
    """Write SHA256SUMS, which `sha256sum --check` reads: every file, those of the folder too."""
    files = sorted(path for path in dist.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(dist).as_posix()}\n"
        for path in files
    ]
    (dist / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")


def say(text: str) -> None:
    """Print a line to stderr."""
    sys.stderr.write(f"package: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Make everything in dist/ and return the exit code."""
    dist = ROOT / "dist"
    try:
        make(dist)
    except (Failed, contents.Unknown, bundle.Unexpected) as problem:
        say(str(problem))
        return 1
    for path in sorted(dist.iterdir()):
        size = sum(each.stat().st_size for each in [path, *path.rglob("*")] if each.is_file())
        say(f"{size / 1e6:6.1f} MB  dist/{path.name}{'/' if path.is_dir() else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

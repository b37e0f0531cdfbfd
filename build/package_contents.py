"""Tells what a bundle is made of: packages, native parts, their versions and their licences."""

import ctypes
import json
import re
import ssl
import sys
import uuid
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

LICENCES = Path(__file__).resolve().parent / "licences"
LICENCE_FILE = re.compile(r"(^|/)(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$", re.IGNORECASE)
BUNDLER = "pyinstaller"
"""Its bootloader is the executable; its licence allows that under any licence."""
RULE = "=" * 96
PAGE_LICENCES = "sidecar/inspector/page/licences.txt"


class Unknown(Exception):
    """A file or a licence is of no known part; the text names it."""


class Native(NamedTuple):
    """A library in C or Rust that is in a file of the bundle."""

    name: str
    files: tuple[str, ...]
    """Patterns of the files below `_internal` that it is in."""
    version: Callable[[], str]
    """Answers the version; the empty string when the library does not tell it."""
    licence: str
    text: str
    """The file of its licence in build/licences."""


def _isal() -> str:
    """Return the version of ISA-L, which is linked into the package isal."""
    import isal  # noqa: PLC0415 - only where packages are made

    return str(isal.ISAL_VERSION)


def _zstd() -> str:
    """Return the version of zstd, which is linked into the package zstandard."""
    import zstandard  # noqa: PLC0415 - only where packages are made

    return ".".join(map(str, zstandard.ZSTD_VERSION))


def _sqlite() -> str:
    """Return the version of SQLite, which is linked into the package apsw."""
    import apsw  # noqa: PLC0415 - only where packages are made

    return apsw.sqlite_lib_version()


def _openssl_of_cryptography() -> str:
    """Return the version of OpenSSL, which is linked into the package cryptography."""
    from cryptography.hazmat.backends.openssl import (  # noqa: PLC0415 - as above
        backend,
    )

    return backend.openssl_version_text().split()[1]


def _libyaml() -> str:
    """Return the version of libyaml, which is linked into the package PyYAML."""
    from yaml import _yaml  # noqa: PLC0415 - only where packages are made

    return str(_yaml.get_version_string())


def told_by(library: str, function: str) -> str:
    """Return the version that a function of a shared library of this Python tells, if it does."""
    try:
        told = getattr(ctypes.CDLL(library), function)
    except (OSError, AttributeError):
        return ""
    told.restype = ctypes.c_char_p
    return str(told().decode().partition(",")[0])


NATIVE = (
    Native(
        "Python",
        ("libpython*", "python3.dll", "python3??.dll", "python3.*/lib-dynload/*", "lib-dynload/*"),
        lambda: ".".join(map(str, sys.version_info[:3])),
        "PSF-2.0",
        "python.txt",
    ),
    Native("SQLite", ("apsw/__init__.*",), _sqlite, "blessing", "sqlite.txt"),
    Native(
        "OpenSSL (in cryptography)",
        ("cryptography/hazmat/bindings/_rust.*",),
        _openssl_of_cryptography,
        "Apache-2.0",
        "openssl.txt",
    ),
    Native(
        "OpenSSL (in Python)",
        ("libssl*", "libcrypto*"),
        lambda: ssl.OPENSSL_VERSION.split()[1],
        "Apache-2.0",
        "openssl.txt",
    ),
    Native("zstd", ("zstandard/backend_c.*",), _zstd, "BSD-3-Clause", "zstd.txt"),
    Native("ISA-L", ("isal/isal_zlib.*", "isal/igzip_lib.*", "isal/_isal.*"), _isal,
           "BSD-3-Clause", "isa-l.txt"),
    Native("libyaml", ("yaml/_yaml.*",), _libyaml, "MIT", "libyaml.txt"),
    Native("zlib", ("libz.*",), lambda: zlib.ZLIB_RUNTIME_VERSION, "Zlib", "zlib.txt"),
    Native("bzip2", ("libbz2*",), lambda: told_by("libbz2.so.1.0", "BZ2_bzlibVersion"),
           "bzip2-1.0.6", "bzip2.txt"),
    Native("xz (liblzma)", ("liblzma*",), lambda: told_by("liblzma.so.5", "lzma_version_string"),
           "0BSD", "xz.txt"),
    # Only newer ones than are in use have a function that tells the version.
    Native("libffi (in Python)", ("libffi*",), lambda: told_by("libffi.so.8", "ffi_get_version"),
           "MIT", "libffi.txt"),
    Native("libffi (in cffi)", ("_cffi_backend.*",), str, "MIT", "libffi.txt"),
)  # fmt: skip


class Part(NamedTuple):
    """A package or a native part that is in the bundle."""

    name: str
    version: str
    licence: str
    """An SPDX expression, or what the package itself says."""
    texts: list[tuple[str, str]]
    """Name and text of each licence file."""
    is_package: bool
    crates: list[dict[str, Any]]
    """The components that the package itself lists in a CycloneDX document, as Rust crates."""
    is_of_npm: bool = False
    """Whether it is in the inspector's page."""


def parts_of(folder: Path, modules: set[str]) -> list[Part]:
    """Return all parts of a bundle whose executable has these modules.

    Raises:
        Unknown: a library is of no known part, or a part or a crate has no licence text.
    """
    inside = folder / "_internal"
    files = {path.relative_to(inside).as_posix() for path in inside.rglob("*") if path.is_file()}
    found = [with_crate_licences(of_package(each)) for each in _packages(files, modules)]
    libraries = {name for name in files if re.search(r"\.(so|dll|pyd|dylib)(\.|$)", name)}
    for native in NATIVE:
        own = {name for name in files if any(Path(name).match(each) for each in native.files)}
        if own:
            text = (LICENCES / native.text).read_text(encoding="utf-8")
            found.append(
                Part(
                    native.name, native.version(), native.licence, [(native.text, text)], False, []
                )
            )
        libraries -= own
    libraries -= {str(file) for each in _packages(files, modules) for file in each.files or ()}
    if libraries:
        raise Unknown(f"no part is known for {sorted(libraries)}; see NATIVE in {__file__}.")
    found += _of_page(inside / PAGE_LICENCES)
    if bare := [part.name for part in found if not part.texts]:
        raise Unknown(f"no licence text is known for {bare}.")
    return sorted(found, key=lambda part: (not part.is_package, part.name.lower()))


def _of_page(licences: Path) -> list[Part]:
    """Return the packages in the inspector's page, by the file of its licences."""
    if not licences.exists():
        return []
    _, *rest = licences.read_text(encoding="utf-8").split(f"{RULE}\n")
    found = []
    for head, text in zip(rest[::2], rest[1::2], strict=True):
        name, version, licence = head.strip().split(" ", 2)
        texts = [("LICENSE", text.strip())]
        found.append(Part(name, version, licence.strip("()"), texts, False, [], is_of_npm=True))
    return found


def _packages(files: set[str], modules: set[str]) -> list[metadata.Distribution]:
    """Return the installed packages of which something is in the bundle."""
    found = []
    for each in metadata.distributions():
        paths = [str(path) for path in each.files or ()]
        names = {
            path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for path in paths
            if path.endswith(".py")
        }
        is_bundler = each.name == BUNDLER
        if is_bundler or (each.name != "sim-sidecar" and (names & modules or files & set(paths))):
            found.append(each)
    return found


def of_package(package: metadata.Distribution) -> Part:
    """Return a package as a part."""
    texts = []
    crates = []
    for path in package.files or ():
        inside = str(path).partition(".dist-info/")[2]
        if inside and LICENCE_FILE.search(inside):
            texts.append((path.name, path.read_text(encoding="utf-8")))
        if inside.startswith("sboms/"):
            crates += json.loads(path.read_text(encoding="utf-8")).get("components", [])
    told = package.metadata
    told_as = [told.get_all(name) or [""] for name in ("License-Expression", "License")]
    licence = str(told_as[0][0] or told_as[1][0])
    if not licence or "\n" in licence:
        marks = [line for line in told.get_all("Classifier") or [] if line[:7] == "License"]
        licence = ", ".join(line.rpartition(" :: ")[2] for line in marks)
    return Part(package.name, package.version, licence, sorted(texts), True, crates)


def with_crate_licences(part: Part) -> Part:
    """Return a part with the licences of the Rust crates in it, of which packages have no texts.

    Raises:
        Unknown: a crate has no licence text.
    """
    if not (named := {f"{each['name']} {each['version']}" for each in foreign_crates(part)}):
        return part
    path = LICENCES / crates_file(part.name)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = set(", ".join(text.split(f"{RULE}\n")[1::2]).replace("\n", "").split(", "))
    if missing := named - known:
        raise Unknown(f"no licence is known for {sorted(missing)}: crate_licences.py.")
    return part._replace(texts=[*part.texts, (path.name, text)])


def foreign_crates(part: Part) -> list[dict[str, Any]]:
    """Return the crates in a part whose licence is not the part's own."""
    own = f"{part.name}-"
    crates = [each for each in part.crates if each.get("purl", "").startswith("pkg:cargo/")]
    return [each for each in crates if not each["name"].startswith(own)]


def crates_file(package: str) -> str:
    """Return the name of the file with the licences of the crates in a package."""
    return f"{package}-crates.txt"


def licences(parts: list[Part]) -> str:
    """Return the licence texts of all parts, whole."""
    sections = [
        f"{RULE}\n{part.name} {part.version}\n{part.licence}\n{RULE}\n\n"
        + "\n\n".join(text.strip() for _, text in part.texts)
        for part in parts
    ]
    head = "sim-sidecar is under the MIT licence (LICENSE). It contains what follows.\n"
    return "\n\n".join([head, *sections]) + "\n"


def sbom(program: str, version: str, parts: list[Part], epoch_s: int) -> dict[str, Any]:
    """Return the parts as a CycloneDX document."""
    components: dict[str, dict[str, Any]] = {}
    for part in parts:
        one = _component(part)
        components[one["bom-ref"]] = one
        for crate in part.crates:
            kept = {key: value for key, value in crate.items() if key != "components"}
            if "name" in kept:
                kept["bom-ref"] = kept.get("purl") or f"{part.name}:{kept['name']}"
                components.setdefault(kept["bom-ref"], kept)
    moment = datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    root = f"pkg:generic/{program}@{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # Derived from the parts, so that the same parts give the same document.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, root + repr(parts))}",
        "version": 1,
        "metadata": {
            "timestamp": moment,
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": program,
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            },
        },
        "components": [components[ref] for ref in sorted(components)],
        "dependencies": [
            {"ref": root, "dependsOn": sorted(_component(part)["bom-ref"] for part in parts)}
        ],
    }


def _slug(name: str) -> str:
    """Return a name as addresses of packages have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _component(part: Part) -> dict[str, Any]:
    """Return a part as a component of a CycloneDX document."""
    kind = "pypi" if part.is_package else "npm" if part.is_of_npm else "generic"
    at = f"@{part.version}" if part.version else ""
    # A scanner finds OpenSSL by this name, wherever in the folder it is.
    known_as = part.name if part.is_package else part.name.partition(" (")[0]
    ref, known = _slug(part.name), _slug(known_as)
    if part.is_of_npm:
        ref = known = part.name.replace("@", "%40")  # the scope of a package of npm
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:{kind}/{ref}{at}",
        "name": part.name,
        "purl": f"pkg:{kind}/{known}{at}",
        "licenses": [{"license": {"name": part.licence}}],
    }
    if part.version:
        component["version"] = part.version
    return component


def glibc_floor(folder: Path) -> str | None:
    """Return the oldest glibc that has every function that a file of the folder asks for.

    It is None where nothing asks for a glibc, as on Windows and macOS.
    """
    found = {
        tuple(map(int, version.split(b".")))
        for path in folder.rglob("*")
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"
        for version in re.findall(rb"\0GLIBC_(\d+\.\d+)(?:\.\d+)?(?=\0)", path.read_bytes())
    }
    return ".".join(map(str, max(found))) if found else None

"""Writes licences/PACKAGE-crates.txt: the licences of the Rust crates that are in each package.

The packages list their crates and have the text of none of their licences. cargo fetches the
crates, so this runs when the lock has another version of one, and its result is checked in:
`.venv/bin/python build/crate_licences.py [PACKAGE ...]`.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import package_contents as contents

PACKAGES = ("cryptography", "obstore", "rpds-py")
"""Those of the product's packages that have crates; one that is missing stops the packaging."""
FROM_GIT = ("pyo3-bytes", "pyo3-file", "pyo3-object_store")
"""Crates that come from no registry, each under the MIT licence or Apache-2.0."""
STANDARD = {"name": "humantime", "version": "2.3.0"}
"""A crate with the plain text of Apache-2.0, for the crates that only say that it is theirs."""


def manifest(crates: list[dict[str, Any]]) -> str:
    """Return a Cargo.toml that needs these crates; a withdrawn version gives way to the next."""
    lines = ["[package]", 'name = "crates"', 'version = "0.0.0"', '[lib]\npath = "lib.rs"']
    lines.append("[dependencies]")
    for number, crate in enumerate(crates):
        told = f'package = "{crate["name"]}", version = "{crate["version"]}"'
        lines.append(f"crate{number} = {{ {told}, default-features = false }}")
    return "\n".join(lines) + "\n"


def vendored(folder: Path) -> dict[tuple[str, str], Path]:
    """Return where each crate lies, by its name and by the part of its version that must agree."""
    found = {}
    for path in folder.iterdir():
        told = tomllib.loads((path / "Cargo.toml").read_text(encoding="utf-8"))["package"]
        found[told["name"], compatible(told["version"])] = path
    return found


def compatible(version: str) -> str:
    """Return the part of a version that is the same in all versions that can stand in for it."""
    major, minor, *_ = version.split(".")
    return major if major != "0" else f"0.{minor}"


def texts_of(crate: dict[str, Any], place: Path) -> list[str]:
    """Return the texts of a crate's licence; of those to choose from, that of the MIT licence."""
    files = [each for each in sorted(place.iterdir()) if contents.LICENCE_FILE.search(each.name)]
    expression = crate["licenses"][0]["expression"]
    mit = [each for each in files if "MIT" in each.name]
    if mit and re.search(r"\bMIT\b", expression) and " AND " not in expression:
        files = mit
    return [each.read_text(encoding="utf-8", errors="replace").strip() for each in files]


def collected(crates: list[dict[str, Any]], folder: Path) -> dict[str, list[str]]:
    """Return each text with the names and versions of its crates.

    Raises:
        contents.Unknown: a crate has no text.
    """
    places = vendored(folder)
    (standard,) = [path for (name, _), path in places.items() if name == STANDARD["name"]]
    apache = (standard / "LICENSE-APACHE").read_text(encoding="utf-8").strip()
    found: dict[str, tuple[str, list[str]]] = {}
    for crate in crates:
        place = places.get((crate["name"], compatible(crate["version"])))
        texts = texts_of(crate, place) if place else []
        if not texts and "Apache-2.0" in crate["licenses"][0]["expression"]:
            texts = [apache]
        if not texts:
            raise contents.Unknown(f"no licence text is known for {crate['name']}.")
        for text in texts:
            same = re.sub(r"\s+", " ", text)
            found.setdefault(same, (text, []))[1].append(f"{crate['name']} {crate['version']}")
    return dict(found.values())


def write(package: str) -> None:
    """Write the file of one package.

    Raises:
        contents.Unknown: a crate has no text.
    """
    crates = contents.foreign_crates(contents.of_package(metadata.distribution(package)))
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        fetched = [each for each in crates if each["name"] not in FROM_GIT]
        if STANDARD["name"] not in {each["name"] for each in fetched}:
            fetched.append(STANDARD)
        (place / "Cargo.toml").write_text(manifest(fetched), encoding="utf-8")
        (place / "lib.rs").touch()
        subprocess.run(["cargo", "vendor", "--quiet", "vendor"], cwd=place, check=True)
        texts = collected(crates, place / "vendor")
    sections = [
        f"{contents.RULE}\n{', '.join(names)}\n{contents.RULE}\n\n{text}\n"
        for text, names in texts.items()
    ]
    path = contents.LICENCES / contents.crates_file(package)
    path.write_text("\n".join(sections), encoding="utf-8", newline="\n")
    print(f"{path.name}: {len(crates)} crates, {len(sections)} texts")


def main() -> int:
    """Write the files of the packages that are named, or of all, and return the exit code."""
    for package in sys.argv[1:] or PACKAGES:
        write(package)
    return 0


if __name__ == "__main__":
    sys.exit(main())

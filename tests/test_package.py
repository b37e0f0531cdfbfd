"""What holds of the packages without making one; build/smoke.py tries those that were made."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import uuid
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import package_archives as archives
import package_bundle
import package_contents as contents
import package_remote
import smoke_checks
from crate_licences import PACKAGES
from package import ROOT, npm_package, platforms
from sidecar.cli.parser import COMMANDS

EPOCH_S = 1_700_000_000


def filled(folder: Path) -> Path:
    """Make a folder with a program and a text in a subfolder."""
    (folder / "inside").mkdir(parents=True)
    (folder / "program").write_bytes(b"#!/bin/sh\n")
    (folder / "program").chmod(0o700)
    (folder / "inside" / "text").write_bytes(b"a text\n" * 100)
    (folder / "inside" / "text").chmod(0o600)
    archives.set_modes(folder)
    return folder


@pytest.mark.parametrize("suffix", ["tar.xz", "tgz", "zip"])
def test_the_same_files_give_the_same_archive_whatever_their_place_and_time(
    tmp_path: Path, suffix: str
) -> None:
    made = []
    for place in ("here", "there"):
        archive = tmp_path / f"{place}.{suffix}"
        archives.pack(filled(tmp_path / place), archive, "top", EPOCH_S)
        made.append(archive.read_bytes())

    assert made[0] == made[1]


def test_an_archive_keeps_that_a_program_can_be_run_and_tells_no_owner(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.xz"
    archives.pack(filled(tmp_path / "folder"), archive, "top", EPOCH_S)

    with tarfile.open(archive) as tar:
        told = [(one.name, one.mode, one.uid, one.uname, one.mtime) for one in tar.getmembers()]
    assert told == [
        ("top/inside/text", 0o644, 0, "", EPOCH_S),
        ("top/program", 0o755, 0, "", EPOCH_S),
    ]


def test_a_zip_has_the_files_below_one_folder(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archives.pack(filled(tmp_path / "folder"), archive, "top", EPOCH_S)

    with zipfile.ZipFile(archive) as packed:
        assert packed.namelist() == ["top/inside/text", "top/program"]
        assert packed.testzip() is None


def test_the_npm_package_of_a_platform_is_installed_on_that_platform_alone() -> None:
    made = {row.triple: npm_package(row, "1.2.3") for row in platforms()}

    assert made["x86_64-unknown-linux-gnu"] == {
        "name": "@sim-sidecar/sidecar-linux-x64",
        "version": "1.2.3",
        "description": "The program sim-sidecar for x86_64-unknown-linux-gnu.",
        "license": "MIT",
        "os": ["linux"],
        "cpu": ["x64"],
        "libc": ["glibc"],
        "preferUnplugged": True,
    }
    assert "libc" not in made["x86_64-pc-windows-msvc"]


def test_the_extra_is_an_npm_package_with_the_same_fields_as_the_program() -> None:
    for row in platforms():
        program, extra = npm_package(row, "1.2.3"), npm_package(row, "1.2.3", "remote")

        changed = {
            "name": program["name"].replace("/sidecar-", "/remote-"),
            "description": f"Object stores for sim-sidecar for {row.triple}.",
        }
        assert extra == {**program, **changed}


MANIFEST = {
    "name": "sim-sidecar",
    "version": "1.2.3",
    "commit": None,
    "triple": "a-b-c",
    "tested_on_this_platform": True,
    "os": "linux",
    "cpu": "x64",
    "python": "3.11.2",
}


def test_the_extra_has_what_the_courier_imports_and_tells_what_is_in_it(tmp_path: Path) -> None:
    """Another Python imports it from there; the platform's library has another name elsewhere."""
    folder = tmp_path / "remote"
    package_remote.make(folder, MANIFEST, EPOCH_S)

    look = "import sys; sys.path[:0] = sys.argv[1:]; import obstore; from obstore import store"
    look += "; print(store.S3Store.__name__, obstore.__file__)"
    words = [sys.executable, "-I", "-S", "-B", "-c", look, str(folder)]
    (library,) = (path.name for path in (folder / "obstore").glob("_obstore.*"))
    told = json.loads((folder / "manifest.json").read_text("utf-8"))
    bill = json.loads((folder / "sbom.cdx.json").read_text("utf-8"))
    licences = (folder / "THIRD-PARTY-LICENCES.txt").read_text("utf-8")
    assert subprocess.check_output(words, text=True).split(maxsplit=1) == [
        "S3Store",
        f"{folder / 'obstore' / '__init__.py'}\n",
    ]
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == [
        *("LICENSE", "THIRD-PARTY-LICENCES.txt", "manifest.json", "obstore"),
        *("obstore/__init__.py", f"obstore/{library}", "obstore/store.py", "sbom.cdx.json"),
    ]
    version = metadata.version("obstore")
    assert told == {
        **{name: value for name, value in MANIFEST.items() if name != "python"},
        "name": "sim-sidecar-remote",
        "parts": {"obstore": version},
        "glibc_floor": contents.glibc_floor(folder),
    }
    assert {"obstore", "ring", "rustls", "tokio"} <= {one["name"] for one in bill["components"]}
    assert "Copyright (c) 2024 Development Seed" in licences
    assert "ring 0.17" in licences


@pytest.mark.parametrize("package", ["cryptography", "obstore", "rpds-py"])
def test_a_package_with_a_crate_whose_licence_is_not_known_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    described = contents.of_package(metadata.distribution(package))
    whole = contents.with_crate_licences(described)
    path = tmp_path / contents.crates_file(package)
    path.write_text(whole.texts[-1][1].replace("pyo3 0.", "pyo3 9."), "utf-8")
    monkeypatch.setattr(contents, "LICENCES", tmp_path)

    with pytest.raises(contents.Unknown, match=r"pyo3 0.*crate_licences\.py"):
        contents.with_crate_licences(described)


def test_the_packages_with_crates_are_those_whose_licences_are_written() -> None:
    locked = {
        line.partition("==")[0]
        for line in (ROOT / "build" / "locks" / "package.txt").read_text("utf-8").splitlines()
    }
    of_test = [one for one in metadata.distributions() if one.name.lower() in locked]

    assert {one.name for one in of_test if contents.of_package(one).crates} == set(PACKAGES)


def test_the_version_of_a_library_is_told_by_its_function() -> None:
    assert re.fullmatch(r"\d+\.\d+", contents.told_by("libc.so.6", "gnu_get_libc_version"))
    assert contents.told_by("libc.so.6", "no_such_function") == ""
    assert contents.told_by("libnowhere.so.1", "version") == ""


def test_the_program_is_made_without_the_extra() -> None:
    assert "obstore" in package_bundle.EXCLUDED


def test_the_matrix_says_of_every_platform_whether_its_recipe_was_run() -> None:
    assert {row.triple: row.run for row in platforms()} == {
        "x86_64-unknown-linux-gnu": True,
        "aarch64-unknown-linux-gnu": False,
        "x86_64-apple-darwin": False,
        "aarch64-apple-darwin": False,
        "x86_64-pc-windows-msvc": False,
    }
    assert {row.archive for row in platforms() if row.system == "Windows"} == {"zip"}


def test_every_native_part_has_its_licence_whole() -> None:
    texts = {part.text for part in contents.NATIVE}

    of_packages = {package_remote.OWN_LICENCE, *map(contents.crates_file, PACKAGES)}
    assert {path.name for path in contents.LICENCES.iterdir()} == texts | of_packages
    named = {part.name.partition(" ")[0] for part in contents.NATIVE}
    assert named >= {"SQLite", "OpenSSL", "zstd", "ISA-L", "Python"}


def part(name: str, **members: Any) -> contents.Part:
    """Return a part with these members."""
    usual = {"version": "1.0", "licence": "MIT", "texts": [("LICENSE", "Permission\n")]}
    return contents.Part(name, **{**usual, "is_package": True, "crates": [], **members})


def test_the_bill_of_materials_is_made_of_the_parts_and_of_what_they_list_themselves() -> None:
    crate = {"type": "library", "name": "asn1", "version": "0.2", "purl": "pkg:cargo/asn1@0.2"}
    parts = [part("cryptography", crates=[crate]), part("SQLite", is_package=False, version="")]
    made = contents.sbom("sim-sidecar", "0.1.0", parts, EPOCH_S)

    refs = {"pkg:pypi/cryptography@1.0", "pkg:generic/sqlite"}
    assert {one["bom-ref"] for one in made["components"]} == {*refs, "pkg:cargo/asn1@0.2"}
    assert made["dependencies"] == [
        {"ref": "pkg:generic/sim-sidecar@0.1.0", "dependsOn": sorted(refs)}
    ]
    assert made["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert made == contents.sbom("sim-sidecar", "0.1.0", parts, EPOCH_S)


def test_the_licences_are_written_whole_each_below_its_part() -> None:
    text = contents.licences([part("first"), part("second", licence="Zlib")])

    assert text.index("first 1.0\nMIT") < text.index("second 1.0\nZlib")
    assert text.count("Permission") == 2


def test_the_packages_of_the_page_are_parts_with_their_licences(tmp_path: Path) -> None:
    page = tmp_path / "_internal" / contents.PAGE_LICENCES
    page.parent.mkdir(parents=True)
    shutil.copy(ROOT / contents.PAGE_LICENCES, page)
    parts = [part for part in contents.parts_of(tmp_path, set()) if part.is_of_npm]
    made = contents.sbom("sim-sidecar", "0.1.0", parts, EPOCH_S)

    assert [(part.name, part.licence) for part in parts] == [
        ("@dagrejs/dagre", "MIT"),
        ("@dagrejs/graphlib", "MIT"),
        ("htm", "Apache-2.0"),
        ("preact", "MIT"),
        ("uplot", "MIT"),
    ]
    assert contents.licences(parts).count("Permission is hereby granted") == 4
    assert made["components"][0]["purl"].startswith("pkg:npm/%40dagrejs/dagre@")


def test_a_library_of_no_known_part_is_refused(tmp_path: Path) -> None:
    library = tmp_path / "_internal" / "libunheard.so.3"
    library.parent.mkdir()
    library.write_bytes(b"")

    with pytest.raises(contents.Unknown, match="libunheard"):
        contents.parts_of(tmp_path, set())


@pytest.mark.parametrize(
    ("strings", "floor"),
    [(b"\0GLIBC_2.4\0GLIBC_2.17\0GLIBC_2.3.4\0", "2.17"), (b"\0GCC_3.0\0", None)],
)
def test_the_glibc_floor_is_the_newest_version_that_a_file_asks_for(
    tmp_path: Path, strings: bytes, floor: str | None
) -> None:
    (tmp_path / "a.so").write_bytes(b"\x7fELF" + strings)
    (tmp_path / "text").write_bytes(b"\0GLIBC_9.99\0")

    assert contents.glibc_floor(tmp_path) == floor


def test_the_tools_that_make_a_package_are_no_packages_of_the_product() -> None:
    """They come from a lock of their own, into an environment of their own."""
    locks = {
        path.stem: {line.partition("==")[0] for line in path.read_text("utf-8").splitlines()}
        for path in (ROOT / "build" / "locks").glob("*.txt")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert "pyinstaller" in locks["package"]
    assert [name for name, names in locks.items() if "pyinstaller" in names] == ["package"]
    (pin,) = [one for one in project["dependency-groups"]["package"] if "pyinstaller" in one]
    assert pin.startswith("pyinstaller==6.22.")


def test_the_smoke_test_runs_every_command() -> None:
    assert smoke_checks.COMMANDS.keys() == COMMANDS.keys()


def test_the_bill_of_materials_has_what_cyclonedx_1_6_requires() -> None:
    """The rules are those of the published schema that concern the members in use."""
    crate = {"type": "library", "name": "asn1", "version": "0.2", "components": [{"name": "part"}]}
    parts = [
        part("jaraco.context", crates=[crate, {"version": "of nothing"}]),
        part("OpenSSL (in Python)", is_package=False, version=""),
    ]
    made = contents.sbom("sim-sidecar", "0.1.0", parts, EPOCH_S)
    components = made["components"]

    assert made.keys() == {
        *("bomFormat", "specVersion", "serialNumber", "version", "metadata"),
        *("components", "dependencies"),
    }
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    serial = made["serialNumber"].removeprefix("urn:uuid:")
    assert str(uuid.UUID(serial)) == serial
    assert components == [
        {
            "type": "library",
            "bom-ref": "jaraco.context:asn1",
            "name": "asn1",
            "version": "0.2",
        },
        {
            "type": "library",
            "bom-ref": "pkg:generic/openssl-in-python",
            "name": "OpenSSL (in Python)",
            "purl": "pkg:generic/openssl",
            "licenses": [{"license": {"name": "MIT"}}],
        },
        {
            "type": "library",
            "bom-ref": "pkg:pypi/jaraco-context@1.0",
            "name": "jaraco.context",
            "purl": "pkg:pypi/jaraco-context@1.0",
            "licenses": [{"license": {"name": "MIT"}}],
            "version": "1.0",
        },
    ]
    known = {one["bom-ref"] for one in [*components, made["metadata"]["component"]]}
    assert len(known) == len(components) + 1
    for one in made["dependencies"]:
        assert {one["ref"], *one["dependsOn"]} <= known

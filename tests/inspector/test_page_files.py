"""The page is the bundle of its sources, and keeps to what its Content-Security-Policy says."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "build" / "inspector"
PAGE = ROOT / "sidecar" / "inspector" / "page"


def digest() -> str:
    """SHA-256 of all sources, as build.mjs computes it."""
    names = ["build.mjs", "package-lock.json", "package.json"]
    names += [
        path.relative_to(SOURCES).as_posix()
        for path in (SOURCES / "src").rglob("*")
        if path.is_file()
    ]
    found = hashlib.sha256()
    for name in sorted(names):
        content = (SOURCES / name).read_bytes()
        found.update(f"{name}\n{len(content)}\n".encode() + content)
    return found.hexdigest()


def test_the_bundle_was_made_of_these_sources() -> None:
    first = (PAGE / "page.js").read_text("utf-8").partition("\n")[0]

    assert first.split() == ["/*", *["Generated", "by", "build/inspector/build.mjs;", "sources:"],
                             digest(), "*/"]  # fmt: skip
    for name in ("index.html", "icon.svg"):
        assert (PAGE / name).read_bytes() == (SOURCES / "src" / name).read_bytes()


def test_the_bundle_made_again_has_the_same_bytes() -> None:
    node = shutil.which("node")
    if node is None or not (SOURCES / "node_modules").exists():
        pytest.skip("needs Node, and `npm ci` in build/inspector")
    done = subprocess.run(
        [node, "build.mjs", "--check"], cwd=SOURCES, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_has_no_script_or_style_in_line_and_no_eval() -> None:
    page, script = ((PAGE / name).read_text("utf-8") for name in ("index.html", "page.js"))

    assert re.findall(r"<script[^>]*>", page) == ['<script type="module" src="/page.js">']
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.search(r"\beval\(|new Function\(|setAttribute\(.style", script)


def test_the_page_contacts_only_the_inspector() -> None:
    """Names of XML and links in texts of licences are never asked for."""
    found = set()
    for name in ("index.html", "page.js", "page.css"):
        found |= set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", (PAGE / name).read_text("utf-8")))

    assert found <= {"http://www.w3.org", "//www.w3.org"}


def test_the_licence_of_each_bundled_package_is_there_in_full() -> None:
    text = (PAGE / "licences.txt").read_text("utf-8")
    wanted = json.loads((SOURCES / "package.json").read_text("utf-8"))["dependencies"]

    for name, version in wanted.items():
        assert f"\n{name} {version} (" in text
    # dagre was bundled with graphlib.
    assert text.count("Permission is hereby granted, free of charge") == 4
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text("utf-8"))

    assert [name for name, each in lock["packages"].items() if "resolved" in each] == []
    assert [
        name for name, each in lock["packages"].items() if name and "integrity" not in each
    ] == []


def test_every_view_is_listed_once() -> None:
    app = (SOURCES / "src" / "app.js").read_text("utf-8")
    views = {path.stem for path in (SOURCES / "src" / "views").glob("*.js")}

    assert set(re.findall(r"^  (\w+): \[", app, re.MULTILINE)) == views

"""The map in sidecar/README.md names what is there, and only that."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = ROOT / "sidecar"
MAP = (PRODUCT / "README.md").read_text(encoding="utf-8")


def test_the_map_names_every_package_and_top_level_module() -> None:
    modules = {path.stem for path in PRODUCT.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in PRODUCT.glob("*/__init__.py")}
    nouns = {f"store/{path.parent.name}" for path in PRODUCT.glob("store/*/__init__.py")}

    missing = {name for name in modules if not re.search(rf"\b{name}\b", MAP)}
    missing |= {name for name in packages if f"{name}/" not in MAP}
    missing |= {name for name in nouns if f"`{name}/`" not in MAP}

    assert missing == set()


def test_nothing_that_the_map_names_is_gone() -> None:
    """Paths between back quotes, and dotted names in the call paths."""
    paths = re.findall(r"`((?:store|handlers|tests|build|schema)/[\w./]*)`", MAP)
    dotted = re.findall(r"^ *((?:wire|handlers|store|context)(?:\.\w+)+)", MAP, re.MULTILINE)

    assert [path for path in paths if not _exists(path)] == []
    assert [name for name in dotted if not _is_defined(name)] == []


def _exists(path: str) -> bool:
    return (ROOT / path).exists() or (PRODUCT / path).exists()


def _is_defined(name: str) -> bool:
    """Whether a dotted name leads to a module, or to a name defined in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = PRODUCT.joinpath(*parts[:length])
        rest = parts[length:]
        if module.with_suffix(".py").is_file():
            text = module.with_suffix(".py").read_text(encoding="utf-8")
            defined = set(re.findall(r"^\s*(?:class|def) (\w+)", text, re.MULTILINE))
            return defined.issuperset(rest)
        if module.is_dir():
            return not rest
    return False


def test_the_glossary_has_its_words_in_order() -> None:
    glossary = MAP[MAP.index("## Glossary") : MAP.index("## Add a method")]
    words = re.findall(r"^\| ([a-zA-Z ]+) \|", glossary, re.MULTILINE)[1:]

    assert words == sorted(words, key=str.lower)
    assert len(words) == 32


def test_the_page_about_tests_names_every_folder_and_shared_module() -> None:
    page = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    folders = {
        path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("*.py"))
    }
    shared = {path.name for path in (ROOT / "tests").glob("*.py")} - {"conftest.py"}
    shared = {name for name in shared if not name.startswith("test_")}

    assert {name for name in folders if f"`{name}/`" not in page} == set()
    assert {name for name in shared if f"`{name}`" not in page} == set()

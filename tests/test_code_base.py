"""Promises about the code itself that neither the type checker nor an import contract holds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sidecar
import sidecar.handlers.every
from sidecar.catalog import METHODS

PACKAGE = Path(sidecar.__file__).parent

EXECUTES = frozenset({"execute", "executemany"})
SQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE FROM|WITH|CREATE|DROP|ALTER|PRAGMA|VACUUM|ANALYZE|REINDEX"
    r"|ATTACH|BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)(\s|$)"
)


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of the string nodes that stand alone as a statement, as docstrings do."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def sql_in(tree: ast.AST) -> Iterator[str]:
    """Each call that executes a statement, and each string that begins like one."""
    passed_over = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in EXECUTES:
            yield f"line {node.lineno}: .{node.attr}"
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in passed_over
            and SQL.match(node.value)
        ):
            yield f"line {node.lineno}: {node.value!r}"


def test_sql_is_found_where_it_is() -> None:
    source = (
        '"""BEGIN a module."""\ndb.execute("COMMIT")\nquery = f"SELECT {x}"\nname = "SELECTED"\n'
    )
    found = sorted(sql_in(ast.parse(source)))
    assert found == ["line 2: 'COMMIT'", "line 2: .execute", "line 3: 'SELECT '"]


def test_only_the_store_has_sql() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): sql
        for path in sorted(PACKAGE.rglob("*.py"))
        if "store" not in path.relative_to(PACKAGE).parts
        and (sql := list(sql_in(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == {}


OTHER_FILES = {
    "system.compact": "space: it frees disk space",
    "system.purge": "space: it frees disk space",
}
"""Methods in a file whose name shares no word with theirs: the file's stem and the reason."""


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_is_declared_in_a_file_that_is_named_for_it(name: str) -> None:
    stem = METHODS[name].function.__module__.rpartition(".")[2]
    words = name.replace(".", "_").split("_")
    is_named_for_it = any(
        part in word or word in part for part in stem.split("_") for word in words
    )

    assert is_named_for_it or OTHER_FILES.get(name, "").startswith(f"{stem}: "), stem
    assert not (is_named_for_it and name in OTHER_FILES), "the exception is not needed any more"


STORE_MODULES_MAX = 3
"""Store modules that one handler module may import; with more it does work of the store."""


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted name of every module that a file of the package imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            folder = PACKAGE.parent.joinpath(*node.module.split("."))
            for alias in node.names:
                inside = (folder / alias.name).is_dir() or (folder / f"{alias.name}.py").exists()
                yield f"{node.module}.{alias.name}" if inside else node.module


def store_modules(path: Path) -> set[str]:
    """Return the modules of the store that a file imports, without those of the search."""
    imported = set(imported_modules(ast.parse(path.read_text(encoding="utf-8"))))
    return {
        name
        for name in imported
        if name.startswith("sidecar.store") and not name.startswith("sidecar.store.search")
    }


HANDLERS = PACKAGE / "handlers"


@pytest.mark.parametrize(
    "name", sorted(path.relative_to(HANDLERS).as_posix() for path in HANDLERS.rglob("*.py"))
)
def test_a_handler_module_imports_few_modules_of_the_store(name: str) -> None:
    imported = store_modules(HANDLERS / name)

    assert len(imported) <= STORE_MODULES_MAX, imported

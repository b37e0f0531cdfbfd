"""Promises about the code itself that neither the type checker nor an import contract holds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import sidecar

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

"""The registry of tables says what the schema says, and nothing else lists tables."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sidecar
from sidecar.store import tables, verified_copy
from tests.harness import Bench, open_bench

PACKAGE = Path(sidecar.__file__).parent

OTHER_LISTS = {
    "store/legacy/recognise.py": "the tables of the customer's first program",
    "store/legacy/migrate.py": "the rows that are moved, from both programs' tables",
    "store/repair/fill_from_backup.py": "one function fills each of these, in the order of owners",
    "store/repair/salvage.py": "what shows that a table had rows of which none can be read",
    "vocabularies.py": "phases of progress, some of them named for what is worked on",
    "vocabulary_sentences.py": "the same phases",
}
"""Modules that list tables of their own, and why."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench over a new database."""
    with open_bench(tmp_path) as opened:
        yield opened


def test_every_table_of_a_new_file_has_an_entry(bench: Bench) -> None:
    names = [table.name for table in tables.TABLES]

    assert sorted(names) == list(verified_copy.table_counts(bench.store.db))


def test_a_column_of_json_is_a_text_of_its_table(bench: Bench) -> None:
    for table in tables.TABLES:
        columns = dict(bench.rows("SELECT name, type FROM pragma_table_info(?)", table.name))
        assert table.json_column is None or columns[table.json_column] == "TEXT"


def test_what_refers_to_a_carried_row_is_carried_with_it(bench: Bench) -> None:
    carried = {table.name: table.carried_with for table in tables.TABLES}
    for name, companion in carried.items():
        for (owner,) in bench.rows('SELECT "table" FROM pragma_foreign_key_list(?)', name):
            assert carried[owner] == companion, f"{name} refers to {owner}"


def lists_of_tables(tree: ast.AST) -> Iterator[list[str]]:
    """The names of tables in each literal that has more than one of them."""
    names = {table.name for table in tables.TABLES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            members: list[ast.expr | None] = [*node.keys]
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            members = [*node.elts]
        else:
            continue
        found = [
            member.value
            for member in members
            if isinstance(member, ast.Constant)
            and isinstance(member.value, str)
            and member.value in names
        ]
        if len(found) > 1:
            yield found


def test_only_one_module_has_statements_for_the_table_meta() -> None:
    statement = re.compile(r"\b(FROM|INTO|UPDATE|JOIN) meta\b")
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if statement.search(path.read_text(encoding="utf-8"))
    ]

    assert found == ["store/meta.py"]


def test_no_other_module_lists_tables() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): listed
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "store" / "tables.py"
        and PACKAGE / "cli" not in path.parents
        and (listed := list(lists_of_tables(ast.parse(path.read_text(encoding="utf-8")))))
    }

    assert {name: listed for name, listed in found.items() if name not in OTHER_LISTS} == {}
    assert set(found) == set(OTHER_LISTS)

"""Damages single cells of a database with another program: the sqlite3 module of Python.

The columns come from the schema of the file, so that a new column is damaged without a change here.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sidecar.store.open_close import close_store, open_store
from sidecar.store.tables import TABLES
from tests.vault_benches import PASSPHRASE, RandomClock
from tests.wire.loop_in_process import Served, call

BAD_TEXT = b"Qz\xffname"
"""Bytes that are not UTF-8."""


class Damage(NamedTuple):
    """One cell to damage, and what is written into it."""

    table: str
    column: str
    kind: str
    expression: str
    """The SQL of the new content."""
    where: str = "true"
    """The condition of the row; the first one with it is damaged."""
    must_be_found: bool = False
    """Whether no row of this program has such a cell, so that system.check reports it."""

    def __str__(self) -> str:
        """Return the name of the case in a report."""
        place = "" if self.where == "true" else f" where {self.where}"
        return f"{self.table}.{self.column} {self.kind}{place}"


_OF_TEXT = {
    "bad_utf8": f"CAST(x'{BAD_TEXT.hex()}' AS TEXT)",
    "wrong_type": "x'00ff'",
    "number": "17",
    "null": "NULL",
    "wrong_json": "'[\"a'",
    "line_break": "'[' || char(10) || '1]'",
}
_OF_NUMBER = {
    "negative": "-5",
    "too_large": "9223372036854775807",
    "wrong_type": "'text'",
    "bad_utf8": _OF_TEXT["bad_utf8"],
    "null": "NULL",
    "fraction": "1.5",
}
_OF_BYTES = {"wrong_type": "'text'", "short": "x'00'", "number": "17", "null": "NULL"}
_OF_TYPE = {"TEXT": _OF_TEXT, "INTEGER": _OF_NUMBER, "BLOB": _OF_BYTES, "ANY": _OF_NUMBER}
_ALWAYS_WRONG = {"bad_utf8", "wrong_type", "number", "negative", "too_large", "fraction"}
_FORBIDDEN_TO_KEYS = {"wrong_type", "bad_utf8", "null", "fraction"}
"""What no row number can be, whatever the schema says."""

_PLACES = {
    "meta": [f"key = '{key}'" for key in ("clean_end", "created_at", "epoch", "store_id")],
    "settings": [
        f"key = '{key}'" for key in ("own", "backup_directory", "backup_interval_hours", "theme")
    ],
}
"""Tables in which it matters which row is damaged."""


def fill(path: Path) -> None:
    """Make a small closed database in which every table but `legacy_secrets` has rows."""
    served = Served(open_store(path, RandomClock()).store, RandomClock())
    saves = [
        call(
            1,
            "workflows.save",
            workflow={"id": each, "name": f"Qzname {each}", "tags": ["a"], "data": [number, each]},
        )
        for number in range(3)
        for each in ("w0", "w1", "w2")
    ]
    served.send(*saves, call(1, "workflows.search", query="Qzname"))
    served.send(call(1, "workflows.archive", id="w2"))
    for run in ("r0", "r1", "r2"):
        served.send(
            call(1, "runs.start", workflow_id="w0", id=run),
            call(1, "runs.finish", id=run, status="error", error_message="m", summary=[run]),
        )
    served.send(
        call(1, "settings.set", key="own", value=[1], description="d"),
        call(1, "secrets.initialize", passphrase=PASSPHRASE),
    )
    served.send(
        call(1, "secrets.set", provider="openai", value="sk-live-0123456789abcdefWXYZ"),
        call(1, "secrets.add_recovery"),
    )
    served.send(
        call(1, "settings.set", key="remote_push", value="off"),
        call(1, "remotes.set", url="file:///nowhere/remote"),
        call(1, "secrets.lock"),
        # Not indexed any more, so that a header and a text are pending.
        call(1, "workflows.update", id="w1", name="Qzname other"),
    )
    served.store.db.execute("INSERT INTO legacy_secrets VALUES ('old', 1, 2)")
    served.store.db.execute("INSERT INTO text_pending VALUES (1)")
    served.store.db.execute(
        "INSERT INTO remote_heads VALUES"
        " ('default', 'device', 1, 'backup', 'b/1', 'name', 9, 'text', 1)"
    )
    served.store.db.execute(
        "INSERT INTO remote_identities VALUES (x'01', x'02', 'device', x'03', 1, 0)"
    )
    close_store(served.store)
    served.close()


def every_damage(path: Path) -> list[Damage]:
    """Return every kind of damage for every column of every table of a file."""
    with closing(sqlite3.connect(path)) as db:
        return [
            Damage(
                table.name,
                column,
                kind,
                expression,
                where,
                not (table.name.endswith("_pending") or "clean_end" in where)
                and (
                    kind in _ALWAYS_WRONG
                    or (kind == "null" and bool(required))
                    or (kind == "wrong_json" and column == table.json_column)
                ),
            )
            for table in TABLES
            for where in _PLACES.get(table.name, ["true"])
            for _, column, type_name, required, _, key, hidden in db.execute(
                f"PRAGMA table_xinfo({table.name})"
            ).fetchall()
            if not hidden
            for kind, expression in _OF_TYPE[type_name].items()
            if not (key and type_name == "INTEGER" and kind in _FORBIDDEN_TO_KEYS)
            if not (key and kind == "null")
        ]


def do_damage(path: Path, damage: Damage) -> bool:
    """Write the damage, against the rules of the table; return whether there was a row for it.

    Triggers are taken away meanwhile and the table made to accept everything, which any program
    can do by writing the schema; then the file gets its own schema back.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema = db.execute("SELECT * FROM sqlite_schema").fetchall()
        keys = [row[1] for row in db.execute(f"PRAGMA table_info({damage.table})") if row[5]]
        key = ", ".join(keys)
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_schema WHERE type = 'trigger'")
        (sql,) = db.execute(
            "SELECT sql FROM sqlite_schema WHERE name = ?", (damage.table,)
        ).fetchone()
        db.execute(
            "UPDATE sqlite_schema SET sql = ? WHERE name = ?", (_without_rules(sql), damage.table)
        )
        db.execute("PRAGMA writable_schema = RESET")
        changed = db.execute(
            f"UPDATE {damage.table} SET {damage.column} = {damage.expression}"  # noqa: S608 - names of our own schema
            f" WHERE ({key}) = (SELECT {key} FROM {damage.table} WHERE {damage.where} LIMIT 1)"
        ).rowcount
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_schema")
        db.executemany("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", schema)
    return changed == 1


def _without_rules(sql: str) -> str:
    """Return a table's SQL without types, CHECK, NOT NULL and STRICT."""
    sql = re.sub(r"--.*", "", sql)
    sql = re.sub(r"CHECK \((?:[^()]|\([^()]*\))*\)", "", sql)
    sql = re.sub(r"\bTEXT\b|\bINTEGER\b(?! PRIMARY KEY)|\bANY\b", "BLOB", sql)
    sql = re.sub(r"(?<!IS )NOT NULL", "", sql)
    return sql.replace("STRICT, WITHOUT ROWID", "WITHOUT ROWID").replace(") STRICT", ")")

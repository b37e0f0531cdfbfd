"""The registry of tables: what copies, restores, counts and checks do with each of them.

`sql/` defines the tables; a test compares the registry with the schema of a new file. Functions
that list tables read the registry, so that a new table is given its place by one entry here.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from sidecar.store.pragmas import Connection

Companion = Literal["secrets", "audit_log"]


class Table(NamedTuple):
    """One table, and what is done with its rows."""

    name: str
    carried_with: Companion | None = None
    """What a restore takes over from the file that it replaces, and these rows with it; the rows
    of other tables come from the backup."""
    sealed: bool = False
    """Only the root key opens these rows: a backup without secrets has none of them."""
    counted: bool = False
    """Backups and restores report the number of rows."""
    noun: str | None = None
    """The name of the rows in the contract, if it differs from the name of the table."""
    checked_as: str | None = None
    """`system.check` looks at each row and reports the number of rows by this name."""
    derived: bool = False
    """A recovery computes these rows from other tables instead of reading them."""
    mended: bool = False
    """A recovery replaces damaged cells of these rows; of other tables it omits such rows."""
    json_column: str | None = None
    """This column holds JSON that is sent as it is stored, so a foreign file must not break it."""

    rising: tuple[str, ...] = ()
    """Columns that hold counts: a foreign file must leave them room to rise."""


TABLES: Final = (
    Table("meta"),
    Table("workflows", counted=True, checked_as="workflows", mended=True, json_column="tags"),
    Table("workflow_bodies", noun="bodies"),
    Table("workflow_tags", noun="tags", derived=True),
    Table(
        "workflow_revisions",
        counted=True,
        noun="revisions",
        checked_as="revisions",
        mended=True,
        json_column="metadata",
    ),
    Table("header_pending", derived=True),
    Table("text_pending", derived=True),
    Table("runs", counted=True, mended=True),
    Table("run_summaries", noun="summaries", checked_as="summaries"),
    Table("settings", counted=True, json_column="value"),
    Table(
        "access_log",
        counted=True,
        noun="audit_entries",
        checked_as="audit_entries",
        carried_with="audit_log",
    ),
    Table(
        "audit_state",
        carried_with="audit_log",
        rising=("seq", "pruned_through", "start_seq", "unsealed_through"),
    ),
    Table("audit_anchors", sealed=True, carried_with="audit_log"),
    Table("secrets", sealed=True, counted=True, carried_with="secrets"),
    Table("legacy_secrets", carried_with="secrets"),
    Table("key_slots", sealed=True, carried_with="secrets"),
    Table("data_keys", sealed=True, carried_with="secrets"),
    Table(
        "vault_state",
        carried_with="secrets",
        rising=("generation", "failures", "failed_at"),
    ),
    Table("remotes", sealed=True, carried_with="secrets"),
    Table("remote_heads", sealed=True, carried_with="secrets"),
    Table("remote_identities", sealed=True, carried_with="secrets"),
    Table("migrations", derived=True),
)

COUNTED: Final = tuple(table.name for table in TABLES if table.counted)
_NOUNS: Final = {table.name: table.noun or table.name for table in TABLES}
COUNTED_NOUNS: Final = tuple(_NOUNS[name] for name in COUNTED)
MENDED: Final = tuple(table.name for table in TABLES if table.mended)
SEALED: Final = tuple(table.name for table in TABLES if table.sealed)


SEALED_SECRETS: Final = tuple(
    table.name for table in TABLES if table.sealed and table.carried_with == "secrets"
)


def carried_with(companion: Companion) -> list[str]:
    """Return the names of the tables that a restore carries over with the secrets or the log."""
    return [table.name for table in TABLES if table.carried_with == companion]


def by_noun(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts by the names of tables as counts by what their rows are called on the wire."""
    return {_NOUNS.get(name, name): rows for name, rows in counts.items()}


def count(db: Connection, name: str) -> int:
    """Return the number of rows of a table of the registry."""
    return int(db.execute(f"SELECT count(*) FROM {name}").get)  # noqa: S608 - a constant name


def has_rows(db: Connection, name: str) -> bool:
    """Return whether a table of the registry has any rows."""
    return bool(db.execute(f"SELECT EXISTS (SELECT 1 FROM {name})").get)  # noqa: S608 - a constant name


def hold_secrets(db: Connection) -> bool:
    """Return whether any row is sealed or wrapped; then no other root key may be created."""
    return any(has_rows(db, name) for name in SEALED_SECRETS)

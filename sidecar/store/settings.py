"""Settings: typed values by key, kept as JSON text, and the defaults the product comes with.

Knows which keys have a default and of which type; what a value may be beyond its type is the
business of the capability that uses the key.
"""

import json
from typing import Final, Literal, NamedTuple

import msgspec

from sidecar import limits
from sidecar.store.connection import Connection

ValueType = Literal["string", "number", "boolean", "json"]


class Setting(NamedTuple):
    """One row; `value` is JSON text."""

    key: str
    value: str
    value_type: ValueType
    description: str | None
    updated_at: int


class Default(NamedTuple):
    """What a known key is set to at first and by a reset."""

    value: str
    value_type: ValueType
    description: str


class Own(NamedTuple):
    """A setting that the product itself goes by: a whole number within bounds."""

    value: int
    most: int
    chore: str
    """The chore that goes by it, to be run soon after a change."""
    description: str


class OwnFolder(NamedTuple):
    """A setting that names a folder the product itself uses."""

    chore: str
    """The chore that goes by it, to be run soon after a change."""
    description: str


DEFAULTS: Final[dict[str, Default]] = {
    "app_version": Default('"1.0.0"', "string", "Application version"),
    "theme": Default('"system"', "string", "UI theme preference"),
    "auto_save_interval": Default("30", "number", "Auto-save interval in seconds"),
    "default_ai_provider": Default('"openai"', "string", "Default AI provider"),
    "execution_timeout": Default("300", "number", "Workflow execution timeout in seconds"),
    "canvas_grid_size": Default("20", "number", "Canvas grid size in pixels"),
    "enable_telemetry": Default("false", "boolean", "Enable usage telemetry"),
}
"""The seven settings of the customer's first program."""

OWN: Final[dict[str, Own]] = {
    "revision_keep_count": Own(
        50,
        100_000,
        "revisions",
        "Earlier revisions kept of each workflow, 0 = all; those of runs always",
    ),
    "run_keep_count": Own(
        0, 100_000_000, "run_retention", "Runs kept of each workflow, the newest; 0 = all"
    ),
    "run_keep_days": Own(0, 36_500, "run_retention", "Days that ended runs are kept; 0 = for ever"),
    "run_keep_bytes": Own(
        0, 2**50, "run_retention", "Bytes that the summaries of all runs may take; 0 = any"
    ),
    "trash_keep_days": Own(
        0, 36_500, "trash", "Days that archived workflows are kept; 0 = for ever"
    ),
    "secrets_idle_lock_ms": Own(
        limits.IDLE_LOCK_MS,
        limits.LOCK_MAX_MS,
        "vault_lock",
        "Milliseconds without use of a secret after which secrets lock; 0 = never",
    ),
    "secrets_absolute_lock_ms": Own(
        limits.ABSOLUTE_LOCK_MS,
        limits.LOCK_MAX_MS,
        "vault_lock",
        "Milliseconds after an unlock after which secrets lock; 0 = never",
    ),
    "backup_interval_hours": Own(
        24, 8760, "backups", "Hours between two backups while something changes; 0 = none"
    ),
    "backup_keep_bytes": Own(
        0,
        2**50,
        "backups",
        "Bytes that backups may take; 0 = 1 GiB, or four times the database if that is more",
    ),
}
"""The product's own: nothing goes that the user did not ask for, revisions apart."""

OWN_FOLDERS: Final[dict[str, OwnFolder]] = {
    "backup_directory": OwnFolder(
        "backups", 'Folder of the backups; "" = `backups` beside the database'
    ),
}
"""The same for places: an absolute path, or "" for the usual one."""

DEFAULTS.update(
    {key: Default(str(own.value), "number", own.description) for key, own in OWN.items()}
)
DEFAULTS.update({key: Default('""', "string", own.description) for key, own in OWN_FOLDERS.items()})

CHORES: Final[dict[str, str]] = {
    **{key: own.chore for key, own in OWN.items()},
    **{key: own.chore for key, own in OWN_FOLDERS.items()},
}
"""The chore that goes by each of the product's own."""

SCHEMA_VERSION_KEY: Final = "schema_version"
"""Shown like a setting, kept in the file's header; nobody can set it."""


def insert_defaults(db: Connection, at: int) -> None:
    """Give every known key that is absent its default."""
    db.executemany(
        "INSERT INTO settings (key, value, value_type, description, updated_at)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        [(key, *known, at) for key, known in DEFAULTS.items()],
    )


def get(db: Connection, key: str) -> Setting | None:
    """The setting of that key, None when there is none."""
    row = db.execute(
        "SELECT key, value, value_type, description, updated_at FROM settings WHERE key = ?", (key,)
    ).fetchone()
    return Setting(*row) if row else None


def own(db: Connection, key: str) -> int:
    """What one of the product's own settings says; its default when that is nothing to go by.

    A legacy file may have used the key for something else.
    """
    setting = get(db, key)
    value = None if setting is None else own_value(key, setting.value)
    return OWN[key].value if value is None else value


def own_value(key: str, text: str) -> int | None:
    """The number that one of the product's own settings is set to; None when it is none of its."""
    try:
        value = msgspec.json.decode(text, type=int)
    except msgspec.DecodeError:
        return None
    return value if 0 <= value <= OWN[key].most else None


def own_folder(db: Connection, key: str) -> str | None:
    """The folder that one of the product's own settings names; None for the usual one."""
    setting = get(db, key)
    return None if setting is None else json.loads(setting.value) or None


def page(db: Connection, prefix: str) -> list[Setting]:
    """Every setting whose key begins with `prefix`, by key."""
    rows = db.execute(
        "SELECT key, value, value_type, description, updated_at FROM settings"
        " WHERE key >= ? AND key < ? ORDER BY key",
        (prefix, prefix + "\U0010ffff"),
    )
    return [Setting(*row) for row in rows]


def put(db: Connection, setting: Setting) -> None:
    """Write one setting over what is there."""
    db.execute(
        "INSERT INTO settings (key, value, value_type, description, updated_at)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value,"
        " value_type = excluded.value_type, description = excluded.description,"
        " updated_at = excluded.updated_at",
        setting,
    )


def delete(db: Connection, key: str) -> bool:
    """Remove a setting; False when there is none."""
    db.execute("DELETE FROM settings WHERE key = ?", (key,))
    return db.changes() > 0

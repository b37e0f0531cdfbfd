"""Settings: typed values by key, stored as JSON text, and the defaults of known keys.

Most settings are those of the app and only stored here. Those in `NUMBERS`, `FOLDERS` and
`CHOICES` are used by this program itself.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final, Literal, NamedTuple

import msgspec

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.rows import DAMAGED_NAME, RowKind, key_mark, read_cells
from sidecar.values import Timestamp

ValueType = Literal["string", "number", "boolean", "json"]


class Setting(NamedTuple):
    """A setting as it is stored; `value` is JSON text."""

    key: str
    value: str
    value_type: ValueType
    description: str | None
    updated_at: Timestamp
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


SETTINGS: Final = RowKind("settings", Setting, "key", json=("value", msgspec.Raw))
"""The rows of `_COLUMNS`."""

_COLUMNS: Final = "key, value, value_type, description, updated_at"


class Default(NamedTuple):
    """The value of a known key in a new database, and after a reset."""

    value: str
    value_type: ValueType
    description: str


class NumberSetting(NamedTuple):
    """A setting that this program uses: a whole number from 0 to `maximum`."""

    default: int
    maximum: int
    chore: str
    """The chore that uses the number, and is run soon after a change."""
    description: str


class FolderSetting(NamedTuple):
    """A setting that this program uses: the absolute path of a folder, or "" for the usual one."""

    chore: str
    """The chore that uses the folder, and is run soon after a change."""
    description: str


class ChoiceSetting(NamedTuple):
    """A setting that this program uses: one of a few values, the first of which is the default."""

    values: tuple[str, ...]
    """JSON texts."""
    value_type: ValueType
    chore: str
    """The chore that uses the value, and is run soon after a change."""
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

NUMBERS: Final[dict[str, NumberSetting]] = {
    "revision_keep_count": NumberSetting(
        50,
        100_000,
        "revisions",
        "Earlier revisions kept of each workflow, 0 = all; those of runs always",
    ),
    "run_keep_count": NumberSetting(
        0, 100_000_000, "run_retention", "Runs kept of each workflow, the newest; 0 = all"
    ),
    "run_keep_days": NumberSetting(
        0, 36_500, "run_retention", "Days that ended runs are kept; 0 = for ever"
    ),
    "run_keep_bytes": NumberSetting(
        0, 2**50, "run_retention", "Bytes that the summaries of all runs may take; 0 = any"
    ),
    "archive_keep_days": NumberSetting(
        0, 36_500, "trash", "Days that archived workflows are kept; 0 = for ever"
    ),
    "secrets_idle_lock_ms": NumberSetting(
        limits.IDLE_LOCK_MS,
        limits.LOCK_MAX_MS,
        "vault_lock",
        "Milliseconds without use of a secret after which secrets lock; 0 = never",
    ),
    "secrets_absolute_lock_ms": NumberSetting(
        limits.ABSOLUTE_LOCK_MS,
        limits.LOCK_MAX_MS,
        "vault_lock",
        "Milliseconds after an unlock after which secrets lock; 0 = never",
    ),
    "backup_interval_hours": NumberSetting(
        24, 8760, "backups", "Hours between two backups while something changes; 0 = none"
    ),
    "backup_keep_bytes": NumberSetting(
        0,
        2**50,
        "backups",
        "Bytes that backups may take; 0 = 1 GiB, or four times the database if that is more",
    ),
    "remote_keep_bytes": NumberSetting(
        0,
        limits.REMOTE_KEEP_MAX_BYTES,
        "remotes",
        "Bytes that backups of this device may take in a remote, the newest always; 0 = any",
    ),
}
"""With these defaults nothing is deleted that a person did not delete, except old revisions."""

FOLDERS: Final[dict[str, FolderSetting]] = {
    "backup_directory": FolderSetting(
        "backups", 'Folder of the backups; "" = `backups` beside the database'
    ),
}

CHOICES: Final[dict[str, ChoiceSetting]] = {
    "remote_push": ChoiceSetting(
        ('"after_backup"', '"off"'),
        "string",
        "remotes",
        "When remotes are pushed to: after each backup and each unlock, or off = by request",
    ),
    "remote_audit": ChoiceSetting(
        ("true", "false"), "boolean", "remotes", "Whether the audit log goes to remotes too"
    ),
}

DEFAULTS.update(
    {key: Default(str(each.default), "number", each.description) for key, each in NUMBERS.items()}
)
DEFAULTS.update({key: Default('""', "string", each.description) for key, each in FOLDERS.items()})
DEFAULTS.update(
    {
        key: Default(each.values[0], each.value_type, each.description)
        for key, each in CHOICES.items()
    }
)

CHORES: Final = {
    key: each.chore for used in (NUMBERS, FOLDERS, CHOICES) for key, each in used.items()
}
"""The chore that uses each of these settings."""

GUARDING: Final = (*NUMBERS, *FOLDERS, *CHOICES)
"""Settings that guard the user's data and secrets: where backups go and how often, how long what
is kept, when secrets lock. A restore leaves them as they are, and a backup has possible values."""

SCHEMA_VERSION_KEY: Final = "schema_version"
"""Shown like a setting, but stored in the header of the file, and not to be set."""


def insert_defaults(db: Connection, at: int, called: Mapping[str, str] | None = None) -> None:
    """Insert the default of every known key that is missing.

    `called` has the names that keys had in a file of an earlier version, where they differ.
    """
    called = called or {}
    db.executemany(
        "INSERT INTO settings (key, value, value_type, description, updated_at)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        [(called.get(key, key), *known, at) for key, known in DEFAULTS.items()],
    )


def get(db: Connection, key: str) -> Setting | None:
    """Return the setting of a key, also a damaged one, or None when there is none."""
    return SETTINGS.find(db, f"SELECT {_COLUMNS} FROM settings WHERE key = ?", (key,))  # noqa: S608 - constants


def number(db: Connection, key: str) -> int:
    """Return the number that a key of `NUMBERS` is set to, or its default when it is invalid.

    A legacy file may have used the key for something else.
    """
    setting = get(db, key)
    value = None if setting is None else parse_number(key, setting.value)
    return NUMBERS[key].default if value is None else value


def parse_number(key: str, text: str) -> int | None:
    """Return the number in a JSON text, or None when a key of `NUMBERS` cannot have this value."""
    try:
        value = msgspec.json.decode(text, type=int)
    except msgspec.DecodeError:
        return None
    return value if 0 <= value <= NUMBERS[key].maximum else None


def folder(db: Connection, key: str) -> str | None:
    """Return the folder that a key of `FOLDERS` is set to, or None for the usual one.

    It is the usual one, too, when the value is invalid or is a path of another system.
    """
    setting = get(db, key)
    value = None if setting is None else parse_folder(setting.value)
    return value if value and Path(value).is_absolute() else None


def parse_folder(text: str) -> str | None:
    """Return the path in a JSON text, or None when no key of `FOLDERS` can have this value.

    It must be absolute on some system: a backup may have been made on another one.
    """
    try:
        value = msgspec.json.decode(text, type=str)
    except msgspec.DecodeError:
        return None
    kinds = (PurePosixPath(value), PureWindowsPath(value), Path(value))
    is_path = "\0" not in value and any(path.is_absolute() for path in kinds)
    return value if is_path or not value else None


def choice(db: Connection, key: str) -> str:
    """Return the JSON text that a key of `CHOICES` is set to, or its default when it is invalid."""
    setting = get(db, key)
    values = CHOICES[key].values
    return setting.value if setting is not None and setting.value in values else values[0]


def is_possible(setting: Setting) -> bool:
    """Return whether the program can use the value of a setting, or does not use it at all."""
    if setting.key in NUMBERS:
        return not setting.damaged and parse_number(setting.key, setting.value) is not None
    if setting.key in FOLDERS:
        return not setting.damaged and parse_folder(setting.value) is not None
    if setting.key in CHOICES:
        return not setting.damaged and setting.value in CHOICES[setting.key].values
    return True


def impossible_keys(db: Connection) -> list[str]:
    """Return the keys that this program uses and that have a value that it cannot use."""
    found = ((key, get(db, key)) for key in GUARDING)
    return [key for key, setting in found if setting is not None and not is_possible(setting)]


def put_default(db: Connection, key: str, at: int) -> None:
    """Set a known key to its default."""
    put(db, Setting(key, *DEFAULTS[key], at))


def by_prefix(db: Connection, prefix: str) -> list[Setting]:
    """Return every setting with a key that begins with `prefix`, ordered by key."""
    return SETTINGS.read(
        db,
        f"SELECT {_COLUMNS} FROM settings"  # noqa: S608 - constants
        " WHERE (?1 = '' OR key >= ?1 AND key < ?2) ORDER BY key",
        (prefix, prefix + "\U0010ffff"),
    )


def some_keys(db: Connection, most: int) -> list[str]:
    """Return the keys with a default, and up to `most` others: those that a person may mean."""
    found = db.execute("SELECT key FROM settings ORDER BY key LIMIT ?", (most,))
    return [*DEFAULTS, *(key for (key,) in found if isinstance(key, str) and key not in DEFAULTS)]


def put(db: Connection, setting: Setting) -> None:
    """Insert or replace a setting."""
    db.execute(
        "INSERT INTO settings (key, value, value_type, description, updated_at)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value,"
        " value_type = excluded.value_type, description = excluded.description,"
        " updated_at = excluded.updated_at",
        setting[:5],
    )


def delete(db: Connection, key: str) -> bool:
    """Delete a setting; return whether there was one."""
    db.execute("DELETE FROM settings WHERE key = ?", (key,))
    return db.changes() > 0 or (key.startswith(DAMAGED_NAME) and _delete_damaged(db, key))


def _delete_damaged(db: Connection, shown: str) -> bool:
    """Delete the settings with a damaged key that lists show as `shown`; return whether any was."""
    keys = [cell for (cell,) in read_cells(db, 1, "SELECT key FROM settings")]
    found = [
        key for key in keys if not isinstance(key, str) and DAMAGED_NAME + key_mark(key) == shown
    ]
    for key in found:
        stored = key if isinstance(key, bytes) else str(key).encode()
        db.execute("DELETE FROM settings WHERE CAST(key AS BLOB) = ?", (stored,))
    return bool(found)

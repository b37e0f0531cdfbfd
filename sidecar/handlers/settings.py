"""The methods of settings, which are typed values by key.

A key with a default keeps its type and can be reset, but not deleted. `schema_version` is shown
like a setting and cannot be set. Values of type json are stored as they were sent.
"""

from pathlib import Path
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits
from sidecar.catalog import MayBeDamaged, Params, Result, method
from sidecar.context import Context
from sidecar.did_you_mean import nearest_name
from sidecar.errors import InvalidParams, NotFound, TooLarge
from sidecar.files import is_companion
from sidecar.notifications import SettingChange, SettingsChanged
from sidecar.pages import page_of, take_page
from sidecar.secrets.state import LOCK_CHORE
from sidecar.store import meta, settings
from sidecar.store.settings import SCHEMA_VERSION_KEY, Setting, ValueType
from sidecar.values import (
    CursorParam,
    Limit,
    NextCursor,
    Timestamp,
    encode_cursor,
    query_mark,
    stored_json,
)

# `$` alone would also match before a line break at the end of the key.
Key = Annotated[
    str,
    Meta(
        pattern="^[a-z0-9_.]{1,64}$(?!\\n)", description="1 to 64 of a-z, 0-9, underscore and dot."
    ),
]
Description = Annotated[
    Annotated[str, Meta(max_length=limits.SETTING_DESCRIPTION_MAX_CHARS)] | UnsetType,
    Meta(
        description='Text for people, at most 1 024 characters; "" removes it; null or absent: it'
        " stays."
    ),
]
Value = Annotated[Raw, Meta(description="The value, of the type in `value_type`.")]
Type = Annotated[
    ValueType | UnsetType,
    Meta(
        description="Type of the value; absent: the type of the key's default if it has one, else"
        " that of the value."
    ),
]


class SettingView(MayBeDamaged, frozen=True):
    """A setting."""

    key: Key
    value: Annotated[Any, Meta(description="The value.")]
    value_type: Annotated[ValueType, Meta(description="Type of the value.")]
    description: Annotated[
        str | None, Meta(description="Text for people; null when there is none.")
    ]
    updated_at: Timestamp


def _fields(setting: Setting) -> tuple[Any, ...]:
    """Return the fields of `SettingView` in order."""
    return (setting.key, stored_json(setting.value), *setting[2:5])


def _schema_version(ctx: Context) -> Setting:
    """Return the version of the database's tables in the form of a setting."""
    text = str(ctx.store.schema_version())
    return Setting(SCHEMA_VERSION_KEY, text, "number", "Version of the database's tables", 0)


def _not_found(ctx: Context, key: str) -> NotFound:
    """Return the error for a key that no setting has, with the most similar key."""
    near = nearest_name(key, settings.some_keys(ctx.db, limits.PAGE_MAX))
    return NotFound("No setting has this key.", path="$.params.key", did_you_mean=near)


# --- settings.get, settings.list --------------------------------------------------------------


class SettingsGetParams(Params, frozen=True):
    """The setting to read."""

    key: Key


class SettingsGetResult(Result, frozen=True):
    """The setting."""

    setting: Annotated[SettingView, Meta(description="The setting.")]


@method("settings.get", access="read", errors=(NotFound,))
def get(ctx: Context, params: SettingsGetParams) -> SettingsGetResult:
    """Return a setting."""
    if params.key == SCHEMA_VERSION_KEY:
        found: Setting | None = _schema_version(ctx)
    else:
        found = settings.get(ctx.db, params.key)
    if found is None:
        raise _not_found(ctx, params.key)
    found = settings.SETTINGS.refuse_damaged(found)
    return SettingsGetResult(SettingView(*_fields(found)))


class SettingsListParams(Params, frozen=True):
    """Which settings to list."""

    prefix: Annotated[
        Annotated[str, Meta(pattern="^[a-z0-9_.]{0,64}$(?!\\n)")],
        Meta(description="Only keys that begin with this; absent: all."),
    ] = ""
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class SettingsListResult(Result, frozen=True):
    """A page of settings."""

    items: Annotated[list[SettingView], Meta(description="Ordered by key.")]
    next_cursor: NextCursor


@method("settings.list", access="read")
def list_settings(ctx: Context, params: SettingsListParams) -> SettingsListResult:
    """List settings, ordered by key, a page at a time."""
    found = settings.by_prefix(ctx.db, params.prefix)
    if SCHEMA_VERSION_KEY.startswith(params.prefix):
        found.append(_schema_version(ctx))
    found.sort(key=_key)
    page, next_cursor = page_of(found, _key, params.limit, params.cursor, params.prefix)
    views = (SettingView(*_fields(setting), damaged=setting.damaged) for setting in page)
    items, more = take_page(views, params.limit)
    if more:
        next_cursor = encode_cursor(query_mark(params.prefix), items[-1].key)
    return SettingsListResult(items, next_cursor)


def _key(setting: Setting) -> tuple[str]:
    """Return what a list of settings is sorted by."""
    return (setting.key,)


# --- settings.set, settings.set_many ----------------------------------------------------------


class SettingsSetParams(Params, frozen=True):
    """The setting to set, and its value."""

    key: Key
    value: Value
    value_type: Type = UNSET
    description: Description = UNSET


class SettingsSetResult(SettingView, frozen=True):
    """The setting as it is now."""


class SettingsSetItem(SettingsSetParams, frozen=True):
    """One of several settings to set, and its value."""


class SettingsSetManyParams(Params, frozen=True):
    """The settings to set."""

    items: Annotated[
        list[SettingsSetItem],
        Meta(min_length=1, max_length=limits.MANY_MAX_ITEMS, description="1 to 100 settings."),
    ]


class SettingsSetManyResult(Result, frozen=True):
    """The settings as they are now."""

    items: Annotated[list[SettingView], Meta(description="In the order of the params.")]


@method("settings.set", access="write")
def set_one(ctx: Context, params: SettingsSetParams) -> SettingsSetResult:
    """Set a setting."""
    setting, changed = _set(ctx, params, "$.params")
    _report(ctx, [setting] if changed else [])
    return SettingsSetResult(*_fields(setting))


@method("settings.set_many", access="write")
def set_many(ctx: Context, params: SettingsSetManyParams) -> SettingsSetManyResult:
    """Set several settings: all of them, or none when one of them is invalid."""
    results = [_set(ctx, item, f"$.params.items[{i}]") for i, item in enumerate(params.items)]
    _report(ctx, [setting for setting, changed in results if changed])
    return SettingsSetManyResult([SettingView(*_fields(setting)) for setting, _changed in results])


def _set(ctx: Context, item: SettingsSetParams, path: str) -> tuple[Setting, bool]:
    """Set the setting of `item`, at `path` of the request; return it and whether it changed."""
    if item.key == SCHEMA_VERSION_KEY:
        raise InvalidParams("schema_version cannot be set.", path=f"{path}.key")
    text = _text_of(ctx, bytes(item.value), f"{path}.value")
    default = settings.DEFAULTS.get(item.key)
    type_of_value = _type_of(text)
    if item.value_type is not UNSET:
        value_type = item.value_type
    else:
        value_type = default.value_type if default else type_of_value
    if default is not None and value_type != default.value_type:
        raise InvalidParams(f"This key is of type {default.value_type}.", path=f"{path}.value_type")
    if value_type not in (type_of_value, "json"):
        raise InvalidParams(f"The value is not of type {value_type}.", path=f"{path}.value")
    _check_value(ctx, item.key, text, f"{path}.value")
    if item.key in settings.FOLDERS:
        # A person accepts the folder as it is now, also when it has lost its marker.
        meta.discard(ctx.db, meta.BACKUP_FOLDER)
    before = settings.get(ctx.db, item.key)
    if before is not None and before.damaged:
        before = None
    description = item.description
    if description is UNSET:
        text_for_people = before.description if before else None
    else:
        text_for_people = description or None
    if before is not None and before[1:4] == (text, value_type, text_for_people):
        return before, False
    setting = Setting(item.key, text, value_type, text_for_people, ctx.clock.now_ms())
    settings.put(ctx.db, setting)
    return setting, True


def _text_of(ctx: Context, value: bytes, path: str) -> str:
    """Return the JSON text of a value as it is stored: on one line, unlike that of a body."""
    if len(value) > limits.SETTING_VALUE_MAX_BYTES:
        raise TooLarge(path=path, limit=limits.SETTING_VALUE_MAX_BYTES)
    ctx.refuse_deep(value, path)
    return value.replace(b"\r", b" ").decode()


def _check_value(ctx: Context, key: str, text: str, path: str) -> None:
    """Refuse a value that this program cannot use, of a setting that it uses itself."""
    if key in settings.FOLDERS:
        folder = settings.parse_folder(text)
        if folder is None or (folder and not Path(folder).is_absolute()):
            raise InvalidParams('This key takes an absolute path, or "".', path=path)
        if folder and is_companion(Path(folder), ctx.store.path):
            raise InvalidParams("A folder of that name belongs to the database.", path=path)
    choice = settings.CHOICES.get(key)
    if choice is not None and text not in choice.values:
        raise InvalidParams(f"This key takes {' or '.join(choice.values)}.", path=path)
    number = settings.NUMBERS.get(key)
    if number is not None and settings.parse_number(key, text) is None:
        raise InvalidParams(f"This key takes a whole number from 0 to {number.maximum}.", path=path)


def _type_of(text: str) -> ValueType:
    """Return the type of a JSON value."""
    first = text.lstrip()[:1]
    if first == '"':
        return "string"
    if first in ("t", "f"):
        return "boolean"
    return "json" if first in ("{", "[", "n") else "number"


def _report(ctx: Context, changed: list[Setting]) -> None:
    """Log the settings that changed, emit them, and schedule the chores that use them."""
    if not changed:
        return
    by_key = {setting.key: setting for setting in changed}
    resource = next(iter(by_key)) if len(by_key) == 1 else "*"
    ctx.audit("settings_update", resource, keys=list(by_key))
    for key in by_key.keys() & settings.CHORES.keys():
        chore = settings.CHORES[key]
        if chore == LOCK_CHORE:
            ctx.session.schedule(chore, limits.LOCK_CHECK_MS, at_latest=True)
        else:
            ctx.session.schedule(chore, limits.RETENTION_AFTER_CHANGE_MS)
    changes = [
        SettingChange(key, stored_json(setting.value), deleted=False)
        for key, setting in by_key.items()
    ]
    ctx.emit(SettingsChanged(changes, ctx.audit_seq))


# --- settings.delete, settings.reset ----------------------------------------------------------


class SettingsDeleteParams(Params, frozen=True):
    """The setting to delete."""

    key: Key


class SettingsDeleteResult(Result, frozen=True):
    """The setting that was deleted."""

    key: Key


@method("settings.delete", access="write", errors=(NotFound,))
def delete(ctx: Context, params: SettingsDeleteParams) -> SettingsDeleteResult:
    """Delete a setting that has no default; settings.reset resets one that has."""
    if params.key in settings.DEFAULTS or params.key == SCHEMA_VERSION_KEY:
        text = "This key cannot be deleted; settings.reset resets a key that has a default."
        raise InvalidParams(text, path="$.params.key")
    if not settings.delete(ctx.db, params.key):
        raise _not_found(ctx, params.key)
    ctx.audit("settings_delete", params.key)
    change = SettingChange(params.key, None, deleted=True)
    ctx.emit(SettingsChanged([change], ctx.audit_seq))
    return SettingsDeleteResult(params.key)


class SettingsResetParams(Params, frozen=True):
    """The settings to reset."""

    keys: Annotated[
        Annotated[list[Key], Meta(max_length=limits.MANY_MAX_ITEMS)] | None,
        Meta(description="Keys that have a default; absent or null: all of these."),
    ] = None


class SettingsResetResult(Result, frozen=True):
    """The settings as they are now."""

    items: Annotated[list[SettingView], Meta(description="In the order of the params.")]


@method("settings.reset", access="write", errors=(NotFound,))
def reset(ctx: Context, params: SettingsResetParams) -> SettingsResetResult:
    """Set settings back to their defaults."""
    keys = list(settings.DEFAULTS) if params.keys is None else params.keys
    views: list[SettingView] = []
    changed: list[Setting] = []
    for index, key in enumerate(keys):
        default = settings.DEFAULTS.get(key)
        if default is None:
            text, near = "This key has no default.", nearest_name(key, settings.DEFAULTS)
            raise NotFound(text, path=f"$.params.keys[{index}]", did_you_mean=near)
        setting = settings.get(ctx.db, key)
        if setting is None or setting.damaged or setting[1:4] != default:
            setting = Setting(key, *default, ctx.clock.now_ms())
            settings.put(ctx.db, setting)
            changed.append(setting)
        views.append(SettingView(*_fields(setting)))
    _report(ctx, changed)
    return SettingsResetResult(views)

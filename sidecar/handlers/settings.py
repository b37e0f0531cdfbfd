"""Methods of the settings: typed values by key, all or none, with their defaults.

A known key keeps its type and can be reset but not deleted; `schema_version` is shown and never
set. Values of type json stay as they were sent.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import InvalidParams, NotFound, TooLarge
from sidecar.notifications import SettingChange, SettingsChanged
from sidecar.store import codec, settings
from sidecar.store.settings import SCHEMA_VERSION_KEY, Setting, ValueType
from sidecar.values import Timestamp, stored_json

# `$` alone would let a line break through behind the key.
Key = Annotated[
    str,
    Meta(
        pattern="^[a-z0-9_.]{1,64}$(?!\\n)",
        description="1 to 64 of a-z, 0-9, underscore and dot.",
    ),
]
Description = Annotated[
    Annotated[str, Meta(max_length=limits.SETTING_DESCRIPTION_MAX_CHARS)] | UnsetType | None,
    Meta(description="For people, up to 1 024 characters; absent keeps it, null clears it."),
]
Value = Annotated[Raw, Meta(description="The value, of the type `value_type` names.")]
Type = Annotated[
    ValueType | UnsetType,
    Meta(description="Type of the value; absent: the known key's, or what the value looks like."),
]


class SettingView(Struct, frozen=True):
    """One setting."""

    key: Key
    value: Annotated[Any, Meta(description="The value, typed.")]
    value_type: Annotated[ValueType, Meta(description="Type of the value.")]
    description: Annotated[str | None, Meta(description="For people.")]
    updated_at: Timestamp


def _view(setting: Setting) -> SettingView:
    return SettingView(
        setting.key,
        stored_json(setting.value),
        setting.value_type,
        setting.description,
        setting.updated_at,
    )


def _schema_version(ctx: Context) -> Setting:
    text = str(ctx.store.schema_version())
    return Setting(SCHEMA_VERSION_KEY, text, "number", "Version of the database's tables", 0)


# --- settings.get, settings.list --------------------------------------------------------------


class SettingsGetParams(Params, frozen=True):
    """Which setting."""

    key: Key


class SettingsGetResult(SettingView, frozen=True):
    """The setting."""


@method("settings.get", access="read", errors=(NotFound,))
def get(ctx: Context, params: SettingsGetParams) -> SettingsGetResult:
    """Return one setting."""
    if params.key == SCHEMA_VERSION_KEY:
        found: Setting | None = _schema_version(ctx)
    else:
        found = settings.get(ctx.db, params.key)
    if found is None:
        raise NotFound("There is no such setting.", path="$.params.key")
    return SettingsGetResult(**msgspec.structs.asdict(_view(found)))


class SettingsListParams(Params, frozen=True):
    """Which settings."""

    prefix: Annotated[
        Annotated[str, Meta(pattern="^[a-z0-9_.]{0,64}$(?!\\n)")],
        Meta(description="Only keys that begin with it; absent: all."),
    ] = ""


class SettingsListResult(Result, frozen=True):
    """The settings."""

    items: Annotated[list[SettingView], Meta(description="By key.")]


@method("settings.list", access="read")
def list_settings(ctx: Context, params: SettingsListParams) -> SettingsListResult:
    """List the settings, by key."""
    found = settings.page(ctx.db, params.prefix)
    if SCHEMA_VERSION_KEY.startswith(params.prefix):
        found = sorted([*found, _schema_version(ctx)])
    return SettingsListResult([_view(setting) for setting in found])


# --- settings.set, settings.set_many ----------------------------------------------------------


class SettingsSetParams(Params, frozen=True):
    """What to set."""

    key: Key
    value: Value
    value_type: Type = UNSET
    description: Description = UNSET


class SettingsSetResult(SettingView, frozen=True):
    """The setting as it is now."""


class SettingsSetItem(Struct, frozen=True, forbid_unknown_fields=True):
    """One of several to set."""

    key: Key
    value: Value
    value_type: Type = UNSET
    description: Description = UNSET


class SettingsSetManyParams(Params, frozen=True):
    """What to set, all or none."""

    items: Annotated[
        list[SettingsSetItem],
        Meta(min_length=1, max_length=limits.MANY_MAX_ITEMS, description="1 to 100 settings."),
    ]


class SettingsSetManyResult(Result, frozen=True):
    """The settings as they are now."""

    items: Annotated[list[SettingView], Meta(description="In the order given.")]


@method("settings.set", access="write", errors=(TooLarge,))
def set_one(ctx: Context, params: SettingsSetParams) -> SettingsSetResult:
    """Set one setting."""
    item = SettingsSetItem(params.key, params.value, params.value_type, params.description)
    setting, changed = _put(ctx, item, "$.params")
    _tell(ctx, [setting] if changed else [])
    return SettingsSetResult(**msgspec.structs.asdict(_view(setting)))


@method("settings.set_many", access="write", errors=(TooLarge,))
def set_many(ctx: Context, params: SettingsSetManyParams) -> SettingsSetManyResult:
    """Set several settings, all or none."""
    put = [_put(ctx, item, f"$.params.items[{i}]") for i, item in enumerate(params.items)]
    _tell(ctx, [setting for setting, changed in put if changed])
    return SettingsSetManyResult([_view(setting) for setting, _changed in put])


def _put(ctx: Context, item: SettingsSetItem, path: str) -> tuple[Setting, bool]:
    """Write one setting; tells whether it changed."""
    if item.key == SCHEMA_VERSION_KEY:
        raise InvalidParams("schema_version cannot be set.", path=f"{path}.key")
    text = codec.normalise(bytes(item.value)).decode()
    if len(text.encode()) > limits.SETTING_VALUE_MAX_BYTES:
        raise TooLarge(path=f"{path}.value", limit=limits.SETTING_VALUE_MAX_BYTES)
    looks = _looks_like(text)
    known = settings.DEFAULTS.get(item.key)
    wanted = _wanted_type(item, looks)
    if known is not None and wanted != known.value_type:
        raise InvalidParams(f"This key is of type {known.value_type}.", path=f"{path}.value_type")
    if wanted not in (looks, "json"):
        raise InvalidParams(f"The value is not of type {wanted}.", path=f"{path}.value")
    _check_own(item.key, text, path)
    before = settings.get(ctx.db, item.key)
    described = item.description
    if described is UNSET:
        described = before.description if before else None
    if before is not None and before[1:4] == (text, wanted, described):
        return before, False
    setting = Setting(item.key, text, wanted, described, ctx.clock.now_ms())
    settings.put(ctx.db, setting)
    return setting, True


def _check_own(key: str, text: str, path: str) -> None:
    """Refuse a value that the product could not go by."""
    if key in settings.OWN_FOLDERS:
        _check_folder(text, path)
    own = settings.OWN.get(key)
    if own is None:
        return
    if settings.own_value(key, text) is None:
        raise InvalidParams(
            f"This key takes a whole number from 0 to {own.most}.", path=f"{path}.value"
        )


def _check_folder(text: str, path: str) -> None:
    named = msgspec.json.decode(text, type=str)
    if named and ("\0" in named or not Path(named).is_absolute()):
        raise InvalidParams('This key takes an absolute path, or "".', path=f"{path}.value")


def _wanted_type(item: SettingsSetItem, looks: ValueType) -> ValueType:
    """The type asked for, else the known key's, else what the value looks like."""
    if item.value_type is not UNSET:
        return item.value_type
    known = settings.DEFAULTS.get(item.key)
    return known.value_type if known else looks


def _looks_like(text: str) -> ValueType:
    first = text.lstrip()[:1]
    if first == '"':
        return "string"
    if first in ("t", "f"):
        return "boolean"
    return "json" if first in ("{", "[", "n") else "number"


def _tell(ctx: Context, changed: list[Setting]) -> None:
    if changed:
        newest = {setting.key: setting for setting in changed}
        resource = next(iter(newest)) if len(newest) == 1 else "*"
        ctx.audit("settings_update", resource, keys=list(newest))
        for key in newest.keys() & settings.CHORES.keys():
            ctx.session.schedule(settings.CHORES[key], limits.RETENTION_AFTER_CHANGE_MS)
        ctx.emit(
            SettingsChanged(
                [SettingChange(key, stored_json(setting.value)) for key, setting in newest.items()]
            )
        )


# --- settings.delete, settings.reset ----------------------------------------------------------


class SettingsDeleteParams(Params, frozen=True):
    """Which setting."""

    key: Key


class SettingsDeleteResult(Result, frozen=True):
    """The key that is gone."""

    key: Key


@method("settings.delete", access="write", errors=(NotFound,))
def delete(ctx: Context, params: SettingsDeleteParams) -> SettingsDeleteResult:
    """Delete a setting of the app's own; for one with a default there is `settings.reset`."""
    if params.key in settings.DEFAULTS or params.key == SCHEMA_VERSION_KEY:
        text = "This key cannot be deleted; settings.reset gives it its default."
        raise InvalidParams(text, path="$.params.key")
    if not settings.delete(ctx.db, params.key):
        raise NotFound("There is no such setting.", path="$.params.key")
    ctx.audit("settings_delete", params.key)
    ctx.emit(SettingsChanged([SettingChange(params.key, None)]))
    return SettingsDeleteResult(params.key)


class SettingsResetParams(Params, frozen=True):
    """Which settings."""

    keys: Annotated[
        Annotated[list[Key], Meta(max_length=limits.MANY_MAX_ITEMS)] | None,
        Meta(description="Keys with a default; absent or null: all of them."),
    ] = None


class SettingsResetResult(Result, frozen=True):
    """The settings as they are now."""

    items: Annotated[list[SettingView], Meta(description="In the order given.")]


@method("settings.reset", access="write", errors=(NotFound,))
def reset(ctx: Context, params: SettingsResetParams) -> SettingsResetResult:
    """Set settings back to their defaults."""
    keys = list(settings.DEFAULTS) if params.keys is None else params.keys
    views: list[SettingView] = []
    changed: list[Setting] = []
    for index, key in enumerate(keys):
        known = settings.DEFAULTS.get(key)
        if known is None:
            raise NotFound("That key has no default.", path=f"$.params.keys[{index}]")
        before = settings.get(ctx.db, key)
        if before is None or before[1:4] != known:
            before = Setting(key, *known, ctx.clock.now_ms())
            settings.put(ctx.db, before)
            changed.append(before)
        views.append(_view(before))
    _tell(ctx, changed)
    return SettingsResetResult(views)

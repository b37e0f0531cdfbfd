"""`secrets.set`, `get`, `list`, `delete` and `verify`.

A value comes in as raw bytes, is sealed and wiped; it goes out in a buffer that the wire wipes.
Reading one is an act: its audit entry is committed before the answer leaves, or nothing does.
"""

from contextlib import suppress
from typing import Annotated, Any, Literal, cast

from msgspec import Meta, Struct

from sidecar import limits, purging
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Conflict, Locked, NotFound, NotInitialized, Tampered
from sidecar.redaction import hold, redact
from sidecar.secrets import state as guard
from sidecar.secrets.raw_params import Provider, Value, as_json, refuse_key_as_name, take
from sidecar.store import secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SecretRow
from sidecar.values import Timestamp
from sidecar.vault import crypto, records
from sidecar.vault.keys import Keys
from sidecar.wiping import wipe

_ERRORS = (*guard.ERRORS, Tampered)

HINT_CHARS = 4
"""How much of a value a list shows, at its end; nothing of one shorter than four times that."""

# --- set --------------------------------------------------------------------------------------


class SecretsSetParams(Params, frozen=True):
    """The key of a provider."""

    provider: Provider
    value: Value


class SecretsSetResult(Result, frozen=True):
    """What was kept."""

    provider: Provider
    created: Annotated[bool, Meta(description="False when it replaced another.")]
    updated_at: Timestamp


@method("secrets.set", access="write", sensitive=True, errors=(*_ERRORS, Conflict))
def set_value(ctx: Context, params: SecretsSetParams) -> SecretsSetResult:
    """Keep a provider's key, sealed; one that was there is replaced."""
    value = take(params.value, "$.params.value", limits.SECRET_MAX_BYTES)
    refuse_key_as_name(params.provider, value)
    keys = guard.opened(ctx, provider=params.provider)
    db = guard.rows(ctx)
    guard.check_whole(db, keys)
    before = _row(db, params.provider)
    if before is None and secrets.count(db) >= limits.SECRETS_MAX:
        raise Conflict("There are as many keys as are kept.", limit=limits.SECRETS_MAX)
    at = ctx.clock.now_ms()
    row = SecretRow(
        params.provider,
        _sealed(ctx, db, keys, params.provider, value),
        records.key_hash(keys, params.provider, value),
        before.created_at if before else at,
        at,
        None,
    )
    secrets.put(db, row)
    guard.write_root(db, keys)
    ctx.audit("key_update", params.provider, created=before is None)
    if before is not None:
        _purge_soon(ctx)
    if guard.needs_rotation(ctx, db):
        ctx.session.schedule("secrets_rotate", 0)
    return SecretsSetResult(params.provider, before is None, at)


def _row(db: Connection, provider: str) -> SecretRow | None:
    return next((row for row in secrets.all_secrets(db) if row.provider == provider), None)


def _sealed(ctx: Context, db: Connection, keys: Keys, provider: str, value: bytearray) -> bytes:
    key_id = ctx.vault.newest_data_key
    version = secrets.next_generation(db)
    secrets.count_seal(db, key_id)
    data_key = ctx.vault.data_key(key_id) or bytearray()
    nonce = ctx.clock.random_bytes(crypto.NONCE_BYTES)
    return records.seal_value(data_key, key_id, version, keys.store_id, provider, value, nonce)


def _purge_soon(ctx: Context) -> None:
    if not ctx.vault.ephemeral:
        purging.request(ctx)


# --- get, verify ------------------------------------------------------------------------------


class SecretsGetParams(Params, frozen=True):
    """Whose key."""

    provider: Provider


class SecretsGetResult(Result, frozen=True):
    """The key itself."""

    provider: Provider
    value: Annotated[str, Meta(description="The key, as it was set.")]


@method("secrets.get", access="write", sensitive=True, errors=(*_ERRORS, NotFound))
def get(ctx: Context, params: SecretsGetParams) -> SecretsGetResult:
    """Answer a provider's key; the audit entry is on disk before the answer leaves."""
    refuse_key_as_name(params.provider)
    keys = guard.opened(ctx, provider=params.provider)
    db = guard.rows(ctx)
    value = _opened_value(ctx, db, keys, params.provider)
    ctx.audit("key_access", params.provider)
    secrets.used(db, params.provider, ctx.clock.now_ms())
    return SecretsGetResult(params.provider, cast(Any, as_json(value)))


def _opened_value(ctx: Context, db: Connection, keys: Keys, provider: str) -> bytearray:
    """The value of a provider, wiped when the request is done.

    Raises:
        NotFound: there is no key of that provider.
        Tampered: it, or any other row, is not what was written.
    """
    row = _row(db, provider)
    if row is None:
        guard.check_whole(db, keys)
        raise NotFound("There is no key of that provider.", path="$.params.provider")
    value = open_row(ctx, keys, row)
    hold(value)
    guard.check_whole(db, keys)
    return value


def open_row(ctx: Context, keys: Keys, row: SecretRow) -> bytearray:
    """The value of a row, in a buffer the caller wipes or holds.

    Raises:
        Tampered: it is not what was written.
    """
    data_key = ctx.vault.data_key(records.key_id_of(row.encrypted_value))
    if data_key is None:
        raise Tampered(what="record", provider=row.provider)
    return records.open_value(data_key, keys.store_id, row.provider, row.encrypted_value)


class SecretsVerifyParams(Params, frozen=True):
    """A key that may be the one that is kept."""

    provider: Provider
    value: Value


class SecretsVerifyResult(Result, frozen=True):
    """Whether it is."""

    provider: Provider
    matches: Annotated[bool, Meta(description="Whether it is the key that is kept.")]


@method("secrets.verify", access="write", sensitive=True, errors=(*_ERRORS, NotFound))
def verify(ctx: Context, params: SecretsVerifyParams) -> SecretsVerifyResult:
    """Compare a key with the one that is kept, which is not opened for it."""
    value = take(params.value, "$.params.value", limits.SECRET_MAX_BYTES)
    refuse_key_as_name(params.provider, value)
    keys = guard.opened(ctx, provider=params.provider)
    db = guard.rows(ctx)
    guard.check_whole(db, keys)
    row = _row(db, params.provider)
    if row is None:
        raise NotFound("There is no key of that provider.", path="$.params.provider")
    fingerprint = records.key_hash(keys, params.provider, value)
    matches = crypto.same(fingerprint.encode(), row.key_hash.encode())
    ctx.audit("key_verify", params.provider, matches=matches)
    return SecretsVerifyResult(params.provider, matches)


# --- list, delete -----------------------------------------------------------------------------


class SecretItem(Struct, frozen=True):
    """A key without its value."""

    provider: Provider
    hint: Annotated[
        str | None, Meta(description="Its last four characters; null while locked or if short.")
    ]
    key_hash: Annotated[
        str | None, Meta(description="Keyed fingerprint of provider and value; says no more.")
    ]
    created_at: Timestamp
    updated_at: Timestamp
    last_used_at: Annotated[int | None, Meta(description="When it was last read, null if never.")]
    state: Annotated[
        Literal["ok", "enter_again"],
        Meta(description="`enter_again`: an older program sealed it; it cannot be opened here."),
    ]


class SecretsListParams(Params, frozen=True):
    """Nothing to choose."""


class SecretsListResult(Result, frozen=True):
    """Every key without its value."""

    items: Annotated[list[SecretItem], Meta(description="By provider.")]


@method("secrets.list", access="read", sensitive=True)
def list_secrets(ctx: Context, params: SecretsListParams) -> SecretsListResult:
    """List the providers whose keys are kept; values are never among the answer."""
    del params
    db = guard.rows(ctx)
    keys = guard.usable_keys(ctx)
    items = [
        SecretItem(
            row.provider,
            _hint(ctx, keys, row),
            row.key_hash,
            row.created_at,
            row.updated_at,
            row.last_used_at,
            "ok",
        )
        for row in secrets.all_secrets(db)
    ]
    items += [
        SecretItem(row.provider, None, None, row.created_at, row.updated_at, None, "enter_again")
        for row in secrets.legacy(ctx.store.db)
    ]
    return SecretsListResult(sorted(items, key=lambda item: item.provider))


def _hint(ctx: Context, keys: Keys | None, row: SecretRow) -> str | None:
    """The end of a value long enough that its end says little."""
    if keys is None:
        return None
    try:
        value = open_row(ctx, keys, row)
    except Tampered:
        return None
    try:
        end = bytes(value[-HINT_CHARS:]) if len(value) >= 4 * HINT_CHARS else b""
        return end.decode() if end and end.isascii() else None
    finally:
        wipe(value)


class SecretsDeleteParams(Params, frozen=True):
    """Whose key."""

    provider: Provider


class SecretsDeleteResult(Result, frozen=True):
    """Whose key is gone."""

    provider: Provider


@method(
    "secrets.delete", access="write", frees_space=True, errors=(Locked, NotInitialized, NotFound)
)
def delete(ctx: Context, params: SecretsDeleteParams) -> SecretsDeleteResult:
    """Delete a provider's key; nothing of it is left in the file two seconds later."""
    keys = guard.opened(ctx, provider=params.provider)
    db = guard.rows(ctx)
    whole = guard.is_whole(db, keys)
    found = secrets.delete(db, params.provider)
    if not (found | secrets.delete_legacy(ctx.store.db, params.provider)):
        raise NotFound("There is no key of that provider.", path="$.params.provider")
    if whole or secrets.count(db) == 0:
        # Rows that somebody else changed are not made sound by deleting one of them.
        secrets.next_generation(db)
        with suppress(Tampered):
            # A data key's row that no write of ours has left cannot be made sound here.
            guard.write_root(db, keys)
    ctx.audit("key_delete", redact(params.provider))
    _purge_soon(ctx)
    return SecretsDeleteResult(params.provider)

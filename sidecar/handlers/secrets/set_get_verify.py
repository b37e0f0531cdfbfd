"""`secrets.set`, `secrets.get` and `secrets.verify`: store, read and compare a provider's key.

A value arrives as raw bytes, is sealed and wiped. It leaves in a buffer that the wire wipes.
Reading a value is an act: its audit entry is committed before the answer leaves; when it cannot
be written no answer leaves.
"""

from typing import Annotated, Any, cast

from msgspec import Meta

from sidecar import digests, limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Conflict, NotFound, Tampered
from sidecar.redaction import add_secret
from sidecar.secrets import sealed_rows
from sidecar.secrets.raw_params import Provider, Value, as_json, refuse_key_as_name, take_value
from sidecar.secrets.renew_keys import ROTATE_CHORE
from sidecar.secrets.state import KEY_ERRORS, require_keys, secrets_db
from sidecar.store import secrets
from sidecar.store.secrets import SecretRow
from sidecar.values import Timestamp
from sidecar.vault.record_format import key_hash

_ERRORS = (*KEY_ERRORS, Tampered)
_NO_KEY = "There is no key of that provider."

# --- set --------------------------------------------------------------------------------------


class SecretsSetParams(Params, frozen=True):
    """A provider and its key."""

    provider: Provider
    value: Value


class SecretsSetResult(Result, frozen=True):
    """What was stored."""

    provider: Provider
    created: Annotated[bool, Meta(description="False when it replaced another.")]
    updated_at: Timestamp


@method("secrets.set", access="write", sensitive=True, errors=(*_ERRORS, Conflict))
def set_value(ctx: Context, params: SecretsSetParams) -> SecretsSetResult:
    """Seal and store a provider's key; it replaces the one that was stored before."""
    value = take_value(params.value, params.provider)
    keys = require_keys(ctx, provider=params.provider)
    db = secrets_db(ctx)
    sealed_rows.refuse_changed(ctx, db, keys)
    before = sealed_rows.find_row(db, params.provider)
    if before is None and secrets.count(db) >= limits.SECRETS_MAX:
        raise Conflict("There are as many keys as there may be.", limit=limits.SECRETS_MAX)
    at = ctx.clock.now_ms()
    sealed = sealed_rows.seal_value(
        ctx, db, keys, ctx.vault.newest_data_key, params.provider, value
    )
    created_at = before.created_at if before else at
    secrets.put(db, SecretRow(params.provider, *sealed, created_at, at, None))
    sealed_rows.write_root(db, keys)
    ctx.audit("key_update", params.provider, created=before is None)
    ctx.checkpoint_chain("rows")
    if before is not None:
        sealed_rows.purge_soon(ctx)
    if sealed_rows.needs_rotation(ctx, db):
        ctx.session.schedule(ROTATE_CHORE, 0)
    return SecretsSetResult(params.provider, before is None, at)


# --- get, verify ------------------------------------------------------------------------------


class SecretsGetParams(Params, frozen=True):
    """The provider."""

    provider: Provider


class SecretsGetResult(Result, frozen=True):
    """The provider's key."""

    provider: Provider
    value: Annotated[str, Meta(description="The key, as it was set.")]


@method("secrets.get", access="write", sensitive=True, errors=(*_ERRORS, NotFound))
def get(ctx: Context, params: SecretsGetParams) -> SecretsGetResult:
    """Return a provider's key; the audit entry is on disk before the answer is sent."""
    refuse_key_as_name(params.provider)
    keys = require_keys(ctx, provider=params.provider)
    db = secrets_db(ctx)
    row = sealed_rows.find_row(db, params.provider)
    if row is None:
        sealed_rows.refuse_tampered(db, keys)
        raise NotFound(_NO_KEY, path="$.params.provider")
    value = sealed_rows.open_value(ctx, keys, row)
    add_secret(value)
    sealed_rows.refuse_tampered(db, keys)
    ctx.audit("key_access", params.provider)
    secrets.note_use(db, params.provider, ctx.clock.now_ms())
    return SecretsGetResult(params.provider, cast(Any, as_json(value)))


class SecretsVerifyParams(Params, frozen=True):
    """A provider, and a key that may be the stored one."""

    provider: Provider
    value: Value


class SecretsVerifyResult(Result, frozen=True):
    """Whether the keys are the same."""

    provider: Provider
    matches: Annotated[bool, Meta(description="Whether it is the key that is stored.")]


@method("secrets.verify", access="write", sensitive=True, errors=(*_ERRORS, NotFound))
def verify(ctx: Context, params: SecretsVerifyParams) -> SecretsVerifyResult:
    """Compare a key with the stored one by their fingerprints; the stored key is not opened."""
    value = take_value(params.value, params.provider)
    keys = require_keys(ctx, provider=params.provider)
    db = secrets_db(ctx)
    sealed_rows.refuse_tampered(db, keys)
    row = sealed_rows.find_row(db, params.provider)
    if row is None:
        raise NotFound(_NO_KEY, path="$.params.provider")
    fingerprint = key_hash(keys, params.provider, value)
    matches = digests.equal(fingerprint.encode(), row.key_hash.encode())
    ctx.audit("key_verify", params.provider, matches=matches)
    return SecretsVerifyResult(params.provider, matches)

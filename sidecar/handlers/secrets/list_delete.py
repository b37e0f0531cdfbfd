"""`secrets.list` and `secrets.delete`: the providers whose keys are stored."""

from contextlib import suppress
from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import MayBeDamaged, Params, Result, method
from sidecar.context import Context
from sidecar.errors import NotFound, Tampered
from sidecar.pages import page_of
from sidecar.redaction import redact
from sidecar.secrets import sealed_rows
from sidecar.secrets.raw_params import Provider
from sidecar.secrets.state import KEY_ERRORS, require_keys, secrets_db, usable_keys
from sidecar.store import secrets
from sidecar.store.secrets import LegacyRow, SecretRow
from sidecar.values import CursorParam, Limit, NextCursor, Timestamp
from sidecar.vault.keys import Keys
from sidecar.vocabularies import SecretState
from sidecar.wiping import wipe

HINT_CHARS = 4
"""How many characters at the end of a value a list shows; none of a value shorter than 16."""


class SecretItem(MayBeDamaged, frozen=True):
    """A stored key without its value."""

    provider: Provider
    hint: Annotated[
        str | None, Meta(description="Its last four characters; null while locked or if short.")
    ]
    key_hash: Annotated[
        str | None,
        Meta(description="Keyed fingerprint of provider and value; it tells nothing about them."),
    ]
    created_at: Timestamp
    updated_at: Timestamp
    last_used_at: Annotated[int | None, Meta(description="When it was last read, null if never.")]
    state: SecretState


class SecretsListParams(Params, frozen=True):
    """Which page of providers to list."""

    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class SecretsListResult(Result, frozen=True):
    """A page of the stored keys, without their values."""

    items: Annotated[list[SecretItem], Meta(description="By provider.")]
    next_cursor: NextCursor


@method("secrets.list", access="read", sensitive=True)
def list_secrets(ctx: Context, params: SecretsListParams) -> SecretsListResult:
    """List the providers whose keys are stored; the result does not contain the keys."""
    found: list[SecretRow | LegacyRow] = [
        *secrets.all_secrets(secrets_db(ctx)),
        *secrets.legacy_rows(ctx.store.db),
    ]
    found.sort(key=_order)
    page, next_cursor = page_of(found, _order, params.limit, params.cursor, kinds=(str, int))
    keys = usable_keys(ctx)
    return SecretsListResult([_item(ctx, keys, row) for row in page], next_cursor)


def _order(row: SecretRow | LegacyRow) -> tuple[str, int]:
    """Return what the list is sorted by: a key to enter again may have a sealed successor."""
    return row.provider, int(isinstance(row, LegacyRow))


def _item(ctx: Context, keys: Keys | None, row: SecretRow | LegacyRow) -> SecretItem:
    """Return a key as the list shows it."""
    if isinstance(row, LegacyRow):
        times = (row.created_at, row.updated_at, None)
        return SecretItem(row.provider, None, None, *times, "enter_again", damaged=row.damaged)
    hint = _hint(ctx, keys, row)
    return SecretItem(row.provider, hint, row.key_hash, *row[3:6], "ok", damaged=row.damaged)


def _hint(ctx: Context, keys: Keys | None, row: SecretRow) -> str | None:
    """Return the end of a value, if the value is so long that its end says little about it."""
    if keys is None:
        return None
    try:
        value = sealed_rows.open_value(ctx, keys, row)
    except Tampered:
        return None
    try:
        end = bytes(value[-HINT_CHARS:]) if len(value) >= 4 * HINT_CHARS else b""
        return end.decode() if end and end.isascii() else None
    finally:
        wipe(value)


class SecretsDeleteParams(Params, frozen=True):
    """The provider."""

    provider: Provider


class SecretsDeleteResult(Result, frozen=True):
    """The provider whose key was deleted."""

    provider: Provider


@method("secrets.delete", access="write", frees_space=True, errors=(*KEY_ERRORS, NotFound))
def delete(ctx: Context, params: SecretsDeleteParams) -> SecretsDeleteResult:
    """Delete a provider's key; two seconds later no byte of it is left in the file."""
    keys = require_keys(ctx, provider=params.provider)
    db = secrets_db(ctx)
    untampered = sealed_rows.is_untampered(db, keys) and (
        ctx.vault.ephemeral or sealed_rows.agrees_with_log(db, keys)
    )
    found = secrets.delete(db, params.provider)
    if not (found | secrets.delete_legacy(ctx.store.db, params.provider)):
        raise NotFound("There is no key of that provider.", path="$.params.provider")
    rewritten = untampered or secrets.count(db) == 0
    if rewritten:
        # Where another program has changed rows, deleting one of them must not hide that.
        secrets.next_generation(db)
        with suppress(Tampered):
            # Raised for a row of a data key that no write of this program has left.
            sealed_rows.write_root(db, keys)
    ctx.audit("key_delete", redact(params.provider))
    if rewritten:
        ctx.checkpoint_chain("rows")
    sealed_rows.purge_soon(ctx)
    return SecretsDeleteResult(params.provider)

"""`secrets.change_passphrase`: another passphrase, by the old one or another proof."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from sidecar.catalog import Params, method
from sidecar.context import LongContext
from sidecar.handlers.secrets.status import SecretsStatusResult, status_result
from sidecar.secrets import key_slots, raw_params, state
from sidecar.secrets.open_slot import (
    OPENING_ERRORS,
    Opened,
    Proof,
    ask_keychain,
    clear_failures,
    open_slot,
)
from sidecar.secrets.sealed_rows import refuse_rolled_back


class SecretsChangePassphraseParams(Params, frozen=True):
    """The new passphrase, and exactly one proof."""

    new_passphrase: raw_params.Passphrase
    old_passphrase: raw_params.Passphrase | UnsetType = UNSET
    recovery_code: raw_params.RecoveryCode | UnsetType = UNSET
    keychain: Annotated[
        Literal[True] | UnsetType, Meta(description="The system's keychain is the proof.")
    ] = UNSET


@method("secrets.change_passphrase", long=True, errors=OPENING_ERRORS)
def change_passphrase(
    ctx: LongContext, params: SecretsChangePassphraseParams
) -> SecretsStatusResult:
    """Set another passphrase, or the first one when only a keychain unlocks.

    A proof is needed also while unlocked. A person who has forgotten the passphrase unlocks with
    the recovery code or the keychain, and gives the same proof here.
    """
    raw_params.require_exactly_one(params, "old_passphrase", "recovery_code", "keychain")
    new = raw_params.take_passphrase(params.new_passphrase, "$.params.new_passphrase")
    proof = Proof(params.old_passphrase, params.recovery_code, "$.params.old_passphrase")
    state.require_stored_keys(ctx)
    with ask_keychain(ctx, proof) as asked, ctx.vault.mutex:
        state.require_stored_keys(ctx)
        opened = open_slot(ctx, asked)
        try:
            return status_result(_write_passphrase(ctx, opened, new))
        finally:
            opened.keys.wipe()


def _write_passphrase(ctx: LongContext, opened: Opened, new: bytearray) -> state.Status:
    """Wrap the opened root key by the new passphrase, and write the slot."""
    with ctx.reading() as db:
        before = key_slots.find_slot(db, "passphrase")
    generation = before.generation + 1 if before else 1
    row = key_slots.make_passphrase_slot(ctx, opened.keys, generation, new)
    with ctx.writing(last=True) as db:
        state.require_keys(ctx)
        clear_failures(ctx, db)
        refuse_rolled_back(db, opened.keys)
        slot = key_slots.write_slot(db, before, row)
        ctx.audit("passphrase_change", "vault", slot=slot, proof=opened.slot.kind)
        ctx.checkpoint_chain("slots")
        status = state.read_status(ctx, db)
    ctx.session.schedule(state.ERASE_CHORE, 0)
    return status

"""`secrets.initialize`, `secrets.unlock` and `secrets.lock`."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from sidecar.catalog import Params, method
from sidecar.context import Context, LongContext
from sidecar.errors import Conflict, KeychainUnavailable, Locked, Tampered
from sidecar.handlers.secrets.status import SecretsStatusResult, status_result
from sidecar.secrets import root_key, state
from sidecar.secrets.open_slot import OPENING_ERRORS, Proof
from sidecar.secrets.raw_params import Passphrase, RecoveryCode, require_exactly_one
from sidecar.secrets.root_key import set_up


class SecretsInitializeParams(Params, frozen=True):
    """What protects the secrets: exactly one of these."""

    passphrase: Passphrase | UnsetType = UNSET
    keychain: Annotated[
        Literal[True] | UnsetType, Meta(description="Keep the key in the system's keychain.")
    ] = UNSET
    ephemeral: Annotated[
        Literal[True] | UnsetType,
        Meta(description="Keep everything in memory until the process ends."),
    ] = UNSET


@method("secrets.initialize", long=True, errors=(Conflict, KeychainUnavailable, Locked, Tampered))
def initialize(ctx: LongContext, params: SecretsInitializeParams) -> SecretsStatusResult:
    """Set up secrets with a passphrase or the system's keychain, once, and unlock them."""
    kind = require_exactly_one(params, "passphrase", "keychain", "ephemeral")
    return status_result(set_up(ctx, kind, params.passphrase))


class SecretsUnlockParams(Params, frozen=True):
    """The secret that unlocks: exactly one of these members."""

    passphrase: Passphrase | UnsetType = UNSET
    keychain: Annotated[
        Literal[True] | UnsetType, Meta(description="Use the system's keychain.")
    ] = UNSET
    recovery_code: RecoveryCode | UnsetType = UNSET


@method("secrets.unlock", long=True, errors=OPENING_ERRORS)
def unlock(ctx: LongContext, params: SecretsUnlockParams) -> SecretsStatusResult:
    """Unlock with the passphrase, the system's keychain or the recovery code.

    After three wrong tries in a row each further try must wait 1 s, 2 s and so on up to a minute,
    also after a restart. An unlock while unlocked checks the passphrase and starts both times of
    the automatic lock again.
    """
    require_exactly_one(params, "passphrase", "keychain", "recovery_code")
    return status_result(root_key.unlock(ctx, Proof(params.passphrase, params.recovery_code)))


class SecretsLockParams(Params, frozen=True):
    """No params."""


@method("secrets.lock", access="write", frees_space=True, succeeds_unlogged=True)
def lock(ctx: Context, params: SecretsLockParams) -> SecretsStatusResult:
    """Forget every key until the next unlock; call it when the screen locks or before sleep.

    Ephemeral secrets are deleted. Secrets that are locked already stay locked.
    """
    del params
    state.lock(ctx, "lock", by="request")
    return status_result(state.read_status(ctx, state.secrets_db(ctx)))

"""`secrets.rotate`, `secrets.rekey` and `secrets.reset`: replace the keys, or give them up."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, NotInitialized, Tampered
from sidecar.handlers.secrets.status import SecretsStatusResult, status_result
from sidecar.secrets import renew_keys, root_key
from sidecar.secrets.open_slot import OPENING_ERRORS
from sidecar.secrets.raw_params import Passphrase
from sidecar.secrets.state import KEY_ERRORS
from sidecar.values import Count


class SecretsRotateParams(Params, frozen=True):
    """No params."""


class SecretsRotateResult(Result, frozen=True):
    """The result of sealing again."""

    generation: Annotated[Count, Meta(description="Rises with every write of a secret or key.")]
    resealed: Annotated[Count, Meta(description="How many keys were sealed again.")]


@method("secrets.rotate", long=True, errors=(*KEY_ERRORS, Conflict, Tampered))
def rotate(ctx: LongContext, params: SecretsRotateParams) -> SecretsRotateResult:
    """Seal every key again under a new data key, and erase the old data key from the file."""
    del params
    return SecretsRotateResult(*renew_keys.rotate(ctx))


class SecretsRekeyParams(Params, frozen=True):
    """The passphrase, when one of the slots is for a passphrase."""

    passphrase: Passphrase | UnsetType = UNSET


@method("secrets.rekey", long=True, errors=OPENING_ERRORS)
def rekey(ctx: LongContext, params: SecretsRekeyParams) -> SecretsRotateResult:
    """Replace every key, including the root key. Recovery codes become invalid: make new ones.

    The passphrase is needed when there is a slot for one, and stays the same.
    """
    return SecretsRotateResult(*renew_keys.rekey(ctx, params.passphrase))


class SecretsResetParams(Params, frozen=True):
    """The number of keys that the person has agreed to lose."""

    losing: Annotated[
        Count, Meta(description="How many keys are given up: `secrets` of `secrets.status`.")
    ]


@method("secrets.reset", long=True, frees_space=True, errors=(Conflict, NotInitialized))
def reset(ctx: LongContext, params: SecretsResetParams) -> SecretsStatusResult:
    """Delete every provider key and every slot; `secrets.initialize` can then set up new ones.

    Use this when nothing unlocks any more: the passphrase is forgotten and there is no recovery
    code, or the rows are damaged and no backup has them. Nothing else in the database is changed.
    The providers are listed as `enter_again`. Entries of the audit log that were sealed under the
    old keys can be read but no longer verified; verifying starts here.
    """
    return status_result(root_key.reset(ctx, params.losing))

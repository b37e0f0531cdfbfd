"""`secrets.initialize`: set up secrets, once."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from sidecar.catalog import Params, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, KeychainUnavailable, Locked, Tampered
from sidecar.handlers.secrets.status import SecretsStatusResult, status_result
from sidecar.secrets.raw_params import Passphrase, require_exactly_one
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

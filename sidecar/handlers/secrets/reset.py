"""`secrets.reset`: the way out when nothing unlocks any more."""

from typing import Annotated

from msgspec import Meta

from sidecar.catalog import Params, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, NotInitialized
from sidecar.handlers.secrets.status import SecretsStatusResult, status_result
from sidecar.secrets import root_key
from sidecar.values import Count


class SecretsResetParams(Params, frozen=True):
    """What the person has been told."""

    losing: Annotated[
        Count, Meta(description="How many keys are given up: `count` of `secrets.status`.")
    ]


@method("secrets.reset", long=True, frees_space=True, errors=(Conflict, NotInitialized))
def reset(ctx: LongContext, params: SecretsResetParams) -> SecretsStatusResult:
    """Delete every provider key and every slot; after it `secrets.initialize` sets up again.

    It is for when nothing unlocks any more: the passphrase is forgotten and there is no recovery
    code, or the rows are damaged and no backup has them. Nothing else in the database is changed.
    The providers are listed as `enter_again`. Entries of the audit log that were sealed under the
    old keys can be read but no longer verified; verifying starts here.
    """
    return status_result(root_key.reset(ctx, params.losing))

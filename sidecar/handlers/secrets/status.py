"""`secrets.status`, and the status that every method answers which changes it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.secrets.state import Status, read_status, secrets_db
from sidecar.values import Count, Timestamp
from sidecar.vocabularies import SecretsState, SlotKind


class Slot(Struct, frozen=True):
    """A slot: one way to unlock the secrets."""

    slot: Annotated[Count, Meta(description="Number of the slot.")]
    kind: SlotKind
    label: Annotated[str, Meta(description="A name for people.")]
    created_at: Timestamp


class Kdf(Struct, frozen=True):
    """The cost of stretching the passphrase."""

    name: Annotated[Literal["argon2id"], Meta(description="The function, RFC 9106.")]
    memory_kib: Annotated[Count, Meta(description="Memory, KiB.")]
    passes: Annotated[Count, Meta(description="Passes over the memory.")]
    lanes: Annotated[Count, Meta(description="Lanes.")]


class SecretsStatusParams(Params, frozen=True):
    """No params."""


class SecretsStatusResult(Result, frozen=True):
    """The state of the secrets, and how they can be unlocked."""

    state: SecretsState
    slots: Annotated[list[Slot], Meta(description="Ways to unlock, oldest first.")]
    kdf: Annotated[Kdf | None, Meta(description="Cost of the passphrase's slot; null without one.")]
    secrets: Annotated[Count, Meta(description="How many secrets are stored.")]
    idle_lock_ms: Annotated[
        Count, Meta(description="Time without use after which secrets lock; 0 means never.")
    ]
    absolute_lock_ms: Annotated[
        Count, Meta(description="Time since the unlock after which secrets lock; 0 means never.")
    ]


@method("secrets.status", access="read")
def status(ctx: Context, params: SecretsStatusParams) -> SecretsStatusResult:
    """Return whether secrets are set up and unlocked, and how they can be unlocked."""
    del params
    return status_result(read_status(ctx, secrets_db(ctx)))


def status_result(found: Status) -> SecretsStatusResult:
    """Return a status in the shape in which it is answered."""
    slots = [Slot(row.slot, row.kind, row.label, row.created_at) for row in found.slots]
    kdf = Kdf("argon2id", *found.passphrase_cost) if found.passphrase_cost else None
    return SecretsStatusResult(found.state, slots, kdf, *found[3:])

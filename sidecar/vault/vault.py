"""What is unlocked in this process, and until when.

`turn` is held by the one long method that opens or makes keys: others wait for it, so that tries
are counted one by one and keys are stretched one at a time.

Holds the keys between an unlock and a lock; knows no row and no method. Used under the store's
lock alone: long methods set it in their last transaction, short ones are inside one. Both clocks
count for the deadlines, because a monotonic one may stand still while the machine sleeps.
"""

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

from sidecar import keychain
from sidecar.vault.crypto import Cost
from sidecar.vault.keys import Keys
from sidecar.vault.refusals import Refusals
from sidecar.vault.slots import DEFAULT_COST
from sidecar.wiping import wipe

VaultState = Literal["uninitialized", "locked", "unlocked", "ephemeral"]


class Moment(NamedTuple):
    """Both clocks, in milliseconds."""

    wall_ms: int
    monotonic_ms: float

    def since_ms(self, earlier: "Moment") -> float:
        """How long it is since then by the clock that counted more."""
        return max(self.monotonic_ms - earlier.monotonic_ms, self.wall_ms - earlier.wall_ms)


class Vault:
    """The keys of the one store this process serves."""

    def __init__(
        self,
        *,
        dumpable: bool = False,
        find_keychain: Callable[[], keychain.Named] = keychain.find,
        cost: Cost = DEFAULT_COST,
    ) -> None:
        """Begin locked. A process whose memory others may read (`dumpable`) never unlocks.

        Passphrases are stretched at `cost`; slots that cost less are written anew at an unlock.
        """
        self.cost = cost
        self.dumpable = dumpable
        self.find_keychain = find_keychain
        self.turn = threading.Lock()
        self.refusals = Refusals()
        self.stale_items: list[str] = []
        """Items of the keychain that no slot needs any more."""
        self.ephemeral = False
        self.locks = 0
        """How often it was locked, open or not."""
        self._keys: Keys | None = None
        self._data_keys: dict[int, bytearray] = {}
        self._opened = self._used = Moment(0, 0.0)

    @property
    def keys(self) -> Keys | None:
        """The keys while unlocked."""
        return self._keys

    def open(
        self, keys: Keys, data_keys: dict[int, bytearray], now: Moment, *, ephemeral: bool = False
    ) -> None:
        """Unlock with these keys, which belong to the vault from now on."""
        self._forget()
        self._keys = keys
        self._data_keys = data_keys
        self._opened = self._used = now
        self.ephemeral = ephemeral

    def lock(self) -> bool:
        """Overwrite every key; False when none was there.

        Counted all the same: an unlock that is under way must not undo it.
        """
        self.locks += 1
        return self._forget()

    def _forget(self) -> bool:
        if self._keys is None:
            return False
        self._keys.wipe()
        for key in self._data_keys.values():
            wipe(key)
        self._keys = None
        self._data_keys = {}
        self.ephemeral = False
        return True

    def data_key(self, key_id: int) -> bytearray | None:
        """The data key of that id, None when there is none."""
        return self._data_keys.get(key_id)

    def replace_data_keys(self, data_keys: dict[int, bytearray]) -> None:
        """Go on with these data keys and overwrite those before."""
        for key in self._data_keys.values():
            wipe(key)
        self._data_keys = data_keys

    @property
    def newest_data_key(self) -> int:
        """Id of the data key that new records are sealed with."""
        return max(self._data_keys)

    def used(self, now: Moment) -> None:
        """A secret was asked for: the idle time begins anew."""
        self._used = now

    def left_ms(self, now: Moment, idle_ms: int, absolute_ms: int) -> float | None:
        """How long until it must lock, at most 0 when it must now; None when never or locked."""
        if self._keys is None or self.ephemeral:
            return None
        left = []
        if idle_ms:
            left.append(idle_ms - now.since_ms(self._used))
        if absolute_ms:
            left.append(absolute_ms - now.since_ms(self._opened))
        return min(left, default=None)

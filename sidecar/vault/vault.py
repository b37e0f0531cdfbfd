"""The vault of a process: its keys between an unlock and a lock, and the deadlines of the lock.

The module uses no rows and no methods. The keys are read and changed under the store's lock alone:
long methods set them in their last transaction, short methods are inside one. Both clocks count for
the deadlines, because a monotonic clock may stand still while the machine sleeps.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from sidecar import keychain
from sidecar.vault.crypto import Cost
from sidecar.vault.keys import Keys
from sidecar.vault.refusal_counts import RefusalCounts
from sidecar.vault.slot_format import DEFAULT_COST
from sidecar.vocabularies import SecretsChangeReason, SecretsState
from sidecar.wiping import wipe


class Clocks(NamedTuple):
    """The time of both clocks at one moment, in milliseconds."""

    wall_ms: int
    monotonic_ms: float

    def ms_since(self, earlier: "Clocks") -> float:
        """Return the milliseconds since `earlier`, by the clock that has advanced more."""
        return max(self.monotonic_ms - earlier.monotonic_ms, self.wall_ms - earlier.wall_ms)


class NextLock(NamedTuple):
    """When the vault must lock by itself."""

    left_ms: float
    """Time until the lock; 0 or less when the vault must lock now."""
    reason: SecretsChangeReason


class Vault:
    """The keys of the one store that this process serves."""

    def __init__(
        self,
        *,
        dumpable: bool = False,
        find_keychain: Callable[[], keychain.NamedBackend] = keychain.find_backend,
        cost: Cost = DEFAULT_COST,
    ) -> None:
        """Begin locked.

        `dumpable` says that other processes may read this one's memory: then it never unlocks.
        Passphrases are stretched at `cost`; an unlock rewrites a slot that costs less.
        """
        self.cost = cost
        self.dumpable = dumpable
        self.keychain = keychain.Keychain(find_keychain)
        """Called before the mutex is taken, because a person may need minutes to answer."""
        self.mutex = threading.Lock()
        """Held by a long method that opens or makes keys: wrong passphrases are then counted one
        by one, and one key is derived at a time."""
        self.refusals = RefusalCounts()
        self.unwritten_failures = 0
        """Wrong passphrases that could not be counted in the file."""
        self.unwritten_failed_at = 0.0
        """Time of the last wrong passphrase, by the monotonic clock."""
        self.stale_items: list[str] = []
        """Names of keychain items that no slot needs any more."""
        self.ephemeral = False
        self.lock_count = 0
        """How often `lock` was called for a lock that was asked for, also while locked."""
        self._keys: Keys | None = None
        self._data_keys: dict[int, bytearray] = {}
        self._unlocked_at = self._used_at = Clocks(0, 0.0)

    @property
    def keys(self) -> Keys | None:
        """The keys while unlocked."""
        return self._keys

    def state(self, *, is_set_up: bool) -> SecretsState:
        """Return the state of the secrets; `is_set_up` says whether the file has secrets."""
        if self.ephemeral:
            return "ephemeral"
        if self._keys is not None:
            return "unlocked"
        return "locked" if is_set_up else "uninitialized"

    def unlock(
        self, keys: Keys, data_keys: dict[int, bytearray], now: Clocks, *, ephemeral: bool = False
    ) -> None:
        """Unlock with these keys, which the vault wipes when it locks."""
        self._wipe_keys()
        self._keys = keys
        self._data_keys = data_keys
        self._unlocked_at = self._used_at = now
        self.ephemeral = ephemeral

    def lock(self, *, is_due: bool = False) -> bool:
        """Overwrite every key; return False when the vault was locked already.

        Every call is counted in `lock_count`, since an unlock under way must not undo a lock; but
        with `is_due`, for a deadline that has passed, it is not: a later unlock sets new ones.
        """
        self.lock_count += not is_due
        return self._wipe_keys()

    def _wipe_keys(self) -> bool:
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
        """Return the data key of that id, None when there is none."""
        return self._data_keys.get(key_id)

    def replace_data_keys(self, data_keys: dict[int, bytearray]) -> None:
        """Use these data keys from now on, and overwrite the previous ones."""
        for key in self._data_keys.values():
            wipe(key)
        self._data_keys = data_keys

    @property
    def newest_data_key(self) -> tuple[int, bytearray]:
        """Id and bytes of the data key that new records are sealed with."""
        return max(self._data_keys.items())

    def mark_used(self, now: Clocks) -> None:
        """Start the idle time again: a secret was used."""
        self._used_at = now

    def next_lock(self, now: Clocks, idle_ms: int, absolute_ms: int) -> NextLock | None:
        """Return when the vault must lock by itself, and for which limit.

        None means never, or that the vault is locked. A limit of 0 does not apply.
        """
        if self._keys is None or self.ephemeral:
            return None
        locks: list[NextLock] = []
        if idle_ms:
            locks.append(NextLock(idle_ms - now.ms_since(self._used_at), "idle_lock"))
        if absolute_ms:
            locks.append(NextLock(absolute_ms - now.ms_since(self._unlocked_at), "absolute_lock"))
        return min(locks, default=None)

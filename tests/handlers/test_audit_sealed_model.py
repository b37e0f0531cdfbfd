"""A model of the life of the sealed log: whatever is done with it in order, it verifies."""

from contextlib import suppress
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar import limits
from sidecar.errors import Conflict, NotFound
from tests.vault_benches import (
    PASSPHRASE,
    VALUE,
    clock_of,
    secret_bench,
    verdict,
    write_entries,
)


class Log(RuleBasedStateMachine):
    """A log that is written, sealed, locked, checkpointed and pruned, and always verifies."""

    @initialize()
    def begin(self) -> None:
        """Open an empty database."""
        import tempfile
        from contextlib import ExitStack

        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.bench = self.stack.enter_context(secret_bench(Path(folder)))

    def teardown(self) -> None:
        """Close the database."""
        if hasattr(self, "stack"):
            self.stack.close()

    @rule(count=st.integers(1, 5))
    def append(self, count: int) -> None:
        """Write entries."""
        write_entries(self.bench, count)

    @rule()
    def set_up(self) -> None:
        """Set up secrets, which seals the log, unless they are set up."""
        if self.bench.call("secrets.status")["state"] == "uninitialized":
            self.bench.call("secrets.initialize", passphrase=PASSPHRASE)

    @rule()
    def lock(self) -> None:
        """Lock secrets."""
        self.bench.call("secrets.lock")

    @rule(renew=st.sampled_from([None, "secrets.rekey", "secrets.rotate"]))
    def unlock(self, renew: str | None) -> None:
        """Unlock secrets, and perhaps replace their keys."""
        if self.bench.call("secrets.status")["state"] != "uninitialized":
            self.bench.call("secrets.unlock", passphrase=PASSPHRASE)
            if renew:
                params = {"passphrase": PASSPHRASE} if renew == "secrets.rekey" else {}
                self.bench.call(renew, **params)

    @rule(method=st.sampled_from(["secrets.set", "secrets.delete", "secrets.add_recovery"]))
    def write_secrets(self, method: str) -> None:
        """Change what the checkpoints hold of the vault, when secrets are unlocked."""
        if self.bench.call("secrets.status")["state"] != "unlocked":
            return
        provider = {} if method == "secrets.add_recovery" else {"provider": "openai"}
        value = {"value": VALUE} if method == "secrets.set" else {}
        with suppress(NotFound, Conflict):
            self.bench.call(method, **provider, **value)

    @rule(keep=st.integers(0, 8))
    def prune(self, keep: int) -> None:
        """Prune the oldest entries, a long time later."""
        clock_of(self.bench).at_ms += limits.AUDIT_KEEP_MIN_MS + 1
        if self.bench.call("secrets.status")["state"] == "unlocked":
            self.bench.call("secrets.unlock", passphrase=PASSPHRASE)
        if self.bench.call("secrets.status")["state"] != "locked":
            self.bench.call("audit.prune", keep_last=keep)

    @invariant()
    def it_verifies(self) -> None:
        """The log verifies as far as it can be verified now, and a changed entry is found."""
        if not hasattr(self, "bench"):
            return
        sealed = self.bench.call("secrets.status")["state"] != "uninitialized"
        sound = "unsealed" if not sealed else "locked" if self.bench.vault.keys is None else "ok"
        assert verdict(self.bench) == (sound, None, None)
        oldest = self.bench.rows("SELECT min(seq) FROM access_log")[0][0]
        if oldest is not None and sound != "locked":
            db = self.bench.store.db
            self.bench.store.db.execute(
                "UPDATE access_log SET at = at + 1 WHERE seq = ?", (oldest,)
            )
            assert verdict(self.bench) == ("tampered", "mac", oldest)
            db.execute("UPDATE access_log SET at = at - 1 WHERE seq = ?", (oldest,))


TestLog = Log.TestCase
TestLog.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)

"""The operating system's keychain: one item for each store, through the optional `keyring`.

Only the back ends listed below are used, each imported from its own module. The library's own
choice is never asked for: it obeys an environment variable and a configuration file that can name
any module to import, and it falls back to back ends that store nothing or store plain text.
What was written is read back and compared.

A keychain may ask the person, or never answer. So everything of it, the search for a back end
included, runs in a thread of its own, one call at a time, while the caller holds no lock. A back
end must respond within seconds; after that a person has two minutes. A call that was abandoned
continues in its thread: an item that it writes late is removed there, and until it ends the
keychain is busy, so that no second prompt is shown beside the first.

The back ends of Linux are tested against a real Secret Service. Those of Windows and macOS were
read, not run; tests drive the library's interface with a back end of their own.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol

from sidecar import limits
from sidecar.errors import KeychainUnavailable

SERVICE: Final = "sim-sidecar"

_SECRET_SERVICE: Final = "keyring.backends.SecretService"  # noqa: S105 - a module
_BACKENDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
    "linux": (
        (_SECRET_SERVICE, "Keyring"),
        ("keyring.backends.kwallet", "DBusKeyring"),
        ("keyring.backends.libsecret", "Keyring"),
    ),
}
"""Module and class of the back ends that protect an item as well as the login does, by platform,
best first."""

Wait = Callable[[int], None]
"""Called several times a second with the milliseconds waited so far; raises to give up."""


class Backend(Protocol):
    """The part of `keyring.backend.KeyringBackend` that is used here."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return the item, None when there is none."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write the item."""

    def delete_password(self, service: str, username: str) -> None:
        """Remove the item."""


class NamedBackend(NamedTuple):
    """A back end and its name, which a slot stores."""

    name: str
    backend: Backend
    is_locked: Callable[[], bool] = lambda: False
    """Asks the keychain, without showing a question, whether it is locked; fails when it is dead.

    A back end that cannot say so counts as unlocked."""


class Found(NamedTuple):
    """An item that was read, or None, and the name of the back end."""

    text: str | None
    name: str


def find_backend() -> NamedBackend:
    """Return the first listed back end that works on this machine.

    Raises:
        KeychainUnavailable: the library is not installed, or no listed back end works.
    """
    listed = _BACKENDS.get(sys.platform, ())
    for module, name in listed:
        try:
            kind: Any = getattr(import_module(module), name)
            if kind.viable:
                named = NamedBackend(f"{module}.{name}", kind())
                is_secret_service = module == _SECRET_SERVICE
                return named._replace(is_locked=_is_locked) if is_secret_service else named
        except Exception:  # noqa: BLE001, S112 - a back end that does not load is skipped
            continue
    wanted = ", ".join(f"{module}.{name}" for module, name in listed) or "none on this platform"
    raise KeychainUnavailable(
        hint="Install sim-sidecar[keyring] and unlock the keychain, or use a passphrase.",
        expected=wanted,
        found=None,
    )


def load() -> None:
    """Load the modules of the listed back ends, which ask the keychain nothing by that."""
    for module, _ in _BACKENDS.get(sys.platform, ()):
        with suppress(Exception):  # a back end that does not load is skipped
            import_module(module)


def _is_locked() -> bool:
    """Return whether the default collection of the Secret Service is locked, or missing."""
    library: Any = import_module("secretstorage")
    with closing(library.dbus_init()) as connection:
        try:
            return bool(library.Collection(connection).is_locked())
        except library.ItemNotFoundException:
            return True


class _Call:
    """One call: its thread, and what came of it."""

    def __init__(self, work: Callable[["_Call"], Any], undo: Callable[[], object] | None) -> None:
        """`undo` is called after `work` when the request no longer waits for what was written."""
        self._work = work
        self._undo = undo
        self._lock = threading.Lock()
        self._is_given_up = False
        self.done = threading.Event()
        self.backend: NamedBackend | None = None
        self.may_ask = False
        """Whether the back end has shown that it lives: it may now ask the person."""
        self.has_written = False
        self.value: Any = None
        self.fault: Exception | None = None

    def run(self) -> None:
        """Do the work; runs in the thread."""
        try:
            self.value = self._work(self)
        except Exception as fault:  # noqa: BLE001 - any failure means that it is not available
            self.fault = fault
        with self._lock:
            is_late = self._is_given_up and self.has_written
        if is_late and self._undo is not None:
            with suppress(Exception):
                self._undo()
        self.done.set()

    def begin_asking(self) -> None:
        """Note that the back end has shown that it lives; from now on it may ask the person.

        Raises:
            KeychainUnavailable: the request no longer waits for the answer.
        """
        with self._lock:
            if self._is_given_up:
                raise _unavailable(self, "given up")
            self.may_ask = True

    def give_up(self) -> None:
        """Wait no more."""
        with self._lock:
            self._is_given_up = True


class Keychain:
    """The keychain of this system: one user of it at a time, and one call."""

    def __init__(self, find: Callable[[], NamedBackend]) -> None:
        """`find` returns the back end; it is called in the thread of each call."""
        self.find = find
        self._turn = threading.Lock()
        self._call: _Call | None = None

    @contextmanager
    def turn(self, timeout_ms: int = limits.KEYCHAIN_TIMEOUT_MS) -> Iterator[None]:
        """Have the keychain to oneself for the block; the caller holds no lock.

        What needs no person is over in time. So a caller that waits longer is refused.

        Raises:
            KeychainUnavailable: another request uses it, or an abandoned call continues.
        """
        if not self._turn.acquire(timeout=timeout_ms / 1000):
            raise _busy()
        try:
            if self._call is not None and not self._call.done.wait(timeout_ms / 1000):
                raise _busy()
            yield
        finally:
            self._turn.release()

    def read(self, item: str, expected: str | None, wait: Wait) -> Found:
        """Return the item of the `expected` back end.

        Raises:
            KeychainUnavailable: the back end is another one, or gives no answer.
        """

        def work(call: _Call) -> Found:
            name, backend, _ = self._live_backend(call, expected)
            return Found(backend.get_password(SERVICE, item), name)

        found: Found = self._run(work, wait)
        return found

    def write(self, item: str, text: str, wait: Wait) -> str:
        """Write an item and read it back; return the name of the back end.

        Raises:
            KeychainUnavailable: the keychain does not answer, or did not store the text.
        """

        def work(call: _Call) -> str:
            name, backend, _ = self._live_backend(call)
            backend.set_password(SERVICE, item, text)
            call.has_written = True
            if backend.get_password(SERVICE, item) != text:
                raise KeychainUnavailable(
                    "The keychain did not store what was written.", expected=name, found=name
                )
            return name

        def undo() -> None:
            if call.backend is not None:
                call.backend.backend.delete_password(SERVICE, item)

        call = _Call(work, undo)
        name: str = self._wait_for(call, wait)
        return name

    def remove(self, item: str) -> None:
        """Remove an item if it exists; the person is not asked for it.

        Raises:
            KeychainUnavailable: the keychain is locked, or gives no answer.
        """

        def work(call: _Call) -> None:
            name, backend, is_locked = call.backend = self.find()
            if is_locked():
                raise KeychainUnavailable("The keychain is locked.", expected=name, found=name)
            if backend.get_password(SERVICE, item) is not None:
                backend.delete_password(SERVICE, item)

        self._run(work, lambda _: None)

    def _live_backend(self, call: _Call, expected: str | None = None) -> NamedBackend:
        """Return the back end, which has shown that it lives; from now on it may ask."""
        named = call.backend = self.find()
        if expected is not None and named.name != expected:
            raise KeychainUnavailable(
                "The slot is for another keychain than that of this system.",
                hint="Start where the slot was made, or unlock with the recovery code.",
                expected=expected,
                found=named.name,
            )
        named.is_locked()
        call.begin_asking()
        return named

    def _run(self, work: Callable[[_Call], Any], wait: Wait) -> Any:
        """Do the work in a thread and return its result."""
        return self._wait_for(_Call(work, None), wait)

    def _wait_for(self, call: _Call, wait: Wait) -> Any:
        """Run a call in a thread and return its result; give up after its time.

        Raises:
            KeychainUnavailable: the call failed or did not end in time.
        """
        threading.Thread(target=call.run, name="keychain", daemon=True).start()
        self._call = call
        began = time.monotonic()
        try:
            while not call.done.wait(limits.KEYCHAIN_WAIT_STEP_MS / 1000):
                waited_ms = int((time.monotonic() - began) * 1000)
                if waited_ms > (
                    limits.KEYCHAIN_ASK_MS if call.may_ask else limits.KEYCHAIN_TIMEOUT_MS
                ):
                    raise _unavailable(call, "no answer in time")
                wait(waited_ms)
        except BaseException:
            call.give_up()
            raise
        if isinstance(call.fault, KeychainUnavailable):
            raise call.fault
        if call.fault is not None:
            raise _unavailable(call, type(call.fault).__name__)
        return call.value


def _unavailable(call: _Call, cause: str) -> KeychainUnavailable:
    """Return the error of a call that failed: the next one may succeed."""
    name = call.backend.name if call.backend is not None else None
    return KeychainUnavailable(
        "The keychain cannot be used now.",
        hint="Unlock the keychain and try again, or unlock with the passphrase or recovery code.",
        expected=name,
        found=None,
        cause=cause,
        retryable=True,
    )


def _busy() -> KeychainUnavailable:
    """Return the error of a request that comes while another one waits for the keychain."""
    return KeychainUnavailable(
        "The keychain has not answered an earlier request yet.",
        hint="It may show a question to the person; ask again when that is answered.",
        cause="busy",
        retryable=True,
    )

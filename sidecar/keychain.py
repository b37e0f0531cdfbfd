"""The operating system's keychain: one item for each store, through the optional `keyring`.

Only the back ends listed below are used, each imported from its own module. The library's own
choice is never asked for: it obeys an environment variable and a configuration file that can name
any module to import, and it falls back to back ends that store nothing or store plain text.
What was written is read back and compared. A keychain may ask the person, or hang: each call runs
in a thread of its own with a timeout.

The back ends of Windows and macOS were read, not run; tests drive the library's interface with a
back end of their own.
"""

import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol

from sidecar import limits
from sidecar.errors import KeychainUnavailable

SERVICE: Final = "sim-sidecar"

_BACKENDS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
    "linux": (
        ("keyring.backends.SecretService", "Keyring"),
        ("keyring.backends.kwallet", "DBusKeyring"),
        ("keyring.backends.libsecret", "Keyring"),
    ),
}
"""Module and class of the back ends that protect an item as well as the login does, by platform,
best first."""


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
                return NamedBackend(f"{module}.{name}", kind())
        except Exception:  # noqa: BLE001, S112 - a back end that does not load is skipped
            continue
    wanted = ", ".join(f"{module}.{name}" for module, name in listed) or "none on this platform"
    raise KeychainUnavailable(
        hint="Install sim-sidecar[keyring] and unlock the keychain, or use a passphrase.",
        expected=wanted,
        found=None,
    )


class Keychain:
    """The items of one back end."""

    def __init__(self, named: NamedBackend, timeout_ms: int = limits.KEYCHAIN_TIMEOUT_MS) -> None:
        """Use this back end; each call to it fails after the timeout."""
        self.name = named.name
        self._backend = named.backend
        self._timeout_ms = timeout_ms

    def read(self, item: str) -> str | None:
        """Return the item's text, None when there is no such item."""
        text: str | None = self._call(lambda: self._backend.get_password(SERVICE, item))
        return text

    def write(self, item: str, text: str) -> None:
        """Write an item and read it back.

        Raises:
            KeychainUnavailable: the keychain does not answer, or did not store the text.
        """
        self._call(lambda: self._backend.set_password(SERVICE, item, text))
        if self.read(item) != text:
            raise KeychainUnavailable(
                "The keychain did not store what was written.", expected=self.name, found=self.name
            )

    def remove(self, item: str) -> None:
        """Remove an item if it exists."""
        if self.read(item) is not None:
            self._call(lambda: self._backend.delete_password(SERVICE, item))

    def _call(self, call: Callable[[], Any]) -> Any:
        """Return what a call returns; it runs in a thread, which is abandoned when it hangs.

        Raises:
            KeychainUnavailable: the call failed or did not end in time.
        """
        answers: list[Any] = []
        faults: list[Exception] = []

        def work() -> None:
            try:
                answers.append(call())
            except Exception as fault:  # noqa: BLE001 - any failure means that it is not available
                faults.append(fault)

        thread = threading.Thread(target=work, name="keychain", daemon=True)
        thread.start()
        thread.join(self._timeout_ms / 1000)
        if answers:
            return answers[0]
        kind = type(faults[0]).__name__ if faults else "no answer in time"
        raise KeychainUnavailable(
            "The keychain cannot be used now.", expected=self.name, found=None, cause=kind
        )

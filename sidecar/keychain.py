"""The operating system's keychain: one item a store, through the optional library `keyring`.

Only back ends of the list below are used, made by us from their own modules. The library's own
choice is never asked: it obeys an environment variable and a configuration file that can name
any module to import, and falls back to ones that keep nothing or keep it in plain text.
What was written is read back and compared. The keychain may ask its person, or hang: everything
runs in a thread of its own with a time-out.

Windows and macOS back ends were read, not run; tests drive the library's interface with a back
end of their own.
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
"""What keeps a secret as well as the login does, by platform, best first."""


class Backend(Protocol):
    """What is used of `keyring.backend.KeyringBackend`."""

    def get_password(self, service: str, username: str) -> str | None:
        """The item, None when there is none."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write the item."""

    def delete_password(self, service: str, username: str) -> None:
        """Remove the item."""


class Named(NamedTuple):
    """A back end and the name that a slot remembers it by."""

    name: str
    backend: Backend


def find() -> Named:
    """The best listed back end that works here.

    Raises:
        KeychainUnavailable: the library is not installed, or none of the list works.
    """
    listed = _BACKENDS.get(sys.platform, ())
    for module, name in listed:
        try:
            kind: Any = getattr(import_module(module), name)
            if kind.viable:
                return Named(f"{module}.{name}", kind())
        except Exception:  # noqa: BLE001, S112 - a back end that cannot load is none
            continue
    wanted = ", ".join(f"{module}.{name}" for module, name in listed) or "none on this platform"
    raise KeychainUnavailable(
        hint="Install sim-sidecar[keyring] and unlock the keychain, or use a passphrase.",
        expected=wanted,
        found=None,
    )


class Keychain:
    """Items of one back end."""

    def __init__(self, named: Named, timeout_ms: int = limits.KEYCHAIN_TIMEOUT_MS) -> None:
        """Use this back end, and wait so long for each answer."""
        self.name = named.name
        self._backend = named.backend
        self._timeout_ms = timeout_ms

    def read(self, item: str) -> str | None:
        """The item's text, None when there is none."""
        text: str | None = self._ask(lambda: self._backend.get_password(SERVICE, item))
        return text

    def write(self, item: str, text: str) -> None:
        """Write an item and read it back.

        Raises:
            KeychainUnavailable: it does not answer, or keeps something else.
        """
        self._ask(lambda: self._backend.set_password(SERVICE, item, text))
        if self.read(item) != text:
            raise KeychainUnavailable(
                "The keychain did not keep what was written.", expected=self.name, found=self.name
            )

    def remove(self, item: str) -> None:
        """Remove an item if it is there."""
        if self.read(item) is not None:
            self._ask(lambda: self._backend.delete_password(SERVICE, item))

    def _ask(self, call: Callable[[], Any]) -> Any:
        """Run a call in a thread; the thread is left behind when it hangs."""
        answers: list[Any] = []
        faults: list[Exception] = []

        def work() -> None:
            try:
                answers.append(call())
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is not available
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

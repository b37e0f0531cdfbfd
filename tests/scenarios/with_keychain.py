"""Runs the program with a keychain that is kept in memory.

Scenarios that need a keychain run this module in place of `sidecar`: a test machine has no desktop
session, and a person's own keychain must not be used by tests.
"""

import sys
from typing import Any, ClassVar

from sidecar import __main__, keychain


class Keyring:
    """A back end with the methods of the `keyring` library's back ends."""

    viable = True
    items: ClassVar[dict[str, str]] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return the item, or None."""
        return self.items.get(service + username)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write the item."""
        self.items[service + username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Remove the item."""
        del self.items[service + username]


if __name__ == "__main__":
    backends: dict[str, Any] = keychain._BACKENDS
    backends[sys.platform] = (("tests.scenarios.with_keychain", "Keyring"),)
    sys.exit(__main__.main())

"""The product on a system whose keychain keeps items until the process ends.

Run as a module in the place of `sidecar`, for scenarios that want a keychain: a test machine has
no desktop session, and the person's own keychain is not for tests.
"""

import sys
from typing import Any, ClassVar

from sidecar import __main__, keychain


class Keyring:
    """A back end as the real library's are."""

    viable = True
    items: ClassVar[dict[str, str]] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """The item."""
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

"""Decides whether a request comes from the page of this inspector, before it is processed.

Other pages in the same browser, and other programs on the machine, can send requests to loopback.
Only this page knows the token, which is in the fragment of its URL; browsers do not send fragments
to servers. The header Host reveals a foreign name that resolves to loopback (DNS rebinding), and
the header Origin reveals a page of another site.
"""

import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple

from sidecar import digests
from sidecar.limits import inspector as limits

ADDRESS = "127.0.0.1"
"""The only address that the server listens on."""
TOKEN_HEADER = "X-Inspector-Token"  # noqa: S105 - the name of a header

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""The headers of every answer."""


class Refused(Exception):
    """A request that is not served."""

    def __init__(self, status: HTTPStatus, slug: str, message: str) -> None:
        """Store the HTTP status and the reason."""
        super().__init__(message)
        self.status = status
        self.slug = slug


class Request(NamedTuple):
    """The parts of a request that the gate checks."""

    method: str
    values: Callable[[str], Iterable[str]]
    """Returns all values of a header."""


class Gate:
    """Checks requests for one inspector, which has one port and one token."""

    def __init__(self, port: int) -> None:
        """Make the token."""
        self.token = secrets.token_urlsafe(limits.TOKEN_BYTES)
        self.host = f"{ADDRESS}:{port}"
        self.origin = f"http://{self.host}"

    @property
    def address(self) -> str:
        """The URL that the user opens."""
        return f"{self.origin}/#token={self.token}"

    def check_host(self, request: Request) -> None:
        """Refuse a request for another host, or from a page of another site.

        Raises:
            Refused: the header Host or Origin differs from the inspector's.
        """
        if list(request.values("Host")) != [self.host]:
            text = f"The inspector answers only under {self.origin}."
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "foreign_host", text)
        origins = list(request.values("Origin"))
        wanted = [[self.origin]] if request.method == "POST" else [[self.origin], []]
        if origins not in wanted:
            text = "The inspector answers only to its own page."
            raise Refused(HTTPStatus.FORBIDDEN, "foreign_origin", text)

    def check_token(self, request: Request) -> None:
        """Refuse a request without the token.

        Raises:
            Refused: the token is missing or wrong.
        """
        sites = set(request.values("Sec-Fetch-Site"))
        if not sites <= {"same-origin"}:
            text = "The inspector answers only to its own page."
            raise Refused(HTTPStatus.FORBIDDEN, "foreign_origin", text)
        given = list(request.values(TOKEN_HEADER))
        if len(given) != 1 or not digests.equal(given[0].encode(), self.token.encode()):
            text = (
                "Open the address that the inspector has printed; it contains the session's token."
            )
            raise Refused(HTTPStatus.UNAUTHORIZED, "no_token", text)

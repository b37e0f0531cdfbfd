"""Decides whether a request comes from the page of this inspector, before anything is done.

Another page in the same browser can send requests to loopback, and another program on the machine
can too. The page alone knows the token, which stands in the fragment of its address: a browser
sends that to no server. A name of another site that leads to loopback (DNS rebinding) shows in the
Host, and a page of another site in the Origin.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import NamedTuple

from sidecar.limits import inspector as limits

ADDRESS = "127.0.0.1"
"""The one address that is listened to."""
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
"""What every answer says to the browser."""


class Refused(Exception):
    """A request that is not served."""

    def __init__(self, status: HTTPStatus, slug: str, message: str) -> None:
        """Keep the status and the reason."""
        super().__init__(message)
        self.status = status
        self.slug = slug


class Request(NamedTuple):
    """What the gate looks at."""

    method: str
    values: Callable[[str], Iterable[str]]
    """Returns all values of a header."""


class Gate:
    """The checks of one inspector, which has one port and one token."""

    def __init__(self, port: int) -> None:
        """Make the token."""
        self.token = secrets.token_urlsafe(limits.TOKEN_BYTES)
        self.host = f"{ADDRESS}:{port}"
        self.origin = f"http://{self.host}"

    @property
    def address(self) -> str:
        """The address that a person opens."""
        return f"{self.origin}/#token={self.token}"

    def check_host(self, request: Request) -> None:
        """Refuse a request that was meant for another host, or that another site has sent.

        Raises:
            Refused: the Host or the Origin is another one.
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
        """Refuse a request that does not bring the token.

        Raises:
            Refused: there is none, or it is another one.
        """
        sites = set(request.values("Sec-Fetch-Site"))
        if not sites <= {"same-origin"}:
            text = "The inspector answers only to its own page."
            raise Refused(HTTPStatus.FORBIDDEN, "foreign_origin", text)
        given = list(request.values(TOKEN_HEADER))
        if len(given) != 1 or not hmac.compare_digest(given[0].encode(), self.token.encode()):
            text = "Open the address that the inspector has printed; it holds the session's token."
            raise Refused(HTTPStatus.UNAUTHORIZED, "no_token", text)

"""The web server of the inspector: the files of the page, and JSON below `/api/`."""

import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from sidecar.inspector.gate import ADDRESS, HEADERS, Gate, Refused, Request
from sidecar.inspector.session import Session
from sidecar.limits import inspector as limits

_JSON: Final = "application/json"
_PAGE: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/licences.txt": ("licences.txt", "text/plain; charset=utf-8"),
}
"""Every file that is served, with its media type; no other path leads to a file."""
_API: Final = "/api/"


class _Server(ThreadingHTTPServer):
    """Listens on loopback, with a daemon thread for each connection."""

    daemon_threads = True
    block_on_close = False
    # Otherwise this server could take over a port of another program on Windows.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, session: Session, port: int) -> None:
        """Bind the port; 0 means any free port."""
        super().__init__((ADDRESS, port), _Handler)
        self.session = session
        self.gate = Gate(self.server_port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a broken connection: the page was closed."""
        del request, client_address

    def server_bind(self) -> None:
        """Bind without resolving the name of the host, which can take seconds."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = ADDRESS, self.server_address[1]


class Web:
    """The running server; it ends with the process."""

    def __init__(self, session: Session, port: int) -> None:
        """Listen on the port and serve in a thread.

        Raises:
            OSError: the port is taken.
        """
        self._server = _Server(session, port)
        self.address = self._server.gate.address
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "sim-sidecar-inspector"
    sys_version = ""
    timeout = limits.SOCKET_IDLE_S
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Serve a file of the page, or the answer of an API path."""
        self._serve()

    def do_POST(self) -> None:
        """Serve the answer of an API path."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base
        """Write no log: with `--through`, stderr belongs to the host."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that http.server cannot parse, or whose method is not supported."""
        del message, explain
        self.close_connection = True
        self._answer_refused(Refused(HTTPStatus(code), "invalid", HTTPStatus(code).phrase))

    def _serve(self) -> None:
        """Check the request and answer it."""
        request = Request(self.command, lambda name: self.headers.get_all(name, []))
        try:
            self.server.gate.check_host(request)
            path, _, query = self.path.partition("?")
            if not path.startswith(_API):
                self._send_file(path)
                return
            self.server.gate.check_token(request)
            name = path.removeprefix(_API)
            if self.command == "POST":
                content = self.server.session.post(name, self._body())
            else:
                content = self.server.session.get(name, dict(parse_qsl(query)))
            self._send(HTTPStatus.OK, content, _JSON)
        except Refused as refused:
            self._answer_refused(refused)
        except OSError:
            self.close_connection = True
        except Exception as fault:  # noqa: BLE001 - every error must be answered
            text = f"The inspector failed: {type(fault).__name__}."
            self._answer_refused(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", text))

    def _send_file(self, path: str) -> None:
        """Send a file of the page.

        Raises:
            Refused: there is no such file.
        """
        if self.command != "GET" or path not in _PAGE:
            text = "There is nothing at this address."
            raise Refused(HTTPStatus.NOT_FOUND, "not_found", text)
        name, kind = _PAGE[path]
        content = files("sidecar.inspector").joinpath("page", name).read_bytes()
        self._send(HTTPStatus.OK, content, kind)

    def _body(self) -> bytes:
        """Read the body of a POST.

        Raises:
            Refused: the body is not JSON, its length is not declared, or it is too long.
        """
        lengths = self.headers.get_all("Content-Length", [])
        if self.headers.get_content_type() != _JSON or self.headers.get("Transfer-Encoding"):
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid", "The body must be JSON.")
        if len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            raise Refused(
                HTTPStatus.LENGTH_REQUIRED, "invalid", "The header Content-Length is missing."
            )
        if len(lengths[0]) > 9 or int(lengths[0]) > limits.REQUEST_MAX_BYTES:  # noqa: PLR2004
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "invalid", "The body is too long.")
        return self.rfile.read(int(lengths[0]))

    def _answer_refused(self, refused: Refused) -> None:
        """Answer a refused request; close the connection, because its body may be unread."""
        self.close_connection = True
        error = {"slug": refused.slug, "message": str(refused)}
        self._send(refused.status, msgspec.json.encode({"refused": error}), _JSON)

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        """Send one answer."""
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

"""A TCP proxy on loopback that is slow or cuts connections, and a store that repeats requests."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PIECE_BYTES = 16_384


class Proxy:
    """Passes connections on to a port; what it does to them can be set at any time."""

    def __init__(self, target: int) -> None:
        """Listen on a port of its own."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cut_after_bytes: int | None = None
        """How much of what a client sends is passed on, before its connection is cut."""
        self.cuts_left = 0
        """How many connections are still cut."""
        self.bytes_per_s: int | None = None
        """How much is passed on in a second."""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no further connection."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                limit = None
                if self.cut_after_bytes is not None and self.cuts_left > 0:
                    self.cuts_left -= 1
                    limit = self.cut_after_bytes
                for source, target, most in ((client, server, limit), (server, client, None)):
                    threading.Thread(
                        target=self._pump, args=(source, target, most), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, target: socket.socket, most: int | None) -> None:
        done = 0
        with closing(source), closing(target), suppress(OSError):
            while data := source.recv(_PIECE_BYTES):
                if most is not None and done + len(data) >= most:
                    target.sendall(data[: most - done])
                    for each in (source, target):
                        each.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
                done += len(data)
                if self.bytes_per_s is not None:
                    time.sleep(len(data) / self.bytes_per_s)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """Run a proxy before a port of loopback."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()


class _Repeating(BaseHTTPRequestHandler):
    """Refuses every request, and repeats what was sent in the body of the refusal."""

    def do_PUT(self) -> None:
        """Answer 403."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = "".join(f"{name}:{value}\n" for name, value in self.headers.items())
        body = f"<Error>{sent}<Code>SignatureDoesNotMatch</Code>{sent}</Error>".encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT  # noqa: N815 - the names are those of the library

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def repeating_store() -> Iterator[int]:
    """Serve a store that refuses and repeats all requests; yield its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Repeating) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()

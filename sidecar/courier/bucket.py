"""A remote that is a bucket of an object store; the only module that imports `obstore`."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from sidecar import limits
from sidecar.courier.failures import Failed
from sidecar.courier_protocol import Credentials, Place
from sidecar.own_command import is_bundled, remote_folders

_PIECE_BYTES: Final = 256 * 1024
"""Smallest piece in which an object is read: this bounds both the calls and the memory."""
_NAMES_AT_ONCE: Final = 1000
"""Names in one answer of a store; S3 allows no more."""
_HOW_TO_INSTALL: Final = {
    False: "Install sim-sidecar[remote].",
    True: "Unpack sim-sidecar-remote over the program's folder, or install the npm package"
    " @sim-sidecar/remote for this platform.",
}
"""How to install the missing library, by whether the program runs from a bundle."""


class Bucket:
    """A bucket of an object store that speaks S3."""

    def __init__(self, place: Place, credentials: Credentials | None) -> None:
        """Open the bucket without reading the environment or a cloud's metadata service."""
        sys.path += remote_folders()
        try:
            import obstore  # noqa: PLC0415 - a folder needs none of it
            from obstore import store  # noqa: PLC0415 - the same
        except ImportError:
            raise Failed("not_installed", _HOW_TO_INSTALL[is_bundled()]) from None
        if credentials is None:
            raise Failed("forbidden", "A bucket needs credentials.")
        config: dict[str, Any] = {
            "region": place.region or "us-east-1",
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "virtual_hosted_style_request": not place.endpoint,
        }
        if credentials.session_token:
            config["session_token"] = credentials.session_token
        if place.endpoint:
            config["endpoint"] = place.endpoint
        second = timedelta(seconds=1)
        self._library = obstore
        self._store: Any = store.S3Store(
            place.root,
            prefix=place.prefix or None,
            config=config,  # type: ignore[arg-type] # the keys are those of the library
            client_options={
                "allow_http": place.endpoint.startswith("http://"),
                "connect_timeout": limits.COURIER_CONNECT_S * second,
                "read_timeout": limits.COURIER_READ_S * second,
                "timeout": limits.COURIER_REQUEST_S * second,
            },
            retry_config={
                "max_retries": limits.COURIER_RETRIES,
                "retry_timeout": limits.COURIER_RETRY_S * second,
            },
        )

    def put(self, name: str, data: bytearray) -> None:
        """Create an object by a conditional request (`If-None-Match: *`)."""
        self._library.put(self._store, name, data, mode="create", use_multipart=False)

    def get(self, name: str, most_bytes: int) -> tuple[int, Iterator[bytes]]:
        """Return the size and the pieces of an object."""
        found = self._library.get(self._store, name)
        size = int(found.meta["size"])
        if size > most_bytes:
            raise Failed("too_large")
        return size, map(bytes, found.stream(min_chunk_size=_PIECE_BYTES))

    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the name and the size of each object below a prefix."""
        for batch in self._library.list(self._store, prefix, chunk_size=_NAMES_AT_ONCE):
            for each in batch:
                yield str(each["path"]), int(each["size"])

    def folders(self, prefix: str) -> list[str]:
        """Return the last parts of the common prefixes right below a prefix."""
        found = self._library.list_with_delimiter(self._store, prefix)
        return [str(each).rstrip("/").rpartition("/")[2] for each in found["common_prefixes"]]

    def delete(self, name: str) -> None:
        """Delete an object, if it exists."""
        with suppress(FileNotFoundError):
            self._library.delete(self._store, name)

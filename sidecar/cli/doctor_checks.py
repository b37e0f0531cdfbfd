"""What `doctor` looks at, one function a look, none of which changes the database.

What it judges by is imported inside each look: a broken package must become one failed line, not
the end of the doctor.
"""

import shutil
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

from sidecar import limits
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.errors import RECOVER_HINT, DatabaseDamaged, SidecarError

_PYTHON_MIN = (3, 11)
_ROOM_BYTES = 512 * limits.MIB
_NO_ROOM_BYTES = 16 * limits.MIB
_NEVER_SET_S = 1_735_689_600
"""2025-01-01: a clock before it was never set."""
_SKEW_S = 300
"""How far ahead of the clock a file may have been written, as on a network drive."""
_DAY_MS = 86_400_000
_OLD_DAYS = 7
_EPHEMERAL = "sim-sidecar-ephemeral-*"
_AGAIN = "Install the locked packages again."


class Check(NamedTuple):
    """What one look found."""

    state: Literal["ok", "warn", "fail"]
    name: str
    detail: str
    cure: str = ""


def python() -> Check:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _PYTHON_MIN:
        return Check("fail", "python", f"{version} is too old", "Use Python 3.11 or newer.")
    return Check("ok", "python", f"{version} at {sys.executable}")


def packages() -> Check:
    """The native packages: their versions, and whether a body goes in and out of them."""
    versions = []
    for name in ("apsw", "msgspec", "isal"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} missing")
    detail = ", ".join(versions)
    try:
        from sidecar.store import codec  # noqa: PLC0415 - see above

        packed = codec.pack(b'{"nodes":[]}')
        codec.unpack(packed.data, packed.sha256, packed.size_bytes)
    except Exception as fault:  # noqa: BLE001 - whatever a broken package does
        return Check("fail", "packages", f"{detail}: {fault}", _AGAIN)
    if detail.endswith("missing"):
        return Check("warn", "packages", f"{detail}; slower zlib packs bodies instead", _AGAIN)
    return Check("ok", "packages", detail)


def sqlite() -> Check:
    """SQLite's version, which decides whether a WAL can be trusted."""
    try:
        from sidecar.store.pragmas import (  # noqa: PLC0415 - see above
            check_sqlite_version,
            sqlite_version,
        )

        check_sqlite_version()
    except (RuntimeError, ImportError) as fault:
        return Check("fail", "sqlite", str(fault), _AGAIN)
    return Check("ok", "sqlite", sqlite_version())


def clock(database: Path) -> Check:
    """The machine's clock, by itself and against the last write of the database."""
    now_s = time.time()
    told = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if now_s < _NEVER_SET_S:
        return Check("warn", "clock", f"{told}: years behind", "Set the machine's clock.")
    try:
        written_s = database.stat().st_mtime
    except OSError:
        written_s = now_s
    if written_s > now_s + _SKEW_S:
        ahead = f"{told}: the database was written {written_s - now_s:.0f} seconds after that"
        return Check("warn", "clock", ahead, "Set the machine's clock.")
    return Check("ok", "clock", told)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def folder(place: Path) -> Check:
    """Whether the database's folder can be written, and by whom."""
    there = _nearest(place)
    if not there.is_dir():
        return Check("fail", "folder", f"{there} is no folder", "Name another place.")
    # Trying is the only answer that holds on every system, ACLs and mounts included.
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as fault:
        detail = f"{there} cannot be written: {fault.strerror}"
        return Check("fail", "folder", detail, "Change its permissions, or name another place.")
    if there != place:
        return Check("ok", "folder", f"{place} will be made, for its owner only")
    if sys.platform == "win32":
        return Check("ok", "folder", str(place))
    mode = place.stat().st_mode & 0o7777
    if mode & 0o022:
        cure = f"chmod go-w '{place}'"
        return Check("warn", "folder", f"others may write to {place} (mode {mode:04o})", cure)
    return Check("ok", "folder", f"{place} (mode {mode:04o})")


def room(place: Path) -> Check:
    """Free space where the database grows."""
    free_bytes = shutil.disk_usage(_nearest(place)).free
    text = f"{free_bytes // limits.MIB} MiB free"
    if free_bytes < _NO_ROOM_BYTES:
        return Check("fail", "disk", text, "Free some space: saves fail when it is full.")
    if free_bytes < _ROOM_BYTES:
        return Check("warn", "disk", text, "Free some space before it runs full.")
    return Check("ok", "disk", text)


def backups(database: Path) -> Check:
    """How old the newest backup of this database in the usual folder is."""
    from sidecar.backups import directory  # noqa: PLC0415 - see above
    from sidecar.store.transfer import snapshot  # noqa: PLC0415 - see above

    there = directory.list_backups(database.parent / directory.DEFAULT)
    store_id = snapshot.store_id_at(database) if database.exists() else None
    found = there if store_id is None else directory.of_store(there, store_id)
    others = f"; {len(there) - len(found)} of other databases" if len(there) > len(found) else ""
    if not found:
        if not database.exists():
            return Check("ok", "backups", "none yet")
        cure = "sim-sidecar backup makes one; a running sidecar makes them by itself, once a day."
        return Check("warn", "backups", f"none beside the database{others}", cure)
    newest = found[0]
    days = (time.time() * 1000 - newest.manifest.created_at) / _DAY_MS
    text = f"{len(found)}, the newest {days:.1f} days old: {newest.name}{others}"
    if days > _OLD_DAYS:
        return Check("warn", "backups", text, "If something has changed since, sim-sidecar backup.")
    return Check("ok", "backups", text)


def leftovers(database: Path) -> Check:
    """What killed processes left: half a replacement, half a copy, an ephemeral folder."""
    from sidecar.store import swap  # noqa: PLC0415 - see above

    beside = sorted(
        path.name
        for path in _listed(database.parent, f"{database.name}*")
        if path.suffix in (swap.INTENT, swap.STAGED, swap.INCOMING, swap.FROM_BACKUP, ".partial")
    )
    folders = [
        path
        for path in _listed(Path(tempfile.gettempdir()), _EPHEMERAL)
        if holder(path / "sim.db") is None
    ]
    if not beside and not folders:
        return Check("ok", "leftovers", "none")
    cures = []
    if beside:
        cures.append("The next start of this database finishes or removes them.")
    if folders:
        cures.append("The next `sim-sidecar serve --ephemeral` removes ephemeral folders.")
    return Check("warn", "leftovers", ", ".join([*beside, *map(str, folders)]), " ".join(cures))


def _listed(place: Path, pattern: str) -> list[Path]:
    try:
        return list(place.glob(pattern))
    except OSError:
        return []  # the look at the folder says what is wrong with it


def holder(database: Path) -> int | str | None:
    """The pid of the process that serves the database, "another" when unknown, None for nobody."""
    from sidecar.store.lockfile import (  # noqa: PLC0415 - see above
        SUFFIX,
        AlreadyRunning,
        DatabaseLock,
    )

    if not database.with_name(database.name + SUFFIX).exists():
        return None
    # Only trying tells a held lock from a dead process's file; it is given back at once.
    lock = DatabaseLock(database)
    try:
        lock.acquire()
    except AlreadyRunning as held:
        return held.pid or "another"
    except (SidecarError, OSError):
        return None
    lock.release()
    return None


def lock(database: Path) -> Check:
    """Who serves the database now."""
    pid = holder(database)
    return Check("ok", "lock", "free" if pid is None else f"held by process {pid}")


def process() -> Check:
    """Whether the product serves at all here: a fresh database, and one answer."""
    begun_s = time.monotonic()
    try:
        child = Child(["--ephemeral", "--no-events"])
        try:
            child.call("system.ping")
        finally:
            child.close()
    except (CallFailed, ChildEnded) as fault:
        return Check("fail", "process", str(fault), _AGAIN)
    taken_ms = (time.monotonic() - begun_s) * 1000
    return Check("ok", "process", f"started, answered and ended in {taken_ms:.0f} ms")


def content(database: Path) -> Check:
    """The database: its header first, then everything in it through a child that serves it.

    A child is not started where starting would change the file: a held one, an older one, one
    with a replacement to finish.
    """
    from sidecar.store import migrations, preflight, swap  # noqa: PLC0415 - see above

    name = "database"
    pid = holder(database)
    if pid is not None:
        return Check("ok", name, f"served by process {pid}; not checked")
    if not database.parent.exists():
        return Check("ok", name, "none yet; the first start makes it")
    if database.with_name(database.name + swap.INTENT).exists():
        return Check("warn", name, "a replacement is unfinished", "Start it once to finish that.")
    try:
        found = preflight.examine(database, migrations.current_version())
    except SidecarError as fault:
        other = "Nothing was changed. Name another file with --database."
        hint = RECOVER_HINT if isinstance(fault, DatabaseDamaged) else other
        cure = fault.data.get("hint") or hint
        return Check("fail", name, fault.message, str(cure))
    if found.finding is preflight.Finding.NEW:
        return Check("ok", name, "none yet; the first start makes it")
    if found.schema_version < migrations.current_version():
        return Check("warn", name, "of an older version", "The next start copies and upgrades it.")
    return _checked_by_child(database)


def _checked_by_child(database: Path) -> Check:
    try:
        child = Child(["--database", str(database), "--no-events"])
        try:
            found = child.call("system.check")
        finally:
            child.close()
    except ChildEnded as fault:
        cure = fault.reason.get("hint") or "Keep a copy of the file; then see the log."
        return Check("fail", "database", str(fault), str(cure))
    except CallFailed as fault:
        return Check("fail", "database", str(fault), RECOVER_HINT)
    if not found["ok"]:
        first = found["findings"][0]
        detail = f"{len(found['findings'])} findings, first: {first['where']}: {first['detail']}"
        return Check("fail", "database", detail, first["cure"])
    checked = ", ".join(f"{count} {what}" for what, count in found["checked"].items())
    return Check("ok", "database", f"sound: {checked.replace('_', ' ')}")

"""The checks of `sim-sidecar doctor`, one function each; none of them changes the database.

Each check imports what it needs when it runs: a broken package must become one failed line, not
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
from sidecar.cli.child import CallFailed, ChildEnded, run_with_child
from sidecar.errors import RECOVER_HINT, DatabaseDamaged, ExitCode, SidecarError
from sidecar.own_command import is_bundled

_PYTHON_MIN = (3, 11)
_WARN_BELOW_BYTES = 512 * limits.MIB
_FAIL_BELOW_BYTES = 16 * limits.MIB
_NEVER_SET_S = 1_735_689_600
"""2025-01-01: a clock that shows an earlier time was never set."""
_SKEW_S = 300
"""How far ahead of the clock a file may have been written, as on a network drive."""
_DAY_MS = 86_400_000
_OLD_DAYS = 7
_REINSTALL = "Install the app again." if is_bundled() else "Install the locked packages again."


class CannotReadBeside(Exception):
    """Another process serves the database, and it cannot be read beside that process."""


class Finding(NamedTuple):
    """The result of one check, and how to fix the fault."""

    state: Literal["ok", "warn", "fail"]
    detail: str
    cure: str = ""


def python() -> Finding:
    """Check the version of the interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _PYTHON_MIN:
        return Finding("fail", f"{version} is too old", "Use Python 3.11 or newer.")
    return Finding("ok", f"{version} {'within' if is_bundled() else 'at'} {sys.executable}")


def packages() -> Finding:
    """Check that the native packages are there, and that a workflow can be packed and unpacked."""
    versions = []
    for name in ("apsw", "msgspec", "isal"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} missing")
    detail = ", ".join(versions)
    try:
        from sidecar.store import codec  # noqa: PLC0415 - see the module's docstring

        packed = codec.pack(b'{"nodes":[]}')
        codec.unpack(packed.data, packed.sha256, packed.size_bytes)
    except Exception as fault:  # noqa: BLE001 - a broken package may do anything
        return Finding("fail", f"{detail}: {fault}", _REINSTALL)
    if detail.endswith("missing"):
        return Finding("warn", f"{detail}; zlib is used instead, which is slower", _REINSTALL)
    return Finding("ok", detail)


def sqlite() -> Finding:
    """Check SQLite's version, which decides whether its write-ahead log can be trusted."""
    try:
        from sidecar.store import pragmas  # noqa: PLC0415 - see the module's docstring

        pragmas.check_sqlite_version()
    except (RuntimeError, ImportError) as fault:
        return Finding("fail", str(fault), _REINSTALL)
    return Finding("ok", pragmas.sqlite_version())


def clock(database: Path) -> Finding:
    """Check the computer's clock, by itself and against the last write to the database."""
    now_s = time.time()
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if now_s < _NEVER_SET_S:
        return Finding("warn", f"{now} is years behind", "Set the computer's clock.")
    try:
        written_s = database.stat().st_mtime
    except OSError:
        written_s = now_s
    if written_s > now_s + _SKEW_S:
        ahead = f"{now}, but the database was written {written_s - now_s:.0f} seconds later"
        return Finding("warn", ahead, "Set the computer's clock.")
    return Finding("ok", now)


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def folder(place: Path) -> Finding:
    """Check that the database's folder can be written to, and by its owner only."""
    nearest = _nearest(place)
    if not nearest.is_dir():
        return Finding("fail", f"{nearest} is not a folder", "Name another place.")
    # Trying is the only answer that holds on every system, ACLs and mounts included.
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as fault:
        detail = f"{nearest} cannot be written to: {fault.strerror}"
        return Finding("fail", detail, "Change its permissions, or name another place.")
    if nearest != place:
        return Finding("ok", f"{place} will be made, for its owner only")
    if sys.platform == "win32":
        return Finding("ok", str(place))
    mode = place.stat().st_mode & 0o7777
    if mode & 0o022:
        detail = f"other users may write to {place} (mode {mode:04o})"
        return Finding("warn", detail, f"chmod go-w '{place}'")
    return Finding("ok", f"{place} (mode {mode:04o})")


def free_space(place: Path) -> Finding:
    """Check how much space is free where the database grows."""
    free_bytes = shutil.disk_usage(_nearest(place)).free
    text = f"{free_bytes // limits.MIB} MiB free"
    if free_bytes < _FAIL_BELOW_BYTES:
        return Finding("fail", text, "Free some space: saves fail when the disk is full.")
    if free_bytes < _WARN_BELOW_BYTES:
        return Finding("warn", text, "Free some space before the disk is full.")
    return Finding("ok", text)


def backups(database: Path) -> Finding:
    """Check how old the newest backup of this database in the usual folder is."""
    from sidecar.backups import directory  # noqa: PLC0415 - see the module's docstring
    from sidecar.store import backup_names  # noqa: PLC0415 - see the module's docstring
    from sidecar.store.transfer import snapshot  # noqa: PLC0415 - see the module's docstring

    listed = directory.list_backups(database.parent / backup_names.DEFAULT)
    store_id = snapshot.store_id_at(database) if database.exists() else None
    own = listed if store_id is None else directory.of_store(listed, store_id)
    others = f"; {len(listed) - len(own)} of other databases" if len(listed) > len(own) else ""
    if not own:
        if not database.exists():
            return Finding("ok", "none yet")
        cure = "Run sim-sidecar backup. A serving process makes one by itself, once a day."
        return Finding("warn", f"none beside the database{others}", cure)
    days = (time.time() * 1000 - own[0].manifest.created_at) / _DAY_MS
    text = f"{len(own)}, the newest {days:.1f} days old: {own[0].name}{others}"
    if days > _OLD_DAYS:
        return Finding("warn", text, "If something has changed since then: sim-sidecar backup.")
    return Finding("ok", text)


def leftovers(database: Path) -> Finding:
    """Check for files of killed processes: unfinished replacements, copies, ephemeral folders."""
    from sidecar.ephemeral import ephemeral_folders  # noqa: PLC0415 - see the module's docstring
    from sidecar.store import scratch, swap, traces  # noqa: PLC0415 - as above

    beside = sorted(
        path.name
        for path in _glob(database.parent, f"{database.name}*")
        if path.suffix in (traces.PLAN, swap.STAGED, scratch.SUFFIX, ".partial")
    )
    folders = [path for path in ephemeral_folders() if lock_holder(path) is None]
    cures = []
    if beside:
        cures.append("The next start of this database finishes or removes the files beside it.")
    if folders:
        cures.append("The next sim-sidecar serve --ephemeral removes the ephemeral folders.")
    if not cures:
        return Finding("ok", "none")
    return Finding("warn", ", ".join([*beside, *map(str, folders)]), " ".join(cures))


def _glob(place: Path, pattern: str) -> list[Path]:
    """Return the paths in a folder that match; none where the folder cannot be read."""
    try:
        return list(place.glob(pattern))
    except OSError:
        return []  # the check of the folder says what is wrong with it


def lock_holder(database: Path) -> int | str | None:
    """Return the pid of the process that serves the database, or None when no process does.

    Where the pid cannot be read it is "unknown".
    """
    from sidecar.store import lockfile  # noqa: PLC0415 - see the module's docstring
    from sidecar.store.file_lock import is_held_elsewhere  # noqa: PLC0415 - as below

    if not database.with_name(database.name + lockfile.SUFFIX).exists():
        return "unknown" if is_held_elsewhere(database) else None
    # Only trying tells a held lock from a dead process's file; it is given back at once.
    lock = lockfile.DatabaseLock(database)
    try:
        lock.acquire()
    except lockfile.AlreadyRunning as held:
        return held.pid or "unknown"
    except (SidecarError, OSError):
        return None
    lock.release()
    return None


def lock(database: Path) -> Finding:
    """Check which process serves the database now, and that the file has one name."""
    pid = lock_holder(database)
    detail = "free" if pid is None else f"held by process {pid}"
    links = database.stat().st_nlink if database.exists() else 1
    if links > 1:
        cure = "Remove the hard links, or make copies of them, unless a backup program needs them."
        return Finding("warn", f"{detail}; the file has {links} names", cure)
    return Finding("ok", detail)


def process() -> Finding:
    """Check that a new process can serve an empty database and answer."""
    begun_s = time.monotonic()
    try:
        run_with_child(["--ephemeral", "--no-events"], lambda child: child.call("system.ping"))
    except (CallFailed, ChildEnded) as fault:
        return Finding("fail", str(fault), _REINSTALL)
    taken_ms = (time.monotonic() - begun_s) * 1000
    return Finding("ok", f"started, answered and ended in {taken_ms:.0f} ms")


def content(database: Path) -> Finding:
    """Check the database: its header first, then everything in it, by a child that serves it.

    No child is started where starting would change the file: where it has an older schema, or its
    replacement is unfinished. Beside a process that serves it the child reads one state of it.
    """
    from sidecar.store import migrations, preflight, traces  # noqa: PLC0415 - as above

    pid = lock_holder(database)
    if pid is not None:
        return _check_beside(database, f"served by process {pid}")
    if not database.parent.exists():
        return Finding("ok", "none yet; the first start makes it")
    if database.with_name(database.name + traces.PLAN).exists():
        return Finding("warn", "its replacement is unfinished", "Start it once to finish that.")
    try:
        found = preflight.examine(database, migrations.current_version())
    except SidecarError as fault:
        other = "Nothing was changed. Name another file with --database."
        hint = RECOVER_HINT if isinstance(fault, DatabaseDamaged) else other
        return Finding("fail", fault.message, str(fault.data.get("hint") or hint))
    if found.finding is preflight.Finding.NEW:
        return Finding("ok", "none yet; the first start makes it")
    if found.schema_version < migrations.current_version():
        return Finding("warn", "of an older version", "The next start copies and upgrades it.")
    return _check_by_child(database)


def _check_beside(database: Path, served: str) -> Finding:
    """Check one state of a database that another process serves.

    It cannot be read beside that process when it has an older version or several names.
    """
    try:
        checked = _check_by_child(database)
    except CannotReadBeside:
        return Finding("ok", f"{served}; not checked")
    return checked._replace(detail=f"{served}; {checked.detail}")


def _check_by_child(database: Path) -> Finding:
    """Check everything in the database through a child that serves it.

    Raises:
        CannotReadBeside: another process serves it.
    """
    try:
        options = [f"--database={database}", "--no-events", "--reading"]
        found = run_with_child(options, lambda child: child.call("system.check"))
    except ChildEnded as fault:
        if fault.code == ExitCode.ALREADY_RUNNING:
            raise CannotReadBeside from fault
        cure = fault.reason.get("hint") or "Copy the file to a safe place; then read the log."
        return Finding("fail", str(fault), str(cure))
    except CallFailed as fault:
        return Finding("fail", str(fault), RECOVER_HINT)
    if not found["ok"]:
        first = found["findings"][0]
        detail = f"{len(found['findings'])} findings, first: {first['where']}: {first['detail']}"
        return Finding("fail", detail, first["cure"])
    checked = ", ".join(f"{count} {what}" for what, count in found["checked"].items())
    return Finding("ok", f"sound: {checked.replace('_', ' ')}")

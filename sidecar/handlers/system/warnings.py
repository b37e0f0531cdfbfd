"""The chore that warns about the disk, the clock, and the folder and the names of the database.

A warning is sent once as long as its reason lasts. What kind of folder it is can only be guessed,
by the names that synchronisation clients give their folders and by the type of the file system
that is mounted there. So a guess leads to a warning, never to a refusal.
"""

import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from sidecar import limits
from sidecar.catalog import chore
from sidecar.clock import Clock
from sidecar.context import LongContext
from sidecar.errors import DatabaseBusy
from sidecar.notifications import SystemWarning
from sidecar.store.connection import Store
from sidecar.vocabularies import WarningSlug

_SYNC_CLIENTS: Final = (
    "dropbox", "onedrive", "google drive", "googledrive", "icloud", "com~apple~clouddocs",
    "iclouddrive", "nextcloud", "owncloud", "syncthing", "mega", "megasync", "pcloud",
    "pclouddrive", "box sync", "box drive", "creative cloud files", "cloudstorage", "proton drive",
    "protondrive", "synologydrive", "synology drive", "seafile", "yandex.disk", "tresorit",
    "resilio sync", "nutstore", "kdrive", "jottacloud", "spideroak", "icedrive", "filen",
)  # fmt: skip
"""How the names of synchronised folders begin, in lower case. No letter may follow: `mega` and
`mega (old)` are such names, `megan` is not."""

_SYNC_FOLDERS: Final = ("box", "sync", "insync", "my drive")
"""Whole names of such folders, in lower case, which are too short to be the beginning of one."""

_SYNC_MARKERS: Final = (
    ".stfolder", ".sync", ".dropbox.cache", ".owncloudsync.log", ".nextcloudsync.log",
    ".sync_*.db", "._sync_*.db",
)  # fmt: skip
"""The files that synchronising clients create in the top folder, whatever its name is."""

_NETWORK: Final = (
    "nfs", "cifs", "smb", "afs", "9p", "webdav", "davfs", "ceph", "lustre", "beegfs", "glusterfs",
    "coda", "gpfs", "orangefs", "ocfs", "gfs", "fuse.sshfs", "fuse.rclone", "fuse.ceph",
    "fuse.glusterfs", "fuse.s3", "fuse.gcsfuse", "fuse.goofys", "fuse.google-drive", "fuse.gvfs",
    "fuse.kio", "fuse.davfs", "fuse.curlftpfs", "fuse.smbnetfs", "fuse.juicefs", "fuse.moosefs",
    "fuse.onedriver", "fuse.blobfuse",
)  # fmt: skip
"""How the types of network file systems begin; their locks and syncs are unreliable."""

_SHARED: Final = (
    "virtiofs", "fakeowner", "osxfs", "fuse.grpcfuse", "grpcfuse", "vboxsf", "vmhgfs",
    "fuse.vmhgfs", "prl_fs", "drvfs",
)  # fmt: skip
"""How the types of folders begin that a virtual machine or a container shares with its host: two
systems then write one file, and neither sees the locks of the other."""

_MOUNTS: Final = Path("/proc/self/mounts")


def _wall_clock_lead_ms(clock: Clock) -> float:
    """Return how far the wall clock is ahead of the clock that cannot be set.

    Both clocks count while the machine sleeps, so only setting the wall clock changes the lead.
    """
    return clock.now_ms() - clock.elapsed_ms()


class _State:
    """The warnings sent about a database, and the wall clock's lead when it was last measured."""

    def __init__(self, clock: Clock) -> None:
        self.sent: set[WarningSlug] = set()
        self.lead_ms = _wall_clock_lead_ms(clock)


_states: WeakKeyDictionary[Store, _State] = WeakKeyDictionary()


@chore("warnings")
def warn(ctx: LongContext) -> None:
    """Check disk, folder and clock; reserve disk space for the methods that free some."""
    ctx.store.ballast.create()
    state = _states.setdefault(ctx.store, _State(ctx.clock))
    folder = ctx.store.path.parent
    warnings: dict[WarningSlug, str | None] = {
        "disk_low": describe_low_disk(folder),
        "folder_synced": describe_synced_folder(folder),
        "folder_on_network": describe_network_folder(folder.resolve()),
        "several_names": describe_names(ctx.store.path),
    }
    for slug, text in warnings.items():
        if text is None:
            state.sent.discard(slug)
        elif slug not in state.sent:
            state.sent.add(slug)
            ctx.emit(SystemWarning(slug, text))
    ctx.store.watch.restore_lock()
    with suppress(DatabaseBusy):
        ctx.store.tend_log()
    happened = ctx.store.watch.warnings
    while happened:
        ctx.emit(SystemWarning(*happened.popitem()))
    lead_ms = _wall_clock_lead_ms(ctx.clock)
    jump_ms = lead_ms - state.lead_ms
    state.lead_ms = lead_ms
    if abs(jump_ms) > limits.CLOCK_JUMP_MS:
        ctx.emit(SystemWarning("clock_jumped", _describe_jump(jump_ms)))


def _describe_jump(jump_ms: float) -> str:
    """Return the text of the warning about a clock that was set."""
    direction = "ahead" if jump_ms > 0 else "back"
    minutes = abs(jump_ms) / 60_000
    return f"The clock has jumped {minutes:.0f} minutes {direction}; times may be misleading."


def describe_names(database: Path) -> str | None:
    """Return the warning about a file that has several names (hard links); None when it has one.

    Backup programs make such names, so they are no reason to refuse. One of them in use by another
    process is: the lock is on the file.
    """
    links = database.stat().st_nlink if database.exists() else 1
    if links == 1:
        return None
    return (
        f"The database file has {links} names (hard links). A program that opens it by another name"
        " can damage it, and a backup or restore by one name leaves the others behind."
    )


def describe_low_disk(folder: Path) -> str | None:
    """Return the warning about a disk that is nearly full; None when there is room."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes >= limits.DISK_LOW_BYTES:
        return None
    return f"Only {free_bytes // limits.MIB} MiB are free on the disk of the database."


def describe_synced_folder(folder: Path) -> str | None:
    """Return the warning about a folder that seems to be synchronised; None for any other."""
    resolved = folder.resolve()
    # Both paths count: a link may lead into such a folder, and a client may follow one out of it.
    named = [part for part in (*folder.parts, *resolved.parts) if _is_synced(part.lower())]
    marked = (each.name for each in (resolved, *resolved.parents) if _has_marker(each))
    name = named[0] if named else next(marked, None)
    if name is None:
        return None
    return (
        f"The database is in {name}, which seems to be synchronised with other machines;"
        " a copy made during a write is damaged. Move the database to another folder."
    )


def _has_marker(folder: Path) -> bool:
    """Return whether a synchronisation client has left its mark in a folder."""
    try:
        return any(any(folder.glob(marker)) for marker in _SYNC_MARKERS)
    except OSError:
        return False


def _is_synced(name: str) -> bool:
    """Return whether the name of a folder, in lower case, is one of a synchronisation client."""
    return name in _SYNC_FOLDERS or any(
        name.startswith(client) and not name[len(client) : len(client) + 1].isalpha()
        for client in _SYNC_CLIENTS
    )


def describe_network_folder(folder: Path) -> str | None:
    """Return the warning about a folder on another machine; None for any other or unknown one."""
    if str(folder).startswith(("\\\\", "//")):
        kind: str | None = "a network share"
    elif sys.platform == "linux":
        kind = network_file_system(folder, _MOUNTS.read_text(errors="replace"))
    else:
        kind = None
    if kind is None:
        return None
    return f"The database is on {kind}, where locks and syncs are unreliable. Move it to a disk."


def network_file_system(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system that holds a folder when other machines may write to it.

    `mounts` is the text of /proc/self/mounts; the longest mount point above the folder counts.
    """
    longest, kind = -1, ""
    for line in mounts.splitlines():
        _device, place, type_, *_rest = [*line.split(" "), "", "", ""]
        mount = Path(place.replace("\\040", " "))
        if folder.is_relative_to(mount) and len(mount.parts) > longest:
            longest, kind = len(mount.parts), type_
    return kind if kind.startswith((*_NETWORK, *_SHARED)) else None

"""The chore that warns before something fails: disk, folder, clock. Each is told once.

What a folder is can only be guessed: by the names that synchronising clients give theirs, and by
the file system a mount says it has. A guess is a warning, never a refusal.
"""

import shutil
import sys
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from sidecar import limits
from sidecar.catalog import chore
from sidecar.clock import Clock
from sidecar.context import LongContext
from sidecar.notifications import SystemWarning
from sidecar.store.connection import Store

_SYNCED: Final = (
    "dropbox", "onedrive", "google drive", "googledrive", "icloud", "com~apple~clouddocs",
    "iclouddrive", "nextcloud", "owncloud", "syncthing", "mega", "megasync", "pcloud",
    "pclouddrive", "box sync", "creative cloud files",
)  # fmt: skip
"""How folders begin that a client keeps in step with other machines; no letter follows: `mega`
is one, `megan` is somebody."""

_NETWORK: Final = (
    "nfs",
    "cifs",
    "smb",
    "afs",
    "9p",
    "fuse.sshfs",
    "fuse.rclone",
    "webdav",
    "davfs",
)
"""File systems whose locks and syncs are not those of a disk."""


_MOUNTS: Final = Path("/proc/self/mounts")


def _ahead_ms(clock: Clock) -> float:
    """How far the wall clock is ahead of a clock that nobody sets; a sleep moves both."""
    return clock.now_ms() - clock.elapsed_ms()


class _Known:
    """What was told of a store, and how its clocks stood at the last look."""

    def __init__(self, clock: Clock) -> None:
        self.told: set[str] = set()
        self.ahead_ms = _ahead_ms(clock)


_known: WeakKeyDictionary[Store, _Known] = WeakKeyDictionary()


@chore("warnings", first_ms=limits.CHORES_FIRST_MS, every_ms=limits.WARNINGS_EVERY_MS)
def warn(ctx: LongContext) -> None:
    """Look at disk, folder and clock; keep some room for a disk that will be full."""
    ctx.store.ballast.create()
    known = _known.setdefault(ctx.store, _Known(ctx.clock))
    folder = ctx.store.path.parent
    found = {
        "disk_low": disk_low(folder),
        "folder_synced": synced(folder),
        "folder_on_network": on_network(folder.resolve()),
    }
    for slug, detail in found.items():
        if detail is None:
            known.told.discard(slug)
        elif slug not in known.told:
            known.told.add(slug)
            ctx.emit(SystemWarning(slug, detail))
    ahead_ms = _ahead_ms(ctx.clock)
    jumped_ms = ahead_ms - known.ahead_ms
    known.ahead_ms = ahead_ms
    if abs(jumped_ms) > limits.CLOCK_JUMP_MS:
        ctx.emit(SystemWarning("clock_jumped", _jump(jumped_ms)))


def _jump(jumped_ms: float) -> str:
    way = "ahead" if jumped_ms > 0 else "back"
    return f"The clock has jumped {abs(jumped_ms) / 60_000:.0f} minutes {way}; times may mislead."


def disk_low(folder: Path) -> str | None:
    """What to say of the disk; None when there is room."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes >= limits.DISK_LOW_BYTES:
        return None
    return f"Only {free_bytes // limits.MIB} MiB are free where the database lies."


def synced(folder: Path) -> str | None:
    """What to say of a folder that a synchronising client seems to keep; None when none does."""
    # Under both names: a link may lead into such a folder, and a client may follow one out of it.
    for part in (*folder.parts, *folder.resolve().parts):
        if _is_synced(part.lower()):
            return (
                f"The database lies in {part}, which seems to be synchronised with other"
                " machines; a copy made amid a write is damaged. Move it elsewhere."
            )
    return None


def _is_synced(name: str) -> bool:
    return any(
        name.startswith(client) and not name[len(client) : len(client) + 1].isalpha()
        for client in _SYNCED
    )


def on_network(folder: Path) -> str | None:
    """What to say of a folder on another machine; None when it is on this one, or unknown."""
    if str(folder).startswith(("\\\\", "//")):
        kind: str | None = "a network share"
    elif sys.platform == "linux":
        kind = network_kind(folder, _MOUNTS.read_text(errors="replace"))
    else:
        kind = None
    if kind is None:
        return None
    return f"The database lies on {kind}, where locks and syncs cannot be relied on. Move it."


def network_kind(folder: Path, mounts: str) -> str | None:
    """The file system of the mount that holds a folder, if it is one of a network."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        _device, place, type_, *_rest = [*line.split(" "), "", "", ""]
        mount = Path(place.replace("\\040", " "))
        if folder.is_relative_to(mount) and len(mount.parts) > best:
            best, kind = len(mount.parts), type_
    return kind if kind.startswith(_NETWORK) else None

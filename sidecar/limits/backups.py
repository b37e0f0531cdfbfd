"""The numbers of backups and of files that other programs may have written; see the package."""

from typing import Final

from sidecar.limits.sizes import KIB, MIB

ARCHIVE_PIECE_BYTES: Final = MIB
"""Bytes of a database packed or unpacked between two checks for a cancel: 3 ms."""

ARCHIVE_SYNC_BYTES: Final = 4 * MIB
"""Bytes of a backup that are written before they are synced. With one sync of 440 MB at its end a
small save at the same time took 300 ms, with one sync for each 4 MiB 20 to 40 ms; the backup takes
as long."""

ARCHIVE_LEVEL: Final = 1
"""zstd's level for backups: bodies are compressed already; level 3 takes a third longer and saves
2 %."""

ARCHIVE_MANIFEST_BYTES: Final = 8 * KIB
"""Size of the manifest: fixed, because it is written last at the beginning of the file. A full
manifest takes 3 KiB."""

ARCHIVE_WINDOW_MAX_BYTES: Final = 8 * MIB
"""Memory that reading a backup may take: what zstd requires of every reader. Our backups need 1
MiB."""

ARCHIVE_DATABASE_MAX_BYTES: Final = 2**40
ARCHIVE_RATIO_MAX: Final = 1000
ARCHIVE_RATIO_FREE_BYTES: Final = 64 * MIB
"""Largest database that a backup may contain, and how many times larger than the backup it may be
when it has more than 64 MiB. A database without free pages is compressed to a tenth at best, a file
of zeros, which an attacker could send, to a thirty-thousandth."""

ARCHIVE_BLOCK_MIN_BYTES: Final = 4 * KIB
ARCHIVE_BLOCKS_FREE: Final = 64
"""Blocks of a frame are 128 KiB. A frame with more blocks than 64, and than one for each 4 KiB, was
made to take time and is refused."""

BACKUP_LABEL_MAX_CHARS: Final = 200
"""Longest label that a person gives to a backup."""

SNAPSHOT_STEP_PAGES: Final = 1000
"""Pages copied between two checks for a cancel: 4 MiB, a few ms; fewer only make it slower."""

CACHE_SNAPSHOT_KIB: Final = 16_000
"""Page cache of the connection that checks a copy, which reads every page of every index."""

BACKUP_ROOM_BYTES: Final = 64 * MIB
"""Free space that a backup leaves on the disk."""

BACKUPS_FIRST_MS: Final = 60_000
BACKUPS_EVERY_MS: Final = 600_000
"""When it is first checked whether a backup is due, and how often: intervals are set in hours."""

BACKUP_OLD_INTERVALS: Final = 3
"""Intervals without a new backup that cause a warning."""

BACKUP_RETIRE_MS: Final = 1000
"""Time from a backup to the deletion of those that it replaces, so that it is answered first."""

BACKUP_NAME_MAX_CHARS: Final = 64
PATH_MAX_CHARS: Final = 4096
"""Longest name of a backup, and longest path of a file in a request."""

UNTRUSTED_VALUE_MAX_BYTES: Final = 64 * MIB
"""Longest value that SQLite may load from a file which another program may have written."""

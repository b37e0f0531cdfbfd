"""Numbers of backups, and of files that somebody else may have made; see the package."""

from typing import Final

from sidecar.limits.sizes import KIB, MIB

ARCHIVE_PIECE_BYTES: Final = MIB
"""Of a database that is packed or unpacked between two looks at cancel: 3 ms."""

ARCHIVE_SYNC_BYTES: Final = 4 * MIB
"""Of a backup written before they are synced: with one sync of 440 MB at its end a small save met
300 ms, with one for each 4 MiB 20 to 40, at the same speed."""

ARCHIVE_LEVEL: Final = 1
"""zstd's, of backups: bodies are packed already; level 3 takes a third longer for 2 % less."""

ARCHIVE_MANIFEST_BYTES: Final = 8 * KIB
"""Fixed, since it is written last and stands first; a full one takes 3 KiB."""

ARCHIVE_WINDOW_MAX_BYTES: Final = 8 * MIB
"""Memory that reading a backup may take: what zstd wants every reader to have; ours ask for 1."""

ARCHIVE_DATABASE_MAX_BYTES: Final = 2**40
ARCHIVE_RATIO_MAX: Final = 1000
ARCHIVE_RATIO_FREE_BYTES: Final = 64 * MIB
"""Largest database a backup may claim, and how much larger than its file past 64 MiB: a database
without free pages shrinks to a tenth at best, zeros to a thirty-thousandth."""

ARCHIVE_BLOCK_MIN_BYTES: Final = 4 * KIB
ARCHIVE_BLOCKS_FREE: Final = 64
"""Blocks of a frame are 128 KiB; a frame of more than one for each 4 KiB is made to cost time."""

BACKUP_LABEL_MAX_CHARS: Final = 200
"""What a person calls a backup."""

SNAPSHOT_STEP_PAGES: Final = 1000
"""Pages copied between two looks at cancel: 4 MiB, a few ms; fewer only make it slower."""

CACHE_SNAPSHOT_KIB: Final = 16_000
"""Cache of the connection that checks a copy, which reads every page of every index."""

BACKUP_ROOM_BYTES: Final = 64 * MIB
"""Room that a backup leaves on the disk."""

BACKUP_TURN_LOOK_MS: Final = 50
"""Between two looks at cancel while another backup is made."""

BACKUPS_FIRST_MS: Final = 60_000
BACKUPS_EVERY_MS: Final = 600_000
"""When it is first looked whether a backup is due, and how often: an interval counts in hours."""

BACKUP_OLD_INTERVALS: Final = 3
"""Intervals after which the newest backup is old enough for a warning."""

BACKUP_RETIRE_MS: Final = 1000
"""After a backup, before those are deleted that it makes superfluous: its answer goes first."""

BACKUP_NAME_MAX_CHARS: Final = 64
PATH_MAX_CHARS: Final = 4096
"""Longest name of a backup, and longest path of a file that a request may name."""

UNTRUSTED_VALUE_MAX_BYTES: Final = 64 * MIB
"""Longest value SQLite may load from a file that somebody else may have made."""

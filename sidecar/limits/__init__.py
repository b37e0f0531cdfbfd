"""Every number the product promises or depends on, each with its reason.

Owns nothing but constants; imports nothing of ours. A number that a client can run into is
published in `system.ready` and `system.info` (see `PUBLISHED`). Units stand in the names.
"""

from typing import Final

from sidecar.limits.backups import *  # noqa: F403 - one namespace, several screens
from sidecar.limits.sizes import KIB as KIB
from sidecar.limits.sizes import MIB as MIB
from sidecar.limits.vault import *  # noqa: F403 - the same
from sidecar.limits.vault import (
    PASSPHRASE_MAX_CHARS,
    PROVIDER_MAX_CHARS,
    SECRET_MAX_BYTES,
    SECRETS_MAX,
)

# --- the wire -----------------------------------------------------------------------------

PROTOCOL_VERSION: Final = "1.0"
"""major.minor; a minor only adds (methods, optional params, result fields, slugs)."""

LINE_MAX_BYTES: Final = 32 * MIB
"""Longest line read: a 16 MiB body whose every byte is escaped still fits."""

ANSWER_MAX_BYTES: Final = 32 * MIB
"""Longest line written; lists and get_many stop before it."""

ANSWER_ROOM_BYTES: Final = 64 * KIB
"""Kept free below ANSWER_MAX_BYTES for the envelope, `missing` and `not_sent` of an answer."""

DEPTH_MAX: Final = 128
"""Deepest nesting of a line. Real workflows stay under 30; msgspec's limit moves with Python."""

BATCH_MAX_MEMBERS: Final = 1000
"""Most members of one JSON-RPC batch, so that one line cannot hold the loop for minutes."""

ID_MAX_CHARS: Final = 1024
"""Longest request id echoed back: an id is held while its request is in flight."""

READ_CHUNK_BYTES: Final = 64 * 1024
"""One os.read. Room for a whole pipe cost each small read 14 us, and a full one three times the
sixteen reads it takes to fill it."""

READ_MAX_BYTES: Final = MIB
"""What is read before any of it is served: a whole pipe, so that what waits is one burst."""

PIPE_BYTES: Final = MIB
"""stdin's pipe size asked for on Linux: 64 KiB holds 3 saves; 1 MiB nearly halved their cost."""

LINGER_US: Final = 30
"""How long to look for the next request before sleeping: a sleeper's waking costs it about 20 us,
so a client that asks again as soon as it has its answer gains those; nobody else is slowed."""

INPUT_BOUND_BYTES: Final = 64 * MIB
"""Lines read but not begun; past it reading pauses. Twice the line limit: one line always fits."""

OUTPUT_BOUND_BYTES: Final = 4 * MIB
"""Unwritten output past which no further request starts (an answer may still exceed it)."""

EVENTS_BOUND_BYTES: Final = 2 * MIB
"""Unwritten events past which the oldest drop with one `audit.overflow`."""

STDERR_BOUND_LINES: Final = 1000
"""Log lines waiting for a reader of stderr; later ones drop with a count."""

BURST_MAX_REQUESTS: Final = 64
BURST_MAX_BYTES: Final = 8 * MIB
BURST_MAX_MS: Final = 20
"""Bounds of one group commit: past 64 the gain is under 2 %, 20 ms is what a reader feels."""

UPKEEP_PAUSE_MS: Final = 200
"""Silence after a write before the search indexes follow: longer than between two key strokes."""

UPKEEP_MAX_CHANGES: Final = 8000
"""Changed rows after which the headers follow without a pause: some 1 000 saves, which a search
would wait 40 ms for."""

HEADER_STEP: Final = 250
"""Headers indexed in one step: some 10 ms."""

UPKEEP_REST_MS: Final = 20
"""Rest between two steps of the same pause: whoever asks meanwhile meets one step at most."""

PRUNE_BATCH: Final = 150
"""Runs pruned in one step: each may belong to another workflow, whose row changes with it."""

PRUNE_MAX_RUNS: Final = 200_000
"""Runs that one prune deletes: some seconds, in steps of 150."""

RETENTION_EVERY_MS: Final = 3_600_000
RETENTION_AGAIN_MS: Final = 10_000
"""How often the settings of retention are applied, and how soon when there was more to do."""

RETENTION_SOON_MS: Final = 5000
"""After such a setting has changed: time to change it back."""

TRASH_STEP: Final = 100
"""Archived workflows looked up at a time by the chore that empties the trash."""

WARNINGS_EVERY_MS: Final = 600_000
DISK_LOW_BYTES: Final = 512 * MIB
CLOCK_JUMP_MS: Final = 120_000
"""How often disk and clock are looked at, and what is worth a warning: a free disk smaller than
that, a wall clock that went so much further or less far than time has."""

BALLAST_BYTES: Final = 16 * MIB
"""Room kept for deleting on a full disk: for a log of WAL_MOST_PAGES to be moved into the file."""

STATS_DAYS_MAX: Final = 400
"""Days that runs.stats tells of: a year and what a chart shows beside it."""

UTC_OFFSET_MAX_MINUTES: Final = 14 * 60
"""The easternmost time zone; none is further from UTC."""

CHORES_FIRST_MS: Final = 5000
"""When the first chore of a start runs: not while the app loads."""

PACK_PAUSE_MS: Final = 2000
"""Silence after a replaced body before it is packed."""

MERGE_STEP_PAGES: Final = 128
"""Pages of a search index merged in one step of a purge: some 10 ms."""

VACUUM_STEP_PAGES: Final = 200
"""Free pages cut off the file in one step: 0.8 MiB, a few ms."""

ANALYSIS_ROWS: Final = 1000
"""Rows that ANALYZE looks at of each index, so that renewing its samples stays short."""

PURGE_PAUSE_MS: Final = 2000
"""After the last delete by request: several in a row are purged at once."""

PURGE_SELDOM_MS: Final = 3_600_000
"""After text was pruned by itself: at most once an hour."""

PURGE_AGAIN_MS: Final = 60_000
"""After a reader was in the way."""

CHECKPOINT_WAIT_MS: Final = 50
"""How long a purge waits for a reader that holds an old state, with the lock held."""

ALONE_WAIT_MS: Final = 5000
"""How long compaction waits for readers of long methods to end."""

LOCK_LOOK_MS: Final = 20
"""How long a request waits for the lock before it looks whether maintenance has it."""

ZSTD_LEVEL: Final = 6
"""Of frames of earlier revisions: 16 % of gzip on real version chains, 18 % at level 3, as fast."""

ZSTD_WINDOW_MAX_BYTES: Final = 64 * MIB
"""Largest window a frame may ask for: two bodies of the largest size, and their power of two."""

REVISION_GROUP: Final = 10
"""Revisions between two key frames: damage of one loses no more, and any is back in two steps."""

REVISION_PACK_STEP: Final = 20
"""Replaced bodies packed in one step: 100 us each on real chains, a few ms for the largest."""

REVISION_PACK_BYTES: Final = 8 * MIB
"""Bodies unpacked at once for it: twenty of the largest took 470 MB."""

TEXT_STEP: Final = 24
TEXT_STEP_BYTES: Final = 192 * 1024
"""Bodies indexed in one step, and their bytes together: some 15 ms, 20 ms in a store of 100 000;
then requests have their turn."""

SEARCH_TEXT_STEPS: Final = 6
"""Steps a search waits for, 100 ms at most: a full `save_many` of usual workflows is five."""

LONG_MAX_IN_FLIGHT: Final = 32
"""Long requests accepted at once; one more is `overloaded`."""

WORKER_THREADS: Final = 2
"""Long methods running side by side: more would only queue for the one lock."""

PROGRESS_MIN_INTERVAL_MS: Final = 50
"""At most 20 `$/progress` a second for one request."""

EARLY_CANCELS_MAX: Final = 1024
"""Cancels remembered for requests that are read but not begun."""

REPLAY_PAGE: Final = 200
REPLAY_PAGE_BYTES: Final = 256 * KIB
"""Audit entries read at a time for a replay, about 50 KiB of our own, and the bytes of their
details past which no other is read: imported ones may be of any size. Requests go between."""

# --- the process --------------------------------------------------------------------------

DRAIN_LIMIT_MS: Final = 2000
"""At the end: time to answer what was accepted before the watchdog ends the process."""

DRAIN_CANCEL_MS: Final = 1500
"""At the end: when long requests still running are cancelled, to be answered within the limit."""

PARENT_CHECK_MS: Final = 500
"""Between looks at the parent where no kernel handle tells of its death."""

STARTING_INTERVAL_MS: Final = 500
"""Between two `system.starting` notifications: at most twice a second."""

LATENCY_SAMPLES: Final = 256
"""Durations kept per method for p50 and p99 in system.stats: 2 KiB a method."""

# --- params -------------------------------------------------------------------------------

SAFE_INTEGER_MAX: Final = 2**53 - 1
"""Largest integer a JavaScript client reads exactly."""

ID_TEXT_MAX_CHARS: Final = 128
NAME_MAX_CHARS: Final = 512
DESCRIPTION_MAX_CHARS: Final = 16_384
CATEGORY_MAX_CHARS: Final = 64
TAG_MAX_CHARS: Final = 64
TAGS_MAX: Final = 64
QUERY_MAX_CHARS: Final = 1024
ERROR_MESSAGE_MAX_CHARS: Final = 16_384
SETTING_VALUE_MAX_BYTES: Final = 64 * KIB
SETTING_DESCRIPTION_MAX_CHARS: Final = 1024
CURSOR_MAX_CHARS: Final = 8192
FIELD_NAME_MAX_CHARS: Final = 64
"""How much of a client's unknown field name an error path repeats."""

CHOICES_TOLD_MAX: Final = 60
"""How many of the values that a param may have a refusal names: all there are today."""

BODY_MAX_BYTES: Final = 16 * MIB
SUMMARY_MAX_BYTES: Final = 16 * MIB
SUMMARY_KEPT_BYTES: Final = MIB
"""A summary up to 16 MiB is accepted, 1 MiB kept: a finish must never fail on its payload."""

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 500
MANY_MAX_ITEMS: Final = 100
"""Items of save_many, get_many, delete_many, set_many."""
SAVE_MANY_MAX_BYTES: Final = 8 * MIB

# --- the store ----------------------------------------------------------------------------

SQLITE_MIN_VERSION: Final = (3, 51, 3)
"""Below it the WAL-reset bug (3.7.0 to 3.51.2) can lose committed pages."""

APPLICATION_ID: Final = 0x53494D31
"""'SIM1' in the SQLite header: tells our files from foreign ones."""

CACHE_SHARED_KIB: Final = 64_000
"""Page cache of the shared connection: the 64 MB of the design document; it fills with use."""
CACHE_SHORT_LIVED_KIB: Final = 2_000

BUSY_TIMEOUT_MS: Final = 2000
"""How long a foreign lock is waited for before `database_busy`."""

WAL_PAUSE_PAGES: Final = 1000
"""Pages in the WAL, 4 MiB in some 20 ms, after which it is moved into the database as soon as
nobody waits, and between two steps of a long method."""

WAL_MOST_PAGES: Final = 3000
"""Pages after which it is moved though requests wait, 12 MiB in some 40 ms; what is written often
moves once."""

JOURNAL_SIZE_LIMIT_BYTES: Final = 8 * MIB
"""The WAL shrinks to this after a checkpoint, so that one big import does not keep the disk."""

STATEMENT_CACHE: Final = 200
"""Prepared statements kept: more than the product has, so that each is compiled once."""

GZIP_LEVEL: Final = 2
"""igzip 2: 25.5 % of compact JSON in 40 us a file; 3 saves 1.2 points for twice the time."""

ZLIB_LEVEL: Final = 5
"""zlib's level where no igzip wheel exists: nearly level 6's size in two thirds of its time."""

RUNS_DELETE_INLINE_MAX: Final = 1000
"""Runs deleted together with their workflow in one transaction; more go in batches first."""

RUNS_DELETE_BATCH: Final = 500
"""Runs of one delete batch: measured 8.6 ms."""

DELETE_STEP_BYTES: Final = 2 * MIB
"""Stored bytes deleted in one step, at least one row: all of them are overwritten, and must have
room in the log on a full disk. 2 MiB take some 15 ms."""

EXPORT_LEFTOVER_S: Final = 3600
"""Age of an export's unfinished file that no export is still writing: the next one removes it."""

VERIFY_STEP_ENTRIES: Final = 200
"""Audit entries verified between two looks at cancel: under a millisecond."""

CANCEL_LOOK_STEPS: Final = 10_000
"""Steps of SQLite's machine between two looks at cancel in a long check: about a millisecond."""

SALVAGE_STEP_ROWS: Final = 200
"""Rows salvaged between two looks at cancel: a few ms."""

SALVAGE_PROBES: Final = 1000
"""Places that a damaged table is looked into before it is given up: some 10 ms."""

SALVAGE_GUESS_ROWS: Final = 2**40
"""No table has more: tried from here down where its right edge, which tells, is damaged."""

FINDINGS_MAX: Final = 1000
"""Findings that system.check answers; past that a file is past reading them one by one."""

SEARCH_SCAN_MAX: Final = 20_000
SEARCH_SCAN_BYTES: Final = 8 * MIB
"""Newest workflows looked through for terms that no index can find, and for one page the bytes
of their texts times the terms: about 20 ms, 40 ms at most."""

SEARCH_SHORT_MAX: Final = 16
"""Terms of one or two characters compared with each text: more than a person writes."""

SEARCH_CONFIRM_MAX: Final = 200
SEARCH_CONFIRM_BYTES: Final = MIB
"""Bodies looked into for one page of a phrase, the best ranked first: some 40 ms at most."""

SEARCH_SNIPPETS_BYTES: Final = MIB
"""Bodies that one page cuts snippets from, the first whatever its size: 10 ms, 40 ms at most."""

SEARCH_SPELLED_MAX: Final = 8
"""Unknown words that a nearer one is looked for: 10 ms each at worst."""

SEARCH_PAGE_DEFAULT: Final = 20

NODES_MAX: Final = 10_000
"""Nodes of one body looked at; the largest real workflow has some hundred."""

DIFF_FIELDS_MAX: Final = 100
"""Fields told of one changed node; a `*` behind them says that there are more."""

DIFF_DEPTH_MAX: Final = 6
"""Objects within objects that a comparison goes down: Langflow's settings lie five deep."""

BODY_INDEXED_MAX_BYTES: Final = 4 * MIB
"""Larger bodies are not searched inside: to decode one would hold the loop for 50 ms."""

BODY_TEXT_MAX_CHARS: Final = 64 * 1024
BODY_STRING_MAX_CHARS: Final = 4096
BODY_VALUES_MAX: Final = 50_000
"""Text of one body that is indexed, of one string in it, and the values looked at for it."""

PUBLISHED: Final[dict[str, int]] = {
    "line_bytes": LINE_MAX_BYTES,
    "answer_bytes": ANSWER_MAX_BYTES,
    "body_bytes": BODY_MAX_BYTES,
    "summary_bytes": SUMMARY_MAX_BYTES,
    "summary_kept_bytes": SUMMARY_KEPT_BYTES,
    "depth": DEPTH_MAX,
    "batch_members": BATCH_MAX_MEMBERS,
    "page": PAGE_MAX,
    "page_default": PAGE_DEFAULT,
    "many_items": MANY_MAX_ITEMS,
    "save_many_bytes": SAVE_MANY_MAX_BYTES,
    "long_in_flight": LONG_MAX_IN_FLIGHT,
    "id_chars": ID_TEXT_MAX_CHARS,
    "name_chars": NAME_MAX_CHARS,
    "description_chars": DESCRIPTION_MAX_CHARS,
    "category_chars": CATEGORY_MAX_CHARS,
    "tag_chars": TAG_MAX_CHARS,
    "tags": TAGS_MAX,
    "query_chars": QUERY_MAX_CHARS,
    "error_message_chars": ERROR_MESSAGE_MAX_CHARS,
    "provider_chars": PROVIDER_MAX_CHARS,
    "passphrase_chars": PASSPHRASE_MAX_CHARS,
    "secret_bytes": SECRET_MAX_BYTES,
    "secrets": SECRETS_MAX,
    "setting_value_bytes": SETTING_VALUE_MAX_BYTES,
    "setting_description_chars": SETTING_DESCRIPTION_MAX_CHARS,
}
"""The limits a client can run into, by the names `system.ready` and `system.info` carry."""

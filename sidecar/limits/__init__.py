"""The numbers that the program promises or depends on, each with its reason.

Has constants only and imports no other module of the program. The limits that a client can reach
are published in `system.ready` and `system.info`, see `PUBLISHED`. Names end with the unit.
Durations in a reason are measured on an ordinary desktop machine.
"""

from typing import Final

from sidecar.limits.backups import *  # noqa: F403 - one namespace in several files
from sidecar.limits.exports import *  # noqa: F403 - one namespace in several files
from sidecar.limits.imports import *  # noqa: F403 - one namespace in several files
from sidecar.limits.process import *  # noqa: F403 - one namespace in several files
from sidecar.limits.remotes import *  # noqa: F403 - one namespace in several files
from sidecar.limits.search import *  # noqa: F403 - one namespace in several files
from sidecar.limits.sizes import KIB as KIB
from sidecar.limits.sizes import MIB as MIB
from sidecar.limits.vault import *  # noqa: F403 - one namespace in several files
from sidecar.limits.vault import (
    PASSPHRASE_MAX_CHARS,
    PROVIDER_MAX_CHARS,
    SECRET_MAX_BYTES,
    SECRETS_MAX,
)

# --- the wire -----------------------------------------------------------------------------

PROTOCOL_VERSION: Final = "1.0"
"""major.minor; a new minor only adds: methods, optional params, result fields, slugs."""

LINE_MAX_BYTES: Final = 32 * MIB
"""Longest line that is read: a body of 16 MiB in which every byte is escaped fits."""

ANSWER_MAX_BYTES: Final = 32 * MIB
"""Longest line that is written; lists and get_many end their page before it."""

ANSWER_ROOM_BYTES: Final = 64 * KIB
"""Part of ANSWER_MAX_BYTES that is left for the envelope, `missing` and `not_sent` of an answer."""

DEPTH_MAX: Final = 512
"""Deepest nesting of a JSON value that is stored: a body, a summary, a setting. Tools that nest
each step in the one before take three levels a step. msgspec's own limit is that of Python's stack:
on 3.11 it is 1 000 less one for each call that is running, 40 at most where lines are decoded."""

LINE_DEPTH_MAX: Final = DEPTH_MAX + 128
"""Deepest nesting of a line. Six levels are around a body in a batch's `workflows.save_many`; more
are read, so that a body that nests too deep is refused by its own path, and only its request."""

MENDED_DEPTH_MAX: Final = 100
"""Deepest nesting of a line that is repaired: a level takes two of Python's frames. What is deeper
is dropped."""

BATCH_MAX_MEMBERS: Final = 1000
"""Most members of one JSON-RPC batch, so that one line cannot occupy the loop for minutes."""

BATCH_ERROR_BYTES: Final = 8 * KIB
"""Room in the answer of a batch for the error of each further member: 6 KiB for its id in escapes,
and the rest for the error. 1 000 members leave three quarters of the answer for results."""

BATCH_LONG_BYTES: Final = MIB
"""Room in the answer of a batch without which a long member does not begin, because it cannot be
undone. Only a check with many findings answers with more."""

BATCH_MISFITS_MAX: Final = 8
"""Members of a batch whose answers did not fit, after which no further member begins: each can
take 0.1 s to make an answer of 32 MiB that is then dropped."""

ID_MAX_CHARS: Final = 1024
"""Longest request id: it is stored while its request is in flight."""

READ_CHUNK_BYTES: Final = 64 * 1024
"""Size of one os.read, and of one write of a thread. With one os.read for a whole pipe each small
read took 14 us more, as it makes an object of that size."""

READ_MAX_BYTES: Final = MIB
"""Most bytes read before any of them are served: a whole pipe, so that the requests in it are one
burst. Lines are read into a buffer of this size, once a smaller one was filled."""

PIPE_BYTES: Final = MIB
"""Size that stdin's pipe is set to on Linux: 64 KiB holds 3 saves; 1 MiB nearly halved their
cost."""

INPUT_BOUND_BYTES: Final = 64 * MIB
"""Bytes of lines that are read but not started, past which reading pauses: twice the longest line,
so that one line always fits."""

OUTPUT_BOUND_BYTES: Final = 4 * MIB
"""Bytes of unwritten output past which no further request starts; one answer may exceed it."""

EVENTS_BOUND_BYTES: Final = 2 * MIB
"""Bytes of unwritten events past which the oldest are dropped and reported in `audit.overflow`."""

STDERR_BOUND_LINES: Final = 1000
"""Log lines that wait to be written to stderr; further ones are dropped and counted."""

BURST_MAX_REQUESTS: Final = 64
BURST_MAX_BYTES: Final = 8 * MIB
BURST_MAX_MS: Final = 20
"""Bounds of one burst, the requests that share a transaction: past 64 requests the gain is under
2 %, and a person notices an answer that is delayed by more than 20 ms."""

PRUNE_BATCH: Final = 150
"""Runs pruned in one transaction: each can belong to another workflow, whose row changes too."""

PRUNE_MAX_RUNS: Final = 200_000
"""Most runs that one prune deletes: some seconds, in transactions of 150 runs."""

RETENTION_EVERY_MS: Final = 3_600_000
RETENTION_CONTINUE_MS: Final = 10_000
"""How often the retention settings are applied, and how soon again when runs were left over."""

RETENTION_AFTER_CHANGE_MS: Final = 5000
"""Time from a change of a retention setting to its use: a person can still change it back."""

TRASH_STEP: Final = 100
"""Archived workflows that the chore which empties the trash reads at a time."""

WARNINGS_EVERY_MS: Final = 600_000
DISK_LOW_BYTES: Final = 512 * MIB
CLOCK_JUMP_MS: Final = 120_000
"""How often the disk and the clock are checked, and what causes a warning: less free space than
this, or a wall clock that differs from the elapsed time by more than this."""

BALLAST_BYTES: Final = 16 * MIB
"""Size of the reserve that makes deleting possible on a full disk: a WAL of WAL_MAX_PAGES must fit
into the file."""

STATS_DAYS_MAX: Final = 400
"""Most days in runs.stats: a year, and some days more for a chart."""

TIME_ZONE_MAX_CHARS: Final = 64
"""Longest name of a time zone; the longest of the IANA has 32 characters."""

INTERRUPTED_SPARED_MS: Final = 7 * 86_400_000
"""How long pruning spares a run that was found interrupted: a host that was away over a long
weekend can still take it up again."""

READY_RUN_IDS_MAX: Final = 100
"""Most ids of interrupted runs in `system.ready`: more than one host executes at the same time, and
the line stays under 16 KiB; `runs.list` has all of them."""

RUN_PROGRESS_INTERVAL_MS: Final = 1000
"""Time between two `runs.changed` about the progress of one run: a person reads no faster."""

TRIGGER_MAX_CHARS: Final = 64
"""What caused a run is a word or an id, not a text."""

CHORES_FIRST_MS: Final = 5000
"""Time from the start to the first chore, so that none runs while the app loads."""

MODULES_FIRST_MS: Final = 100
"""Time from the start to the loading of what the first answer did not need: after the first
answers, and long before an update of the program can replace its files."""

MODULES_REST_MS: Final = 5
MODULES_LATEST_MS: Final = 1600
"""For how long no request must come before the next module is loaded, and after how long all are
loaded in any case, so that they are there 2 s after the start. While one is loaded a save takes
four times as long, as it waits for the interpreter after each of its statements."""

MODULES_SWITCH_MS: Final = 0.2
"""For how long the loading of modules keeps a request from going on, each time that it has waited
for the disk or the client; Python's own 5 ms would make each save wait several times as long."""

PACK_PAUSE_MS: Final = 2000
"""Time from the last change of a body to the packing of its earlier revisions."""

VACUUM_STEP_PAGES: Final = 200
"""Free pages that are removed from the file in one step: 0.8 MiB, a few ms."""

ANALYSIS_ROWS: Final = 1000
"""Rows of each index that ANALYZE reads, so that it takes a short time."""

PURGE_PAUSE_MS: Final = 2000
"""Time from the last delete to the purge: one purge serves several deletes in a row."""

PURGE_AFTER_PRUNE_MS: Final = 3_600_000
"""Time from a prune by a chore to the purge: at most one an hour."""

PURGE_RETRY_MS: Final = 60_000
"""Time to the next try of a purge that a reader has blocked."""

CHECKPOINT_WAIT_MS: Final = 50
"""How long a purge waits, with the lock held, for a reader of an old state of the database."""

ALONE_WAIT_MS: Final = 5000
"""How long compaction waits until no long method reads any more."""

REPLACE_WAIT_MS: Final = 30_000
"""How long a restore, compaction or recovery waits for the long requests before it: a backup of a
large database takes as long."""

LOCK_WAIT_SLICE_MS: Final = 20
"""How long a request waits for the store's lock between two checks whether maintenance has it."""

ZSTD_LEVEL: Final = 6
"""zstd's level for earlier revisions: 16 % of the size of gzip on real revision chains; level 3
gives 18 % and is not faster."""

ZSTD_WINDOW_MAX_BYTES: Final = 64 * MIB
"""Largest window that a frame may need: two bodies of the largest size, as a power of two."""

REVISION_GROUP: Final = 10
"""Revisions from one key frame to the next: damage of a frame loses no more than these, and
reading any revision takes two steps."""

REVISION_PACK_STEP: Final = 20
"""Earlier revisions packed in one step: 100 us each on real chains, a few ms for the largest."""

REVISION_PACK_BYTES: Final = 8 * MIB
"""Bytes of bodies that are unpacked at a time for it: twenty of the largest took 470 MB."""

LONG_MAX_IN_FLIGHT: Final = 32
"""Most long requests in flight; one more is answered `overloaded`."""

WORKER_THREADS: Final = 2
"""Long methods that run at the same time: more would only wait for the one lock of the store."""

PROGRESS_MIN_INTERVAL_MS: Final = 50
"""Time between two `$/progress` of one request: at most 20 a second."""

EARLY_CANCELS_MAX: Final = 1024
"""Most cancels that are stored for requests which are read but not started."""

REPLAY_PAGE: Final = 200
REPLAY_PAGE_BYTES: Final = 256 * KIB
"""Audit entries read at a time for a replay, about 50 KiB, and the bytes of their details past
which no further entry is read, because imported entries can be of any size. Requests are served
between two pages."""

# --- params -------------------------------------------------------------------------------

SAFE_INTEGER_MAX: Final = 2**53 - 1
"""Largest integer that a JavaScript client reads exactly."""

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
"""Most characters of an unknown member's name that the path of an error repeats."""

CHOICES_MAX: Final = 60
"""Most allowed values that an error names for a param; today no param has more."""

BODY_MAX_BYTES: Final = 16 * MIB
PARSE_UNASKED_BYTES: Final = 64 * KIB
"""Largest body for which parsing does not ask whether memory is free: its strings are small, and
Python takes memory for these in pieces of 1 MiB."""

SUMMARY_KEPT_BYTES: Final = MIB
"""What is stored of the summary of a run; a longer one is cut, as runs.finish must not fail because
of its summary."""

PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 500
LIST_SORT_MAX: Final = 2000
"""Workflows of a tag or category up to which a list finds them by it and sorts them, about 10 ms,
where walking the index of the order for a rare one took 700 ms in 100 000 workflows."""
TOTAL_MAX: Final = 10_000
"""Items that the total of a list counts to: a ms, or 20 ms where each is looked up for its tag; a
person does not page further."""
MANY_MAX_ITEMS: Final = 100
"""Most items of save_many, get_many, update_many, delete_many and set_many: in one transaction, a
hundred changes without a body occupy the loop for 40 ms."""
SAVE_MANY_MAX_BYTES: Final = 8 * MIB

# --- the store ----------------------------------------------------------------------------

SQLITE_MIN_VERSION: Final = (3, 51, 3)
"""Versions before it (3.7.0 to 3.51.2) have the WAL-reset bug, which can lose committed pages."""

APPLICATION_ID: Final = 0x53494D31
"""'SIM1' in the SQLite header: tells databases of this program from others."""

CACHE_SHARED_KIB: Final = 64_000
"""Page cache of the shared connection: the 64 MB that the customer's design document asks for."""
CACHE_SHORT_LIVED_KIB: Final = 2_000

BUSY_TIMEOUT_MS: Final = 2000
"""How long a lock of another program is waited for before the answer `database_busy`."""

WAL_PAUSE_PAGES: Final = 1000
"""Pages in the WAL from which it is moved into the database as soon as no request waits, and
between two steps of a long method: 4 MiB, about 20 ms."""

WAL_MAX_PAGES: Final = 2000
"""Pages in the WAL from which it is moved although requests wait: 8 MiB, about 30 ms. A page that
was written several times is moved once. So the file stays under JOURNAL_SIZE_LIMIT_BYTES."""

WAL_ROOM_BYTES: Final = 4 * MIB
WAL_ROOM_STEP_BYTES: Final = MIB
"""Size that a short WAL is lengthened to: WAL_PAUSE_PAGES and a few more, after which it is written
over in any case. It grows in steps of a few ms."""

JOURNAL_SIZE_LIMIT_BYTES: Final = 8 * MIB
"""Size that the WAL is cut to after a checkpoint, as after a large import."""

STATEMENT_CACHE: Final = 200
"""Prepared statements in the cache: more than the program has, so that each is compiled once."""

GZIP_LEVEL: Final = 2
"""igzip's level for bodies: 25.5 % of the size of compact JSON in 40 us a file; level 3 saves 1.2
points and takes twice the time."""

ZLIB_LEVEL: Final = 5
"""zlib's level where igzip is not available: nearly the size of level 6 in two thirds of its
time."""

RUNS_DELETE_INLINE_MAX: Final = 1000
"""Runs that are deleted in the same transaction as their workflow; more are deleted in batches
before."""

RUNS_DELETE_BATCH: Final = 500
"""Runs of one such batch: 8.6 ms."""

DELETE_STEP_BYTES: Final = 2 * MIB
"""Stored bytes that are deleted in one transaction, of one row at least. They are all overwritten
with zeros, which must fit into the WAL on a full disk. 2 MiB take about 15 ms."""

PARTIAL_LEFTOVER_S: Final = 3600
"""Time without a write after which an unfinished export, backup or part of one in a remote is taken
to be left by a killed process; the next one removes it. A slow drive takes seconds for a piece."""

VERIFY_STEP_ENTRIES: Final = 200
"""Audit entries verified between two checks for a cancel: under a millisecond."""

CANCEL_CHECK_STEPS: Final = 10_000
"""Steps of SQLite's virtual machine between two checks for a cancel: about a millisecond."""

SALVAGE_STEP_ROWS: Final = 200
"""Rows salvaged between two checks for a cancel: a few ms."""

SALVAGE_PROBES: Final = 1000
"""Most row ids that are tried to find readable rows of a damaged table: about 10 ms."""

SALVAGE_GUESS_ROWS: Final = 2**40
"""Row id that no table reaches: the search for the largest one starts here when the page that
has it is damaged."""

CHECK_PAGE_ROWS: Final = 500
"""Rows that system.check reads and compares with the types of their columns at a time."""

FINDINGS_MAX: Final = 1000
"""Most findings in one answer of system.check; a person would not read more."""

NODES_MAX: Final = 10_000
"""Most nodes of one body that are read; the largest real workflow has some hundred."""

DIFF_FIELDS_MAX: Final = 100
"""Most fields that are listed of one changed node; a `*` after them says that there are more."""

DIFF_VALUE_MAX_CHARS: Final = 1000
"""Characters of a value, as JSON text, that a difference shows: more than a person compares."""

DIFF_DEPTH_MAX: Final = 6
"""Depth to which objects are compared: Langflow's settings are five objects deep."""

DIFF_REFERENCE_DEPTH_MAX: Final = 64
"""Depth to which references to renamed steps are followed: far deeper than any tool writes them,
and far from the end of Python's stack, which a body of DEPTH_MAX levels would reach."""

PUBLISHED: Final[dict[str, int]] = {
    "line_bytes": LINE_MAX_BYTES,
    "answer_bytes": ANSWER_MAX_BYTES,
    "body_bytes": BODY_MAX_BYTES,
    "summary_kept_bytes": SUMMARY_KEPT_BYTES,
    "depth": DEPTH_MAX,
    "batch_members": BATCH_MAX_MEMBERS,
    "page": PAGE_MAX,
    "page_default": PAGE_DEFAULT,
    "total": TOTAL_MAX,
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
    "ready_run_ids": READY_RUN_IDS_MAX,
    "trigger_chars": TRIGGER_MAX_CHARS,
    "error_message_chars": ERROR_MESSAGE_MAX_CHARS,
    "provider_chars": PROVIDER_MAX_CHARS,
    "passphrase_chars": PASSPHRASE_MAX_CHARS,
    "secret_bytes": SECRET_MAX_BYTES,
    "secrets": SECRETS_MAX,
    "setting_value_bytes": SETTING_VALUE_MAX_BYTES,
    "setting_description_chars": SETTING_DESCRIPTION_MAX_CHARS,
}
"""The limits that a client can reach, by their names in `system.ready` and `system.info`."""

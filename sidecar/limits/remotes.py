"""The numbers of remotes, the stores beyond this machine; see the package."""

from typing import Final

from sidecar.limits.sizes import KIB, MIB

REMOTES_MAX: Final = 8
"""Most remotes of one database: each push goes to all of them."""

REMOTE_URL_MAX_CHARS: Final = 1024
"""Longest URL of a remote, and longest name of an object: an object store takes 1 024 bytes."""

REMOTE_CREDENTIAL_MAX_CHARS: Final = 4096
"""Longest text of credentials: the session token of a cloud, the longest part, has about 1 000."""

REMOTE_PART_BYTES: Final = 16 * MIB
"""Size of one object of a backup: the courier holds two of them in memory, since a conditional
write cannot be streamed, and what a broken connection costs is one of them."""

REMOTE_HEAD_MAX_BYTES: Final = 16 * KIB
"""Largest sealed head: one has less than 2 KiB. A remote that answers with more is hostile."""

REMOTE_KEYS_MAX_BYTES: Final = MIB
"""Largest object with keys: it has every identity that ever sealed, 200 bytes each, and the slots
of at most sixteen recovery codes."""

REMOTE_KEYS_READ_MAX: Final = 100
"""Most objects with keys that are read of one device, the newest: there is one for each change of
codes or identities. More than the newest count, because a database that was put back knows less."""

REMOTE_SEGMENT_MAX_BYTES: Final = 64 * MIB
"""Largest object of the audit log, before and after it is unpacked: one has at most
REMOTE_SEGMENT_ENTRIES entries."""

REMOTE_SEGMENT_FULL_BYTES: Final = 16 * MIB
"""Size before packing at which an object of the audit log takes no more entries; the largest entry
that fits a line of the wire still leaves it below REMOTE_SEGMENT_MAX_BYTES."""

REMOTE_SEGMENT_ENTRIES: Final = 50_000
"""Most audit entries of one object; 20 000 took 1 MB as JSON and packed."""

REMOTE_BACKUP_MAX_BYTES: Final = 2**40
"""Largest backup that is fetched: a tebibyte; a remote that names more is hostile."""

REMOTE_LISTED_MAX: Final = 1_000_000
"""Most objects that are read of one listing: a hostile remote must not fill the memory."""

REMOTE_HEADS_READ_MAX: Final = 200_000
"""Most heads that are read of one device: a century of hourly pushes has fewer."""

FRAME_MAX_BYTES: Final = MIB
"""Longest frame on the pipes of the courier: its data is held in memory whole."""

COURIER_WATCH_MS: Final = 50
"""How often a session checks whether its request was cancelled, and how long its courier has to end
by itself: short enough for a waiting person, and twenty checks a second cost nothing."""

COURIER_SILENCE_MS: Final = 900_000
"""Longest silence of a courier before it is ended: one object of 16 MiB over a connection of
200 kbit/s takes eleven minutes."""

COURIER_CONNECT_S: Final = 10
COURIER_READ_S: Final = 60
COURIER_REQUEST_S: Final = 840
"""Longest time for a connection, for a silence while an answer is read, and for one request, which
must fail before COURIER_SILENCE_MS, so that the courier can still say why."""

COURIER_RETRIES: Final = 3
COURIER_RETRY_S: Final = 60
"""How often a courier tries a request again after a broken connection or an answer 5xx, and for
how long: a host tries again later, see REMOTE_BACK_OFF_MAX_MS."""

REMOTES_FIRST_MS: Final = 15_000
REMOTES_EVERY_MS: Final = 3_600_000
"""When the chore looks for the first time what is to be pushed, and how often afterwards: a start
is over by then, and an hour is what a lost disk may cost."""

REMOTE_BACK_OFF_MS: Final = 60_000
REMOTE_BACK_OFF_MAX_MS: Final = 3_600_000
"""Wait after the first failed push, doubled after each further one, up to an hour."""

REMOTE_KEEP_MAX_BYTES: Final = 2**50
"""Highest value of the setting `remote_keep_bytes`: a petabyte, which JavaScript reads exactly."""

REMOTE_FINDINGS_MAX: Final = 1000
"""Most findings of remotes.verify and backups of remotes.list in one answer: 300 KiB or so, and
more than a person reads."""

REMOTE_TEST_BYTES: Final = 64 * KIB
"""Size of the object that remotes.test writes, reads and deletes: more than a packet, so that a
store that cuts is found, and soon sent."""

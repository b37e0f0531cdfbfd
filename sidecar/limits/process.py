"""The numbers of the process and its end; see the package."""

from typing import Final

from sidecar.limits.sizes import MIB

MODULE_ROOM_BYTES: Final = 16 * MIB
"""Memory that must be free when a module is loaded after the start: jsonrpcserver, the largest,
takes 7 MiB (measured), and a part of it in Rust ends the process where there is none."""

DRAIN_LIMIT_MS: Final = 2000
"""Time that long requests have at the end; one that has not stopped then is ended by force."""

DRAIN_CANCEL_MS: Final = 1500
"""Time after which long requests are cancelled at the end, so that they are answered in time."""

END_STALL_MS: Final = 10_000
END_LIMIT_MS: Final = 60_000
"""How long the end waits for a client that reads nothing, and for one that reads slowly. A busy
computer can stop a reader for some seconds; 60 s are enough for the largest output at 1 MB/s."""

END_WITHOUT_CLIENT_MS: Final = 10_000
"""Time for delivered writes after the client has closed stdout: a full pipe of saves takes 1 s."""

END_QUIET_MS: Final = 250
"""Time without further input after which all of it counts as delivered, where no earlier moment
shows it: without a reader, or at a signal while a thread reads the input."""

START_WAIT_MS: Final = 12_000
START_RETRY_MS: Final = 50
"""How long a start waits for a process that is ending and still has the database, and how often it
tries: END_WITHOUT_CLIENT_MS and the time to close the database."""

PARENT_CHECK_MS: Final = 500
"""Time between two checks whether the parent is alive, where the kernel does not report its
death."""

COUNTED_STEP_MS: Final = 250
"""Most that one look at a time limit counts. Who waits for such a limit looks more often. A
longer step means that the process was stopped, by a signal, a debugger or a paused machine."""

COUNTED_LOOK_MS: Final = 100
"""Time between two looks at such a limit: room for a busy machine within COUNTED_STEP_MS."""

SIGNAL_REPEAT_MS: Final = 250
"""Signals within this time are one request to end: Ctrl-C reaches the host and this process, and
the host then ends its child. A later one ends the process at once."""

STARTING_INTERVAL_MS: Final = 500
"""Time between two `system.starting` notifications: at most two a second."""

DESCRIPTORS_SPARE: Final = 16
"""With fewer free descriptors a file that SQLite cannot open is put down to that: a backup fails
under a limit of 16 in all, and succeeds under one of 20 (measured on Linux)."""

LATENCY_SAMPLES: Final = 256
"""Durations of each method from which system.stats computes p50 and p99: 2 KiB a method."""

LINGER_US: Final = 100
"""How long stdin is polled without sleeping after an answer. To be woken takes a process 20 us and
more, which a client that sends its next request at once is spared: one that has waited for the disk
takes up to 100 us for that, and its runs were 5 % faster than with 30. Others lose nothing."""

TENDING_MS: Final = 20
"""For how long upkeep, chores and timers wait while each request follows an answer at once, as long
as a burst takes at most: looking after them takes 15 us, for which the client would wait."""

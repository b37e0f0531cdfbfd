"""The numbers of the inspector; a serving process does not load them."""

from typing import Final

FRAMES_KEPT: Final = 2000
"""Frames that are kept: an hour of a busy app. Older ones are dropped."""

FRAMES_KEPT_CHARS: Final = 32 * 1024 * 1024
"""Most text of all kept frames together, so that the memory of the inspector is bounded."""

FRAME_KEPT_BYTES: Final = 1024 * 1024
"""Most text that is kept of one frame: a body of usual size. A longer frame passes whole."""

FRAME_PREVIEW_CHARS: Final = 400
"""Text of a frame in a list; the page asks for the whole of one that a person opens."""

FRAMES_ANSWERED: Final = 500
"""Most frames in one answer to the page, so that it draws while it catches up."""

UNANSWERED_KEPT: Final = 10_000
"""Requests whose answers are awaited; a host that gets no answers must not fill the memory."""

POLL_S: Final = 20.0
"""How long the page's question for new frames waits for one: proxies end silence at 30 s."""

RELAY_BYTES: Final = 65_536
"""Size of one read of the relay: the usual size of a pipe."""

REQUEST_MAX_BYTES: Final = 33 * 1024 * 1024
"""Longest request of the page: the longest line that the sidecar reads, and what is around it."""

CALL_LIMIT_S: Final = 600.0
"""How long a call of the page waits for its answer: a full check of a large file takes minutes."""

START_LIMIT_S: Final = 60.0
"""Longest start of the inspector's sidecar: of a copy it takes seconds, migrating included."""

END_LIMIT_S: Final = 10.0
"""How long the inspector's sidecar may take to end before it is killed: it ends within a second."""

TOKEN_BYTES: Final = 32
"""Random bytes of the session token: 256 bits cannot be guessed."""

SOCKET_IDLE_S: Final = 60.0
"""How long a connection may say nothing, so that one that is abandoned ends its thread."""

STEPS_DRAWN: Final = 600
"""Most steps in a drawn graph: the layout of more takes a browser many seconds."""

"""Small programs in place of the process that misbehave, and what every client must make of each.

The hosts of all three languages (`hostile.ts`, `hostile.rs`, `hostile_host.py`) take these cases,
run them all at once, and print what they saw of each, in the same words.
"""

import sys
from typing import Any, NamedTuple

from tests.clients.peer_program import PEER

CRASH_LOOP = ["starting", "ready", *["down", "starting"] * 4, "gave_up", "stopped"]
"""The states of a crash loop, but for `ready` after the first."""
ONE_CRASH = ["starting", "ready", "down", "starting", "ready", "stopped"]
IN_ORDER = ["starting", "ready", "stopped"]


class Case(NamedTuple):
    """A program, what is done with it, and what must be seen."""

    peer: str
    steps: list[str]
    did: list[str]
    states: list[str]
    events: list[int]
    stale: int = 0
    wait_ms: int = 20_000
    """The time-out of calls and starts."""
    throws: bool = False
    """Whether every callback throws."""
    hangs: bool = False
    """Whether `unlock` never returns."""


CASES = {
    "it dies as soon as it is ready": Case(
        "ready(); sys.exit(1)",
        ["start", "wait gave_up", "call", "stop", "stop"],
        ["ready", "gave_up", "lost unsent", "stopped", "stopped"],
        CRASH_LOOP,
        [],
    ),
    "it dies before a replay is answered": Case(
        "ready()\nif start > 1:\n    hear()\nsys.exit(1)",
        ["start", "wait gave_up", "stop"],
        ["ready", "gave_up", "stopped"],
        CRASH_LOOP,
        [],
    ),
    "a later start fails with a reason": Case(
        """
if start == 1:
    ready()
    other()
    sys.exit(1)
fail("not_ours")
""",
        ["start", "call", "wait gave_up", "stop"],
        ["ready", "lost", "gave_up not_ours", "stopped"],
        CRASH_LOOP,
        [],
    ),
    "the first start fails with a reason": Case(
        """
fail("already_running")
""",
        ["start"],
        ["start_failed already_running"],
        ["starting", "stopped"],
        [],
    ),
    "it is never ready": Case(
        "time.sleep(60)",
        ["start"],
        ["start_failed"],
        ["starting", "stopped"],
        [],
        wait_ms=700,
    ),
    "it is never ready again": Case(
        "if start == 2:\n    time.sleep(60)\nif start == 1:\n    ready(); other()",
        ["start", "call", "wait gave_up", "stop"],
        ["ready", "lost", "gave_up", "stopped"],
        CRASH_LOOP,
        [],
        wait_ms=5_000,  # all cases start at once
    ),
    "it speaks a newer protocol when it starts again": Case(
        'ready(protocol_version="1.9" if start == 1 else "2.0"); other()',
        ["start", "call", "wait gave_up", "stop"],
        ["ready", "lost", "gave_up", "stopped"],
        CRASH_LOOP,
        [],
    ),
    "it is stopped while it is down": Case(
        "ready()\nif start == 1:\n    other()\nsys.exit(1)",
        ["start", "call", *["wait down"] * 4, "stop", "stop"],  # the fourth time for 2 s
        ["ready", "lost", *["down"] * 4, "stopped", "stopped"],
        ["starting", "ready", *["down", "starting"] * 3, "down", "stopped"],
        [],
    ),
    "it is stopped while it starts again": Case(
        "if start > 1:\n    hear()\nready(); other(); sys.exit(1)",
        ["start", "call", "wait down", "wait starting", "stop", "stop"],
        ["ready", "lost", "down", "starting", "stopped", "stopped"],
        ["starting", "ready", "down", "starting", "stopped"],
        [],
    ),
    "it closes stdout and lives on": Case(
        """
ready()
if start == 1:
    other()
    os.close(1)
    time.sleep(60)
serve()
""",
        ["start", "call", "wait down", "wait ready", "call", "stop"],
        ["ready", "lost", "down", "ready", "result", "stopped"],
        ONE_CRASH,
        [],
    ),
    "it writes a line without an end to stderr": Case(
        """
ready()
request = other()
for _ in range(100):
    os.write(2, b"x" * 1_000_000)
answer(request)
serve()
""",
        ["start", "call", "stop"],
        ["ready", "result", "stopped"],
        IN_ORDER,
        [],
    ),
    "it answers with a line of 40 MB": Case(
        """
ready()
request = other()
send('{"id": %d, "result": {"text": "' % request["id"])
send(b"x" * 40_000_000)
send('"}}\\n')
serve()
""",
        ["start", "call", "call", "stop"],
        ["ready", "result", "result", "stopped"],
        IN_ORDER,
        [],
    ),
    "it sends lines that are no answer": Case(
        """
ready()
request = other()
for text in ("not json", "{}", "[]", "null", "5", '"text"', "[" * 100_000, "\\xff\\xfe", "[[1]]",
             '{"id": 999, "result": 1}', '{"id": "a", "result": 1}', '{"id": null, "result": 1}',
             '{"id": 0, "result": 1}', '{"id": {}, "result": 1}', '{"id": -1, "error": {}}',
             '{"method": 5}', '{"method": "$/progress"}', '{"method": "audit.event"}',
             '{"method": "system.sung", "params": {"song": 1}}', '{"method": "system.starting"}'):
    send(text + "\\n")
answer(request)
serve()
""",
        ["start", "call", "call", "stop"],
        ["ready", "result", "result", "stopped"],
        IN_ORDER,
        [],
    ),
    "it answers in strange ways": Case(
        """
ready()
refuse(other(), "sung")
request = other()
answer(request)
refuse(request, "sung")
send('{"id": %d, "error": null, "result": {}}\\n' % other()["id"])
send('{"id": %d, "error": "no"}\\n' % other()["id"])
say(id=None, error={"code": -32600, "message": "", "data": {"slug": "invalid_request"}}, of=other())
other()
answer(other())
serve()
""",
        ["start", *["call"] * 5, "call quickly", "call", "stop"],
        [
            *["ready", "error sung", "result", "result", "error", "error invalid_request"],
            *["timeout", "result", "stopped"],
        ],
        IN_ORDER,
        [],
    ),
    "it uses names that are not known": Case(
        """
ready(secrets="buried", mode="party", head=7)
request = other()
event(8, "song_sing")
say(method="workflows.changed", params={"id": "w", "revision": 1, "change": "sung", "seq": 8})
answer(request)
serve()
""",
        ["start", "call", "stop"],
        ["ready", "result", "stopped"],
        IN_ORDER,
        [8],
    ),
    "callbacks throw": Case(
        """
ready(runs_interrupted_ids=["r1"], secrets="locked")
print("words", file=sys.stderr, flush=True)
send("not json\\n")
request = other()
event(7 + start)
answer(request)
if start == 1:
    other()
    sys.exit(1)
serve()
""",
        ["start", "call", "call", "wait down", "wait ready", "call", "stop"],
        ["ready", "result", "lost", "down", "ready", "result", "stopped"],
        ONE_CRASH,
        [8, 9],
        throws=True,
    ),
    "unlock never returns": Case(
        """
ready(secrets="uninitialized" if start == 1 else "locked")
if start == 1:
    other()
    sys.exit(1)
serve()
""",
        ["start", "call", "wait unlock", "stop"],
        ["ready", "lost", "unlock", "stopped"],
        ["starting", "ready", "down", "starting", "stopped"],
        [],
        hangs=True,
    ),
    "it dies while unlock does not return": Case(
        """
ready(secrets="locked" if start == 2 else "uninitialized")
if start == 1:
    other()
    sys.exit(1)
if start == 2:
    answer(hear())
    time.sleep(0.3)
    sys.exit(1)
serve()
""",
        ["start", "call", "wait unlock", "wait down", "wait ready", "call", "stop"],
        ["ready", "lost", "unlock", "down", "ready", "result", "stopped"],
        ["starting", "ready", "down", "starting", "down", "starting", "ready", "stopped"],
        [],
        hangs=True,
    ),
    "its log begins anew": Case(
        """
ready(head=7 if start == 1 else 3)
if start == 1:
    request = other()
    event(8)
    answer(request)
    other()
    sys.exit(1)
request = hear()
assert request["params"]["after"] == 8, request
answer(request, head=3)
event(4)
serve()
""",
        ["start", "call", "call", "wait down", "wait ready", "call", "stop"],
        ["ready", "result", "lost", "down", "ready", "result", "stopped"],
        ONE_CRASH,
        [8, 4],
        stale=1,
    ),
    "entries were pruned before the replay": Case(
        """
ready(head=7 if start == 1 else 11)
if start == 1:
    other()
    sys.exit(1)
answer(hear(), head=11, replayed=[10, 11], pruned_through=9)
serve()
""",
        ["start", "call", "wait down", "wait ready", "call", "stop"],
        ["ready", "lost", "down", "ready", "result", "stopped"],
        ONE_CRASH,
        [10, 11],
        stale=1,
    ),
    "events overflow while it serves": Case(
        """
ready()
request = other()
event(8)
say(method="audit.overflow", params={"lost": 2, "resume_after": 8})
event(11)
answer(request)
while (request := hear())["method"] != "audit.subscribe":
    answer(request)
answer(request, head=11, replayed=[9, 10, 11])
event(12)
serve()
""",
        ["start", "call", *["wait event"] * 5, "call", "stop"],
        ["ready", "result", *["event"] * 5, "result", "stopped"],
        IN_ORDER,
        [8, 9, 10, 11, 12],
    ),
    "it refuses a subscription at first": Case(
        """
if start == 1:
    ready()
    other()
    sys.exit(1)
event(9)
ready(head=8)
refuse(hear(), "busy")
event(9)
while (request := hear())["method"] != "audit.subscribe":
    answer(request)
answer(request, head=9, replayed=[8, 9])
serve()
""",
        ["start", "call", "wait down", "wait ready", "wait event", "call", "stop"],
        ["ready", "lost", "down", "ready", "event", "result", "stopped"],
        ONE_CRASH,
        [8, 9],
    ),
    "it sends events twice": Case(
        """
ready()
request = other()
for seq in (8, 8, 9, 7, 9, 10):
    event(seq)
answer(request)
serve()
""",
        ["start", "call", "stop"],
        ["ready", "result", "stopped"],
        IN_ORDER,
        [8, 9, 10],
    ),
    "its database is replaced": Case(
        """
ready()
request = other()
event(8)
say(method="system.restored", params={"epoch": 2, "seq": 3, "secrets": "uninitialized",
                                      "restored_secrets": "none"})
event(4)
answer(request)
serve()
""",
        ["start", "call", "stop"],
        ["ready", "result", "stopped"],
        IN_ORDER,
        [8, 4],
        stale=1,
    ),
}


def told(folder: str) -> dict[str, Any]:
    """Return the cases as the programs take them, each with a file of its own."""
    return {
        name: {
            "command": [sys.executable, "-I", "-S", "-c", PEER + case.peer],
            "database": f"{folder}/{number}",
            "steps": case.steps,
            "wait_ms": case.wait_ms,
            "throws": case.throws,
            "hangs": case.hangs,
        }
        for number, (name, case) in enumerate(CASES.items())
    }


def expected(case: Case) -> dict[str, Any]:
    """Return what a program must report of a case."""
    return {
        "did": case.did,
        "states": case.states,
        "events": case.events,
        "stale": case.stale,
        "longest_log_line_at_most_64_ki": True,
    }


def without_later_ready(states: list[str]) -> list[str]:
    """Return states without `ready` after the first: a short life may end before it is told."""
    return states[:2] + [state for state in states[2:] if state != "ready"]

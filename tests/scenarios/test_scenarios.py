r"""Conversations with the real process, one a file: people can read them, this test replays them.

    # a comment                  $ --no-events        options of `serve`, on the first line
    > a line sent                >> a line sent together with the next one
    < a line received            . eof                the end of input
    . start --no-events          starts the process again after its end, with these options
    . lose                       somebody deletes the database, which no process serves now
    . sql CREATE TABLE ...       another program runs a statement on the served file

Whole objects are compared. `"…"` stands for any value; so does `"…name"`, and gives the value that
name, by which later lines can send it; `"…70000"` in a line sent is a string of that many
characters. `$/progress` and `system.starting` that a scenario does not expect are ignored, since
their amount depends on time. No line may be left over. Three options are not of `serve`:
`--with-keychain` gives the process a keychain of its own, `--sample=NAME` a database of
`store/sample_files` to serve, and after `--lost` its database is missing.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import apsw
import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar import errors
from sidecar.catalog import METHODS
from sidecar.describe import INCOMING
from sidecar.notifications import NOTIFICATIONS
from tests.scenarios.talk import Talk, talk
from tests.store import samples

SCENARIOS = sorted(Path(__file__).parent.glob("*.txt"))
ANY = "…"
DATABASE = "sim.db"
SAMPLE = "--sample="

ELSEWHERE = {
    "overloaded": "needs 33 long requests under way at once: process/ and wire/test_bursts.py",
    "out_of_resources": "needs a limit of the system: process/test_scarce.py",
    "internal": "needs a fault of the program: wire/test_bursts.py",
    "storage_failed": "needs a failing disk: wire/test_bursts.py",
    "database_full": "needs a full disk: wire/test_bursts.py",
    "database_busy": "needs another program's lock: store/ and process/",
    "read_only": "a start that fails: process/",
    "newer_schema": "a start that fails: process/",
    "not_ours": "a start that fails: process/",
    "maintenance": "needs a compaction under way: store/test_compact.py",
    "purge_blocked": "needs a reader that holds an old state: store/test_purge.py",
    "backup_rejected": "needs a file that is no backup: backups/",
    "database_damaged": "needs damage: store/ and handlers/",
    "tampered": "needs a file that was tampered with: handlers/test_secrets_tampered.py",
    "slot_damaged": "needs a file that was tampered with: handlers/test_secrets_tampered.py",
    "kdf_policy": "needs a file that was tampered with: handlers/test_secrets_tampered.py",
    "keychain_unavailable": "depends on the system's keychain: handlers/test_secrets_keychain.py",
    "remote_refused": "needs a server that refuses: remotes/",
    "remote_untrusted": "needs a remote that was changed: remotes/",
    "audit_unavailable": "needs a log that takes no entry: handlers/test_audit_entries.py",
}
"""Errors that a conversation alone cannot cause, and the tests that cause them."""


class Player:
    """Replays one scenario: sends its lines, and compares those it receives."""

    def __init__(self, conversation: Talk, folder: Path) -> None:
        self.talk = conversation
        self.folder = folder
        # The path of a file that does not exist yet, and the URLs of two folders, of which the
        # second does not exist.
        self.names: dict[str, Any] = {
            "new_file": str(folder / "new-file"),
            "remote": (folder / "remote").as_uri(),
            "new_remote": (folder / "new-remote").as_uri(),
        }
        (folder / "remote").mkdir()
        self.unsent = b""

    def play(self, line: str) -> None:
        """Replay one line of the file."""
        mark, _, text = line.partition(" ")
        if mark in (">", ">>"):
            self.unsent += self._filled(text).encode() + b"\n"
            if mark == ">":
                self.talk.send(self.unsent[:-1])
                self.unsent = b""
        elif mark == "<":
            self._expect(json.loads(text))
        elif line == ". eof":
            assert self.talk.process.stdin is not None
            self.talk.process.stdin.close()
        elif mark == "." and text.startswith("start"):
            assert self.talk.receive_rest() == b""
            self.talk.start_again(*text.split()[1:])
        elif line == ". lose":
            assert self.talk.receive_rest() == b""
            for suffix in ("", "-wal", "-shm"):
                (self.folder / f"{DATABASE}{suffix}").unlink(missing_ok=True)
        elif mark == "." and text.startswith("sql "):
            with closing(apsw.Connection(str(self.folder / DATABASE))) as db:
                db.execute(text.removeprefix("sql "))
        else:
            assert not line or mark == "#", line

    def _filled(self, text: str) -> str:
        """Return the text to send, with the values of names and sizes."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            return json.dumps("x" * int(name) if name.isdecimal() else self.names[name])

        return re.sub(f'"{ANY}(\\w+)"', value, text)

    def _expect(self, expected: Any) -> None:
        """Receive a line and compare it; what tells of progress and differs is ignored."""
        received = self.talk.receive()
        while _is_progress(received) and not self.matches(expected, received):
            received = self.talk.receive()
        assert self.matches(expected, received), f"\nexpected {expected}\nreceived {received}"

    def matches(self, expected: Any, received: Any) -> bool:
        """Return whether a value is as expected; give names to the values of placeholders."""
        if isinstance(expected, str) and expected.startswith(ANY):
            self.names[expected[1:]] = received
            return True
        if isinstance(expected, dict) and isinstance(received, dict):
            return expected.keys() == received.keys() and all(
                self.matches(value, received[key]) for key, value in expected.items()
            )
        if isinstance(expected, list) and isinstance(received, list):
            return len(expected) == len(received) and all(map(self.matches, expected, received))
        return type(expected) is type(received) and bool(expected == received)


def _is_progress(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") in ("$/progress", "system.starting")


def lines(scenario: Path) -> list[str]:
    """Return the lines of a scenario."""
    return scenario.read_text(encoding="utf-8").splitlines()


def replay(
    script: list[str],
    folder: Path,
    talk: Callable[..., AbstractContextManager[Talk]] = talk,
) -> None:
    """Replay a conversation with a process that serves a database in `folder`."""
    options = script.pop(0)[2:].split() if script[0].startswith("$") else []
    if options and options[0].startswith(SAMPLE):
        samples.unpack(options.pop(0).removeprefix(SAMPLE), folder / DATABASE)
    with talk(folder / DATABASE, *options) as conversation:
        player = Player(conversation, folder)
        if script[0].startswith("<"):
            assert player.matches(json.loads(script.pop(0)[2:]), conversation.ready)
        for line in script:
            player.play(line)
        assert conversation.receive_rest() == b""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: str(path.stem))
def test_the_process_answers_as_the_scenario_says(scenario: Path, tmp_path: Path) -> None:
    replay(lines(scenario), tmp_path)


# --- what the scenarios reach -------------------------------------------------------------


def messages(mark: str) -> Iterator[Any]:
    """Yield every message sent or received in all scenarios, members of batches one by one."""
    for scenario in SCENARIOS:
        for line in lines(scenario):
            if line.startswith(mark):
                try:
                    message = json.loads(line.partition(" ")[2])
                except ValueError:
                    continue
                yield from message if isinstance(message, list) else [message]


def test_every_method_is_called_in_a_scenario() -> None:
    called = {each.get("method") for each in messages(">") if isinstance(each, dict)}

    assert METHODS.keys() <= called


def test_every_notification_occurs_in_a_scenario() -> None:
    sent = {each.get("method") for each in messages(">") if isinstance(each, dict)}
    received = {each.get("method") for each in messages("<")}

    assert NOTIFICATIONS.keys() - received == set()
    assert {each["name"] for each in INCOMING} - sent == set()


def test_every_error_occurs_in_a_scenario_or_is_listed_here() -> None:
    occurring = {each["error"]["data"]["slug"] for each in messages("<") if "error" in each}
    slugs = {error.slug for error in errors.catalogue()}

    assert occurring.isdisjoint(ELSEWHERE)
    assert occurring | ELSEWHERE.keys() == slugs

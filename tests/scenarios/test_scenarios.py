r"""Conversations with the real process, one a file, to be read by people and replayed here.

    # a comment                  $ --no-events        options of `serve`, on the first line
    > a line sent                >> a line sent together with the next one
    < a line received            . eof                the end of input

Whole objects are compared. `"…"` stands for any value; `"…name"` as well, and gives it that name
for later lines to send; a sent `"…70000"` is a string of so many characters. `$/progress` beyond
what a scenario expects is left out: how much there is depends on time. Nothing may be left over.
The option `--with-keychain` is none of `serve`: the system has a keychain then, for as long.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sidecar.handlers  # noqa: F401 - importing it fills the catalog
from sidecar import errors
from sidecar.catalog import METHODS
from tests.scenarios.talk import Talk, talk

SCENARIOS = sorted(Path(__file__).parent.glob("*.txt"))
ANY = "…"

ELSEWHERE = {
    "overloaded": "needs 33 long requests under way at once: process/ and wire/test_bursts.py",
    "internal": "needs a fault of ours: wire/test_bursts.py",
    "storage_failed": "needs a failing disk: wire/test_bursts.py",
    "database_full": "needs a full disk: wire/test_bursts.py",
    "database_busy": "needs another program's lock: store/ and process/",
    "read_only": "a start that fails: process/",
    "newer_schema": "a start that fails: process/",
    "not_ours": "a start that fails: process/",
    "recovery_required": "a start that fails: process/",
    "maintenance": "needs a compaction under way: store/test_compact.py",
    "purge_blocked": "needs a reader in the way: store/test_purge.py",
    "backup_rejected": "needs a file that is no backup: backups/",
    "database_damaged": "needs damage: store/ and handlers/",
    "tampered": "needs somebody who writes to the file: handlers/test_secrets_tampered.py",
    "slot_damaged": "the same",
    "kdf_policy": "the same",
    "keychain_unavailable": "depends on the system's keychain: handlers/test_secrets_keychain.py",
    "audit_unavailable": "needs a log that takes no entry: handlers/test_audited.py",
}
"""Errors that exist now and that no conversation alone provokes."""


class Player:
    """Plays one scenario."""

    def __init__(self, begun: Talk, folder: Path) -> None:
        self.talk = begun
        # A path that a scenario may name, where nothing is yet.
        self.names: dict[str, Any] = {"new_file": str(folder / "new-file")}
        self.held = b""

    def play(self, line: str) -> None:
        """One line of the file."""
        mark, _, text = line.partition(" ")
        if mark in (">", ">>"):
            self.held += self._filled(text).encode() + b"\n"
            if mark == ">":
                self.talk.say(self.held[:-1])
                self.held = b""
        elif mark == "<":
            self._hear(json.loads(text))
        elif line == ". eof":
            assert self.talk.process.stdin is not None
            self.talk.process.stdin.close()
        else:
            assert not line or mark == "#", line

    def _filled(self, text: str) -> str:
        """What is sent, with names and sizes filled in."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            return json.dumps("x" * int(name) if name.isdecimal() else self.names[name])

        return re.sub(f'"{ANY}(\\w+)"', value, text)

    def _hear(self, expected: Any) -> None:
        told = self.talk.hear()
        while _is_progress(told) and not self._alike(expected, told):
            told = self.talk.hear()
        assert self._alike(expected, told), f"\nexpected {expected}\ntold     {told}"

    def _alike(self, expected: Any, told: Any) -> bool:
        if isinstance(expected, str) and expected.startswith(ANY):
            self.names[expected[1:]] = told
            return True
        if isinstance(expected, dict) and isinstance(told, dict):
            return expected.keys() == told.keys() and all(
                self._alike(value, told[key]) for key, value in expected.items()
            )
        if isinstance(expected, list) and isinstance(told, list):
            return len(expected) == len(told) and all(map(self._alike, expected, told))
        return type(expected) is type(told) and bool(expected == told)


def _is_progress(told: Any) -> bool:
    return isinstance(told, dict) and told.get("method") == "$/progress"


def lines(scenario: Path) -> list[str]:
    """The lines of a scenario."""
    return scenario.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: str(path.stem))
def test_the_process_answers_as_the_scenario_says(scenario: Path, tmp_path: Path) -> None:
    script = lines(scenario)
    options = script.pop(0)[2:].split() if script[0].startswith("$") else []
    with talk(tmp_path / "sim.db", *options) as begun:
        player = Player(begun, tmp_path)
        if script[0].startswith("<"):
            assert player._alike(json.loads(script.pop(0)[2:]), begun.ready)
        for line in script:
            player.play(line)
        assert begun.process.stdout is not None
        assert begun.process.stdout.read() == b""
        assert begun.process.wait(10) == 0


# --- what the scenarios reach -------------------------------------------------------------


def messages(mark: str) -> Iterator[Any]:
    """Every message sent or received in all scenarios, members of batches apart."""
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


def test_every_error_is_met_in_a_scenario_or_accounted_for() -> None:
    met = {each["error"]["data"]["slug"] for each in messages("<") if "error" in each}
    slugs = {error.slug for error in errors.catalogue()}

    assert met.isdisjoint(ELSEWHERE)
    assert met | ELSEWHERE.keys() == slugs

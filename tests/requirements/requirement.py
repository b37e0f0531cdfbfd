"""One statement of behaviour and the tests that show that it holds."""

from typing import NamedTuple


class Requirement(NamedTuple):
    """A statement is proven by tests, or owed by a capability that does not exist yet."""

    id: str
    """Its source, a hyphen, and its number or name within the source."""
    text: str
    tests: tuple[str, ...] = ()
    """Names of test functions; each exists exactly once in the tree."""
    owed_by: str | None = None
    """`later`, and the missing capability in brackets."""


class Source:
    """Makes the requirements of one source: the ids of all of them begin with its prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def proven(self, number: str, text: str, *tests: str) -> Requirement:
        """Return a requirement that tests prove."""
        return Requirement(f"{self._prefix}-{number}", text, tests)

    def owed(self, number: str, text: str, owed_by: str) -> Requirement:
        """Return a requirement that a later capability is to meet."""
        return Requirement(f"{self._prefix}-{number}", text, owed_by=owed_by)

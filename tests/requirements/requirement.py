"""One thing that was asked for."""

from typing import NamedTuple


class Requirement(NamedTuple):
    """A requirement is proven by tests, or owed by a capability that does not exist yet."""

    id: str
    source: str
    text: str
    tests: tuple[str, ...] = ()
    """Names of test functions; each exists exactly once in the tree."""
    owed_by: str | None = None
    """`issue N` or `later`, and the capability in brackets."""


class Source:
    """Makes the requirements of one source."""

    def __init__(self, prefix: str, title: str) -> None:
        self._prefix = prefix
        self._title = title

    def proven(self, number: str, text: str, *tests: str) -> Requirement:
        """One that has its tests."""
        return Requirement(f"{self._prefix}-{number}", f"{self._title} {number}", text, tests)

    def owed(self, number: str, text: str, owed_by: str) -> Requirement:
        """One whose capability comes later."""
        return Requirement(
            f"{self._prefix}-{number}", f"{self._title} {number}", text, owed_by=owed_by
        )

"""The items of all pages of a list, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, ParamSpec, TypedDict, TypeVar

P = ParamSpec("P")
Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """What the result of every method that answers in pages has."""

    items: list[Item]
    next_cursor: str | None


def pages(method: Callable[P, Page[Item]], *args: P.args, **params: P.kwargs) -> Iterator[Item]:
    """Yield the items of all pages: `pages(client.workflows.list, tags=["mail"])`."""
    given: dict[str, Any] = dict(params)
    while True:
        page = method(*args, **given)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        given["cursor"] = page["next_cursor"]

"""The client and the supervisor for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from .asyncio_methods import AsyncClient
from .asyncio_supervisor import AsyncSupervisor
from .pages import Page

__all__ = ["AsyncClient", "AsyncSupervisor", "pages"]

P = ParamSpec("P")
Item = TypeVar("Item")


async def pages(
    method: Callable[P, Coroutine[Any, Any, Page[Item]]], *args: P.args, **params: P.kwargs
) -> AsyncIterator[Item]:
    """Yield the items of all pages: `pages(client.workflows.list, tags=["mail"])`."""
    given: dict[str, Any] = dict(params)
    while True:
        page = await method(*args, **given)
        for item in page["items"]:
            yield item
        if page["next_cursor"] is None:
            return
        given["cursor"] = page["next_cursor"]

"""Derives the blocking, the non-blocking and the asyncio call of a method from one declaration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, cast

from .errors import UNSET
from .pending import Pending

P = ParamSpec("P")
R = TypeVar("R")


class Methods:
    """The methods of one noun; each builds the params and passes them to `client.call`."""

    def __init__(self, client: Any) -> None:
        """Call the methods through a client, and return whatever its `call` returns."""
        self.client = client


class _Starter(NamedTuple):
    """A client whose `call` does not wait for the answer."""

    call: Callable[..., Any]


class _Another(Generic[P, R]):
    """A method that is derived from a blocking one, with the same params."""

    def __init__(self, function: Callable[Concatenate[Any, P], R]) -> None:
        """Derive the method from the blocking one."""
        self._function: Callable[..., R] = function


class Started(_Another[P, R]):
    """The non-blocking form of a method: it returns a Pending, whose `result` waits."""

    def __get__(self, methods: Methods, _owner: type) -> Callable[P, Pending[R]]:
        """Return the method of this object."""
        started = partial(self._function, Methods(_Starter(methods.client.start)))
        return cast(Callable[P, Pending[R]], started)


class Paged(_Another[P, R]):
    """The form of a method that yields pages, from `cursor` or the first to the last."""

    def __get__(self, methods: Methods, _owner: type) -> Callable[P, Iterator[R]]:
        """Return the method of this object."""
        call = partial(self._function, methods)

        def pages(**params: Any) -> Iterator[Any]:
            while True:
                page: Any = call(**params)
                yield page
                if page["next_cursor"] is None:
                    return
                params["cursor"] = page["next_cursor"]

        return cast(Callable[P, Iterator[R]], pages)


class Awaited(_Another[P, R]):
    """The coroutine form of a method, which the `call` of a client for asyncio returns."""

    def __get__(self, methods: Methods, _owner: type) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return the method of this object."""
        return cast(Callable[P, Coroutine[Any, Any, R]], partial(self._function, methods))


class AwaitedPages(_Another[P, R]):
    """The form of a method that yields pages for `async for`."""

    def __get__(self, methods: Methods, _owner: type) -> Callable[P, AsyncIterator[R]]:
        """Return the method of this object."""
        call = partial(self._function, methods)

        async def pages(**params: Any) -> AsyncIterator[Any]:
            while True:
                page = await cast(Coroutine[Any, Any, Any], call(**params))
                yield page
                if page["next_cursor"] is None:
                    return
                params["cursor"] = page["next_cursor"]

        return cast(Callable[P, AsyncIterator[R]], pages)


def given(params: dict[str, Any]) -> dict[str, Any]:
    """Return the params that are not UNSET."""
    return {name: value for name, value in params.items() if value is not UNSET}

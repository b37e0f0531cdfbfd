"""How one declaration of a method serves those who wait, those who do not, and asyncio."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, cast

from .errors import UNSET
from .pending import Pending

P = ParamSpec("P")
R = TypeVar("R")


class Methods:
    """The methods of one noun: each makes the params and gives them to `client.call`."""

    def __init__(self, client: Any) -> None:
        """Call the methods through a client, whichever its `call` returns."""
        self.client = client


class _Starter(NamedTuple):
    """A client whose `call` does not wait."""

    call: Callable[..., Any]


class Started(Generic[P, R]):
    """The same method without waiting: it returns a Pending, whose `result` waits."""

    def __init__(self, function: Callable[Concatenate[Any, P], R]) -> None:
        """Make it of the method that waits."""
        self._function: Callable[..., R] = function

    def __get__(self, methods: Methods, _owner: type) -> Callable[P, Pending[R]]:
        """Return the method of this object."""
        started = partial(self._function, Methods(_Starter(methods.client.start)))
        return cast(Callable[P, Pending[R]], started)


class Awaited(Generic[P, R]):
    """The same method as a coroutine, which the `call` of a client for asyncio returns."""

    def __init__(self, function: Callable[Concatenate[Any, P], R]) -> None:
        """Make it of the method that waits."""
        self._function: Callable[..., R] = function

    def __get__(self, methods: Methods, _owner: type) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return the method of this object."""
        return cast(Callable[P, Coroutine[Any, Any, R]], partial(self._function, methods))


def given(params: dict[str, Any]) -> dict[str, Any]:
    """Return the params that are not UNSET."""
    return {name: value for name, value in params.items() if value is not UNSET}

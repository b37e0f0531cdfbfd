"""Tests of docstrings that are read from the source, as `python -OO` needs it."""

import sys
from types import ModuleType

import pytest

from sidecar import docstrings


class LoadingName(str):
    """The name of a module; another module is loaded whenever its beginning is looked at."""

    __slots__ = ()

    def startswith(self, *prefix: object) -> bool:
        """Load another module, as another thread does, and compare."""
        sys.modules[f"{self}_{len(sys.modules)}"] = ModuleType("loaded")
        return super().startswith(*prefix)  # type: ignore[arg-type]


def test_docstrings_are_restored_while_another_thread_loads_modules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setitem(sys.modules, LoadingName("loading"), ModuleType("loading"))
    monkeypatch.setitem(sys.modules, "after", ModuleType("after"))
    original = docstrings.restore.__doc__
    docstrings.restore.__doc__ = None

    docstrings.restore()

    assert docstrings.restore.__doc__ == original

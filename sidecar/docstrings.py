"""Reads docstrings from the source where Python was told to leave them out (`-OO`).

A host may have PYTHONOPTIMIZE set for its own programs. The descriptions of the contract are
docstrings, and the contract must be the same however the process was started.
"""

import ast
import inspect
import sys


def restore() -> None:
    """Give the classes and functions of all loaded modules of the program their docstrings.

    A program without its source, such as a frozen one, keeps none.
    """
    # A copy, because another thread may load modules meanwhile.
    modules = [each for name, each in sys.modules.copy().items() if name.startswith("sidecar.")]
    for module in modules:
        try:
            source = inspect.getsource(module)
        except (OSError, TypeError):
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                named = getattr(module, node.name, None)
                text = ast.get_docstring(node, clean=False)
                if named is not None and text is not None:
                    named.__doc__ = text

"""The methods and the chores of the process, one module or package a noun.

Importing this package loads every handler module that `sidecar.methods` names; each declares its
methods and chores in the catalog. Handlers of different nouns never import each other. A tool
that follows import statements, as one that freezes the program does, must be told of them.
"""

from importlib import import_module

from sidecar.methods import CHORE_MODULES, METHOD_MODULES

for _module in dict.fromkeys((*METHOD_MODULES.values(), *CHORE_MODULES.values())):
    import_module(f"sidecar.handlers.{_module}")

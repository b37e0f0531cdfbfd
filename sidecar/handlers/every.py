"""Importing this module loads every handler module, so that the catalog is complete.

A serving process loads them in the background after its start (`system.modules`).
"""

from sidecar.catalog import all_methods

all_methods()

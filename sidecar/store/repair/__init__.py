"""Finds damage in a database file, confirms it, and recovers the rows that can be read.

- `checks`: the checks of `system.check`, each of which yields findings.
- `confirm`: checks a suspicion of damage on a fresh connection.
- `recover`: builds a new database from a damaged one and puts it in its place.
- `salvage`: copies every readable row of a damaged file.
- `fill_from_backup`: adds rows that are lost in the damaged file from a backup.
"""

from typing import Final

CHORE: Final = "integrity"
"""The chore that confirms a suspicion of damage."""

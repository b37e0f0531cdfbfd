"""The names of the default folder of backups and of the files in it.

They stand below the package that makes backups, because the start looks for them where a database
is missing.
"""

import re
from typing import Final

DEFAULT: Final = "backups"
"""Name of the folder beside the database that is used when the settings name none."""

_NAME: Final = re.compile(r"sim_backup_\d{8}_\d{6}(?:_\d{1,6})?\.db\.zst")


def is_backup_name(name: str) -> bool:
    """Return whether `name` has the form of the names that this program gives to backups."""
    return _NAME.fullmatch(name) is not None

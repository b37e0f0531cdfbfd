"""Makes file names that every operating system accepts from the names of workflows."""

import re
import unicodedata
from typing import Final

from sidecar import limits

_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_RESERVED: Final = re.compile(
    r"(?i)^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)"
)
"""Names of devices on Windows, with any suffix."""
_UNNAMED: Final = "workflow"


class FileNames:
    """Gives each workflow of an export a name of its own."""

    def __init__(self, *taken: str) -> None:
        """Start with these names taken."""
        self._taken = {name.casefold() for name in taken}

    def name_for(self, name: str, suffix: str) -> str:
        """Return a file name for a workflow that is unique, regardless of case."""
        stem, number = safe_stem(name), 1
        found = stem + suffix
        while found.casefold() in self._taken:
            number += 1
            found = f"{stem} ({number}){suffix}"
        self._taken.add(found.casefold())
        return found


def safe_stem(name: str) -> str:
    """Return a text as the name of a file without its suffix."""
    text = unicodedata.normalize("NFC", name)
    # The categories C* are control characters, direction marks and unassigned characters.
    text = "".join("_" if unicodedata.category(char)[0] == "C" else char for char in text)
    text = _FORBIDDEN.sub("_", text)
    text = text.encode()[: limits.EXPORT_FILE_NAME_MAX_BYTES].decode(errors="ignore")
    text = text.rstrip(" .").lstrip(" .-~") or _UNNAMED
    return f"_{text}" if _RESERVED.match(text) else text

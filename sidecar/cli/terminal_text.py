r"""What others wrote, made harmless before it reaches a terminal.

Names, error texts and paths come from whoever shared a workflow or a backup. A terminal obeys what
such a text holds: escape sequences colour, move and rename, marks of direction turn the rest of
a line around. So every character that acts instead of being seen is shown as Python and JSON would
write it: `\x1b`, `\u202e`. Joiners stay: scripts and emoji need them, and they move nothing.
"""

import json
import sys
from typing import Any, Final

_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINE_ENDS: Final = (0x2028, 0x2029)
_ACTING: Final = (*range(0x20), *range(0x7F, 0xA0), *_DIRECTIONS, *_LINE_ENDS)
_SHOWN: Final = {code: ascii(chr(code))[1:-1] for code in _ACTING}
_SHOWN_IN_JSON: Final = {code: f"\\u{code:04x}" for code in _ACTING if code >= 0x7F}  # noqa: PLR2004 - below it JSON escapes by itself


def visible(text: object) -> str:
    """A text of others on one line, with nothing in it that acts."""
    return str(text).translate(_SHOWN)


def lines(text: str) -> str:
    """The same for a text of several lines whose line ends are our own."""
    return "\n".join(map(visible, text.split("\n")))


def json_text(value: Any, indent: int | None = None) -> str:
    """The same for JSON, which stays the same value."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if text.isascii() and "\x7f" not in text else text.translate(_SHOWN_IN_JSON)


def write_json(value: Any) -> None:
    """One line of JSON on standard output, in UTF-8 whatever the locale says."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_text(value).encode(errors="backslashreplace") + b"\n")
    sys.stdout.buffer.flush()

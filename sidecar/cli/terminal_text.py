r"""Text that other people wrote, made harmless before a terminal shows it.

Names, error texts and paths come from whoever shared a workflow or a backup. A terminal obeys what
such a text holds: escape sequences colour, move and rename; marks of direction turn the rest of
a line around. So every character that acts instead of being seen is shown as Python and JSON would
write it: `\x1b`, `\u202e`. Joiners stay: scripts and emoji need them, and they move nothing.
"""

import argparse
import json
import sys
from typing import Any, Final

_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINE_ENDS: Final = (0x2028, 0x2029)
_ACTING: Final = (*range(0x20), *range(0x7F, 0xA0), *_DIRECTIONS, *_LINE_ENDS)
_SHOWN: Final = {code: ascii(chr(code))[1:-1] for code in _ACTING}
_SHOWN_IN_JSON: Final = {code: f"\\u{code:04x}" for code in _ACTING if code >= 0x7F}  # noqa: PLR2004 - below it JSON escapes by itself


def visible(text: object) -> str:
    """Return the text on one line, every character that acts replaced by its escape."""
    return str(text).translate(_SHOWN)


def visible_lines(text: str) -> str:
    """Return the text with its line ends, every other character that acts replaced."""
    return "\n".join(map(visible, text.split("\n")))


def json_text(value: Any, indent: int | None = None) -> str:
    """Return the value as JSON in which every character that acts is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if text.isascii() and "\x7f" not in text else text.translate(_SHOWN_IN_JSON)


def write_json(value: Any) -> None:
    """Write the value as one line of JSON to stdout, in UTF-8 whatever the locale is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_text(value).encode(errors="backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def write_text(given: argparse.Namespace, value: Any, text: str) -> None:
    """Write the text to stdout, or with `--json` the value that it describes.

    A pipe gets the text byte for byte, to be used; a terminal shows it with nothing that acts.
    """
    if given.json:
        write_json(value)
    else:
        sys.stdout.write((visible_lines(text) if sys.stdout.isatty() else text) + "\n")

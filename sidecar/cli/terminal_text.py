r"""Text that other people wrote, made harmless before a terminal shows it.

Names, error texts and paths may come from the author of a shared workflow or backup. A terminal
obeys the control characters in them: escape sequences colour, move and rename; direction marks
reverse the rest of a line. So every control character is shown as Python and JSON write it: `\x1b`,
`\u202e`. Joiners stay, because scripts and emoji need them and they move nothing.
"""

import argparse
import json
import sys
from typing import Any, Final

_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LINE_ENDS: Final = (0x2028, 0x2029)
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0), *_DIRECTIONS, *_LINE_ENDS)
_ESCAPES: Final = {code: ascii(chr(code))[1:-1] for code in _CONTROLS}
_JSON_ESCAPES: Final = {code: f"\\u{code:04x}" for code in _CONTROLS if code >= 0x7F}  # noqa: PLR2004 - below it JSON escapes by itself


def visible(text: object) -> str:
    """Return the text on one line, every control character replaced by its escape."""
    return str(text).translate(_ESCAPES)


def visible_lines(text: str) -> str:
    """Return the text with its line ends, every other control character replaced by its escape."""
    return "\n".join(map(visible, text.split("\n")))


def json_text(value: Any) -> str:
    """Return the value as JSON in which every control character is escaped."""
    return escaped_json(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))


def escaped_json(json_bytes: bytes) -> str:
    """Return the JSON with every control character escaped, and nothing else changed."""
    text = json_bytes.decode(errors="surrogatepass")
    return text if text.isascii() and "\x7f" not in text else text.translate(_JSON_ESCAPES)


def write_json(value: Any) -> None:
    """Write the value as one line of JSON to stdout, in UTF-8 whatever the locale is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_text(value).encode(errors="backslashreplace") + b"\n")
    sys.stdout.buffer.flush()


def write_text(given: argparse.Namespace, value: Any, text: str) -> None:
    """Write the text to stdout, or with `--json` the value that it describes.

    A pipe gets the text byte for byte, to be used; on a terminal control characters are escaped.
    """
    if given.json:
        write_json(value)
    else:
        sys.stdout.write((visible_lines(text) if sys.stdout.isatty() else text) + "\n")

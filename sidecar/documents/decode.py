"""Returns the JSON texts of a file: JSON byte for byte, YAML translated."""

from json import detect_encoding
from typing import Final

import msgspec

from sidecar.documents.refused import Refused

_YAML: Final = (".yaml", ".yml")
_BOM: Final = b"\xef\xbb\xbf"


def json_texts(name: str, data: bytes) -> list[bytes]:
    """Return the JSON text of a file; for YAML, one for each of its documents.

    A byte order mark is removed, and UTF-16 and UTF-32 are transcoded. JSON is returned unchanged,
    whatever the name of the file. YAML is expected only when the name says so, because most texts
    that are almost JSON are YAML with another meaning.

    Raises:
        Refused: the file is neither JSON nor YAML, or nests too deep.
    """
    text = _in_utf8(data)
    if is_json(text):
        return [text]
    if not name.lower().endswith(_YAML):
        raise Refused("not_json")
    from sidecar.documents.yaml_text import as_json  # noqa: PLC0415 - few files need the parser

    return as_json(text)


def is_json(text: bytes) -> bool:
    """Return whether a text in UTF-8 is JSON; the depth of its bodies is checked later.

    Raises:
        Refused: the text nests deeper than Python's stack allows.
    """
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    except RecursionError:
        raise Refused("too_deep") from None
    return True


def _in_utf8(data: bytes) -> bytes:
    """Return a text in UTF-8 without a byte order mark.

    Raises:
        Refused: the bytes are not text.
    """
    encoding = detect_encoding(data)
    try:
        if encoding.startswith("utf-8"):
            text = data.removeprefix(_BOM)
            if not text.isascii():
                text.decode()
            return text
        return data.decode(encoding).encode()
    except UnicodeDecodeError:
        raise Refused("encoding") from None

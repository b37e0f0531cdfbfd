"""Reads an envelope that is too large to be held in memory, item by item.

An export writes each item on a new line, and each item begins with its id. The same bytes can also
occur inside a body: an item ends at the first of these places at which its JSON is complete.
"""

import re
from collections.abc import Iterator
from typing import IO, Final

from sidecar import limits
from sidecar.documents.decode import is_json
from sidecar.documents.refused import Refused
from sidecar.documents.split import FORMAT, Document, NotTaken, item_document

_HEAD: Final = re.compile(rb'\{"format":"%b","exported_at":[0-9]+,"items":\[\n' % FORMAT.encode())
_BETWEEN: Final = b',\n{"id":'
_TRIES_MAX: Final = 1000
"""Places inside one item at which completeness is tested."""


def large_documents(file: IO[bytes]) -> Iterator[Document | NotTaken]:
    """Yield the documents of a large envelope.

    Raises:
        Refused: this program has not written the envelope, or it is truncated.
    """
    start = file.read(limits.ENVELOPE_HEAD_BYTES)
    head = _HEAD.match(start)
    if head is None:
        raise Refused("too_large")
    for place, text in enumerate(_items(file, bytearray(start[head.end() :]))):
        yield item_document(place, text)


def _items(file: IO[bytes], waiting: bytearray) -> Iterator[bytes]:
    """Yield the text of each item; `waiting` is the part that was read already."""
    begin = tries = 0
    while True:
        end = waiting.find(_BETWEEN, begin)
        if end < 0:
            if len(waiting) > limits.IMPORT_FILE_MAX_BYTES:
                raise Refused("too_large")
            begin = max(0, len(waiting) - len(_BETWEEN) + 1)
            piece = file.read(limits.MIB)
            if not piece:
                break
            waiting += piece
            continue
        text = bytes(waiting[:end])
        tries += 1
        if is_json(text):
            yield text
            del waiting[: end + 2]
            begin = tries = 0
        elif tries > _TRIES_MAX:
            raise Refused("format")
        else:
            begin = end + 1
    last = bytes(waiting).rstrip()
    text = last.removesuffix(b"]}")
    if text == last or not is_json(text):
        raise Refused("format")
    yield text

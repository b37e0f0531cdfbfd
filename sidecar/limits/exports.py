"""Limits of exports."""

from typing import Final

EXPORT_IDS_MAX: Final = 10_000
"""Most ids in one export: about 1 MB of params; more are selected by category, tags or source."""

EXPORT_NAME_MAX_CHARS: Final = 200
"""How much of the name of a step, or of the path of a member, the report of an export shows."""

EXPORT_FILE_NAME_MAX_BYTES: Final = 120
"""Longest name of a document in a zip, in UTF-8 and without its number and suffix: file systems
take 255 bytes, some programs for encrypted folders 143."""

"""The numbers of imports: what is read from files and archives that others made."""

from typing import Final

from sidecar.limits.sizes import MIB

IMPORT_FILES_MAX: Final = 50_000
"""Most files of one folder or archive: their names take some MiB while the import runs."""

IMPORT_FILE_MAX_BYTES: Final = 64 * MIB
"""Largest file that is read: a list may hold several bodies of the largest size."""

IMPORT_RATIO_MAX: Final = 200
IMPORT_RATIO_FROM_BYTES: Final = MIB
"""How many times larger than packed a file of an archive may be, once it is larger than this.
Workflows are packed to a tenth, indented ones to a thirtieth; zeros to a thousandth."""

IMPORT_UNPACKED_MAX_BYTES: Final = 4 * 1024 * MIB
"""Most bytes that are unpacked from one archive, whose files may overlap: 50 000 workflows of
usual size are 1.6 GiB."""

IMPORT_DIRECTORY_MAX_BYTES: Final = 8 * MIB
"""Largest directory of an archive: a file takes some 100 bytes in it, and some 700 once read."""

IMPORT_NAME_MAX_CHARS: Final = 1024
"""Longest name of a file within a folder or an archive."""

IMPORT_FOLDERS_DEEP_MAX: Final = 64
"""Deepest folder that is looked into."""

YAML_MAX_BYTES: Final = 4 * MIB
"""Largest YAML text: 0.3 s a MiB, and the largest known app has 0.1 MiB."""

YAML_TAG_DIRECTIVES_MAX: Final = 100
"""Most lines of a YAML text that define a shorthand for tags. The parser compares each with all
before it, while no other thread runs: the largest text with nothing else would take a minute."""

SOURCE_MAX_CHARS: Final = 64
SOURCE_ID_MAX_CHARS: Final = 512
"""Longest id that a workflow has where it is from; a longer path is cut at its start."""

ENVELOPE_HEAD_BYTES: Final = 4096
"""Part of a text in which the format of an envelope is looked for, which stands in front."""

IMPORT_STEP_MS: Final = 5
"""Time after which a transaction of an import takes in no further workflow: with the one that has
begun and the COMMIT it takes less than 20 ms."""

IMPORT_STEP_BYTES: Final = 4 * MIB
"""Bytes of bodies that are read and packed before they are written; one body at least."""

IMPORT_REPORT_MAX_BYTES: Final = 8 * MIB
"""Bytes of the items in the answer of an import, past which only their number is returned:
some 30 000 workflows with usual names."""

IMPORT_REPORT_ITEM_BYTES: Final = 256
"""Bytes that an item of the report takes without its texts, rounded up."""

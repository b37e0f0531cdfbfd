"""The types that the methods of remotes share."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.values import Count

_PATTERN = "^[a-z0-9_-]{1,64}$(?!\\n)"
_NAME = "Name of the remote, 1 to 64 of a-z, 0-9, underscore and hyphen"
Name = Annotated[str, Meta(pattern=_PATTERN, description=f"{_NAME}.")]
NameParam = Annotated[str, Meta(pattern=_PATTERN, description=f"{_NAME}; absent: `default`.")]
DEFAULT_NAME = "default"

Device = Annotated[
    str, Meta(description="Id under which a device writes to the remote, 32 hex digits.")
]
HeadNumber = Annotated[
    Count, Meta(description="Number of the backup's head among the heads of the device.")
]
Url = Annotated[
    str,
    Meta(
        max_length=limits.REMOTE_URL_MAX_CHARS,
        description="`file:///folder`, or `s3://bucket/prefix?endpoint=https://server&region=name`"
        " of any S3-compatible store; without an endpoint, Amazon's.",
    ),
]
BackupName = Annotated[str, Meta(max_length=limits.BACKUP_NAME_MAX_CHARS, description="File name.")]
FilePath = Annotated[str, Meta(description="Absolute path of the file.")]

"""A sentence for each name of the vocabularies of remotes; see `vocabulary_sentences`."""

# The annotations of the tables are not evaluated: that would double the cost of the import.
from __future__ import annotations

from typing import Any, Final

from sidecar.vocabularies import RemoteFault, RemoteFindingKind, RemoteLack, RemoteLogStatus

REMOTE_FAULTS: Final[dict[RemoteFault, str]] = {
    "offline": "The remote cannot be reached, or the connection broke.",
    "full": "The remote has no space left.",
    "forbidden": "The remote refuses the credentials, or they grant too few rights.",
    "no_bucket": "The bucket does not exist.",
    "clock": "The remote refuses requests because this computer's clock is wrong.",
    "not_installed": "The library for object stores, the extra `remote`, is not installed.",
    "unsupported": "The remote cannot create an object on the condition that its name is free.",
    "failed": "The remote gave an answer that this program does not know.",
}

REMOTE_FINDING_KINDS: Final[dict[RemoteFindingKind, str]] = {
    "head": "A head is damaged, not signed by the device, or does not match the head before it.",
    "missing": "A head or an object is missing.",
    "changed": "An object differs from the one that its head names.",
    "rolled_back": "The remote lacks heads that this device has pushed to it.",
    "forked": "The remote has heads of this device that this device has not signed.",
    "stray": "An object that no head names, as after an interrupted push; it does no harm.",
}

REMOTE_LACKS: Final[dict[RemoteLack, str]] = {
    "create_once": "The remote overwrites an object instead of refusing to create it twice.",
    "read": "The remote does not return what was written.",
    "list": "The remote does not list its objects.",
    "delete": "The remote does not delete objects.",
}

REMOTE_LOG_STATUSES: Final[dict[RemoteLogStatus, str]] = {
    "ok": "Every entry that the remote has is in the log, unchanged.",
    "differs": "An entry of the log differs from the one that was pushed.",
    "behind": "The log ends before the newest entry that was pushed: it is an earlier copy.",
    "missing": "A part of the log that was pushed is missing or changed in the remote.",
}

REMOTE_VOCABULARIES: Final[tuple[tuple[Any, dict[Any, str]], ...]] = (
    (RemoteFault, REMOTE_FAULTS),
    (RemoteFindingKind, REMOTE_FINDING_KINDS),
    (RemoteLack, REMOTE_LACKS),
    (RemoteLogStatus, REMOTE_LOG_STATUSES),
)

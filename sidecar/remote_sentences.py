"""A sentence for each name of the vocabularies of remotes, see `vocabulary_sentences`."""

# The annotations of the tables are not evaluated: that would double the cost of the import.
from __future__ import annotations

from typing import Any, Final

from sidecar.vocabularies import RemoteFault, RemoteFindingKind, RemoteLack, RemoteLogStatus

REMOTE_FAULTS: Final[dict[RemoteFault, str]] = {
    "offline": "It cannot be reached, or the connection broke.",
    "full": "It has no room.",
    "forbidden": "It refuses the credentials, or they allow too little.",
    "no_bucket": "The bucket does not exist.",
    "clock": "It refuses requests because this computer's clock is wrong.",
    "not_installed": "The library for object stores, the extra `remote`, is not installed.",
    "unsupported": "It cannot create an object only where there is none.",
    "failed": "It gave an answer that is none of these.",
}

REMOTE_FINDING_KINDS: Final[dict[RemoteFindingKind, str]] = {
    "head": "A head is damaged, not signed by the device, or does not follow the one before.",
    "missing": "A head or an object is not there.",
    "changed": "An object is not the one that its head names.",
    "rolled_back": "The remote lacks heads that this device knows to have been there.",
    "forked": "The remote has other heads of this device than this device has signed.",
    "stray": "An object is named by no head, as after a push that was broken off; it does no harm.",
}

REMOTE_LACKS: Final[dict[RemoteLack, str]] = {
    "create_once": "It overwrites an object instead of refusing to create it twice.",
    "read": "It does not give back what was written.",
    "list": "It does not list what is there.",
    "delete": "It does not delete.",
}

REMOTE_LOG_STATUSES: Final[dict[RemoteLogStatus, str]] = {
    "ok": "Every entry that the remote has is in the log, and is the same.",
    "differs": "An entry of the log is not the one that was pushed.",
    "behind": "The log ends before the newest entry that was pushed: it was put back.",
    "missing": "Of what was pushed something is missing or changed in the remote.",
}

REMOTE_VOCABULARIES: Final[tuple[tuple[Any, dict[Any, str]], ...]] = (
    (RemoteFault, REMOTE_FAULTS),
    (RemoteFindingKind, REMOTE_FINDING_KINDS),
    (RemoteLack, REMOTE_LACKS),
    (RemoteLogStatus, REMOTE_LOG_STATUSES),
)

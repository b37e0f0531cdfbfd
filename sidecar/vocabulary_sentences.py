"""A sentence for each name of the closed vocabularies, for the contract and its pages.

The tables stand apart from the names because a process that serves needs only the names.
"""

# The annotations of the tables are not evaluated: that would double the cost of the import.
from __future__ import annotations

from typing import Any, Final

from sidecar.remote_sentences import REMOTE_VOCABULARIES
from sidecar.vocabularies import (
    AuditAction,
    AuditFault,
    AuditStatus,
    BackupFindingKind,
    BackupReason,
    BackupRefusal,
    BackupSecrets,
    ClosingReason,
    CredentialCertainty,
    FindingKind,
    ImportOutcome,
    ImportReason,
    ProgressPhase,
    ProgressUnit,
    ReadyMode,
    RescueReason,
    RestoredSecrets,
    RunChange,
    RunStatus,
    SecretsChangeReason,
    SecretsState,
    SecretState,
    SlotKind,
    SummaryState,
    WarningSlug,
    WorkflowChange,
)

AUDIT_ACTIONS: Final[dict[AuditAction, str]] = {
    "workflow_save": "A workflow was created, or its content or header was changed.",
    "workflow_archive": "A workflow was archived.",
    "workflow_unarchive": "A workflow was taken out of the archive.",
    "workflow_delete": "A workflow was deleted with its runs and revisions.",
    "workflow_export": "Workflows were exported to a file.",
    "workflow_import": "A workflow was created or replaced by an import.",
    "tag_rename": "A tag was renamed in every workflow that had it.",
    "run_delete": "One run was deleted, or the runs of a workflow that is being deleted.",
    "run_prune": "Runs were deleted by their age, their number or their size.",
    "run_resume": "A run that was interrupted was taken up again.",
    "settings_update": "Settings were set or reset.",
    "settings_delete": "A setting of the app was deleted.",
    "key_access": "A secret was read in clear.",
    "key_update": "A secret was stored or replaced.",
    "key_delete": "A secret was deleted.",
    "key_verify": "A value was compared with a secret.",
    "vault_initialize": "Secrets were set up.",
    "vault_unlock": "Secrets were unlocked.",
    "unlock_failed": "A passphrase or recovery code was wrong.",
    "vault_lock": "Secrets were locked by a request, a time limit or the end of the process.",
    "vault_rotate": "Every secret was sealed again under a new data key.",
    "vault_rekey": "Every secret was sealed again under a new root key.",
    "vault_reset": "Secrets were given up and everything about them was deleted.",
    "passphrase_change": "The passphrase was changed.",
    "slot_add": "A way to unlock was added.",
    "slot_remove": "A way to unlock was removed.",
    "access_refused": "A request for a secret was refused, for the reason in the details.",
    "backup_create": "A backup was made.",
    "backup_delete": "A backup was deleted.",
    "backup_rejected": "A backup was refused, for the reason in the details.",
    "restore": "A backup took the place of the database.",
    "recover": "The database was built again from what could be read of it.",
    "compact": "The database file was replaced by a copy without free space.",
    "check_findings": "A check found something wrong.",
    "revision_prune": "Earlier revisions of a workflow were deleted.",
    "audit_prune": "The oldest entries of the audit log were deleted.",
    "audit_export": "The audit log was exported to a file.",
    "audit_sealed": "The audit log was sealed under the root key.",
    "migrate": "The tables were changed to those of a newer version.",
    "remote_set": "A remote was set or changed.",
    "remote_delete": "A remote was deleted; what it holds stays there.",
    "remote_push": "A backup was pushed to a remote.",
    "remote_prune": "A backup was deleted from a remote to make room for newer ones.",
    "remote_device": "The device goes on under a new name in all remotes, for the reason in the"
    " details.",
}

AUDIT_STATUSES: Final[dict[AuditStatus, str]] = {
    "ok": "The log is sound.",
    "unsealed": "The log is sound but not sealed, so that an intruder could have rewritten it.",
    "locked": "Order and ends are sound; what is sealed can be verified once secrets are unlocked.",
    "tampered": "An entry is not what was written.",
    "truncated": "Entries at the end are missing.",
    "rolled_back": "An earlier state of the file was put back.",
    "forked": "The log has another entry than the one that was expected.",
    "pruned": "The entry that was expected was pruned, so that nothing can be said of it.",
}

AUDIT_FAULTS: Final[dict[AuditFault, str]] = {
    "mac": "The code of an entry is not the one that follows from what is in it.",
    "gap": "A number is missing.",
    "state_head": "The newest entry is not the one that the state of the log names.",
    "anchor": "A sealed part of the log does not open, or does not fit the entries.",
    "expect": "The entry that the request expects is another one, or missing.",
}

WARNING_SLUGS: Final[dict[WarningSlug, str]] = {
    "backup_failed": "An automatic backup could not be made; it is tried again.",
    "backup_old": "While backups fail, the newest one is old or there is none.",
    "clock_jumped": "The clock of the computer was set, so that times may be misleading.",
    "database_damaged": "The database is damaged and only read from now on.",
    "disk_low": "Little space is left on the disk of the database.",
    "folder_on_network": "The database is on another machine, where locks are unreliable.",
    "folder_synced": "The database is in a folder that another program synchronises.",
    "foreign_objects": "The database has tables or other objects that backups omit.",
    "index_rebuilt": "A damaged index was built again; nothing is lost.",
    "lock_removed": "Another program removed the lock file; it was created again.",
    "log_cut": "Another program cut off the write-ahead log.",
    "log_lost": "The write-ahead log of a database that was not closed is gone.",
    "log_replaced": "Another program replaced the write-ahead log.",
    "purge_blocked": "A program that reads an old state keeps deleted bytes in the file.",
    "remote_clock": "A remote refuses requests because this computer's clock is wrong.",
    "remote_failed": "A push to a remote failed for another reason; `remotes.status` has it.",
    "remote_forbidden": "A remote refuses the credentials, or what they allow is too little.",
    "remote_forked": "A copy of the database has written to a remote under this device's name.",
    "remote_full": "A remote has no room.",
    "remote_no_bucket": "The bucket of a remote does not exist.",
    "remote_no_code": "Nothing is pushed, because there is no recovery code to open it elsewhere.",
    "remote_offline": "A remote cannot be reached; pushes are tried again, ever more seldom.",
    "remote_rolled_back": "A remote lacks what was pushed to it, or holds something else.",
    "several_names": "The database file has several names, by one of which others may open it.",
}

READY_MODES: Final[dict[ReadyMode, str]] = {
    "normal": "Everything.",
    "rescue": "Only what helps to bring the database back, which cannot be opened.",
}

RESCUE_REASONS: Final[dict[RescueReason, str]] = {
    "missing": "There is no file, but there are files or backups of an earlier database.",
    "cut": "The file is empty or shorter than it was.",
    "damaged": "The bytes of the file are not those that were written.",
    "unfinished": "A replacement of the file was interrupted and cannot be completed.",
}

PROGRESS_PHASES: Final[dict[ProgressPhase, str]] = {
    "check": "A database is examined.",
    "copy": "The database is copied.",
    "export": "Entries or workflows are written to a file.",
    "fetch": "Objects are read from a remote.",
    "import": "Files are read, and what is in them is stored.",
    "keychain": "The keychain of the system is waited for; it may ask the person.",
    "migrate": "The tables are changed to those of this version.",
    "pack": "A copy is packed into a backup.",
    "prune": "Old rows are deleted.",
    "purge": "Deleted text is removed from the file.",
    "push": "Objects are sealed and written to a remote.",
    "runs": "The runs of a workflow are deleted.",
    "salvage": "Rows are read from a damaged file.",
    "unpack": "A backup is unpacked.",
    "verify": "What was written, or the audit log, is read and verified.",
    "waiting": "The request waits until it is alone.",
    "workflows": "Workflows are changed or deleted one after the other.",
}

PROGRESS_UNITS: Final[dict[ProgressUnit, str]] = {
    "bytes": "Bytes.",
    "entries": "Entries of the audit log.",
    "files": "Files, or documents that a request holds.",
    "phases": "Steps of the work that take unequal times.",
    "requests": "Requests that are waited for; their number is unknown.",
    "rows": "Rows of any table.",
    "seconds": "Seconds of waiting, of those after which the request gives up.",
    "workflows": "Workflows.",
}

CLOSING_REASONS: Final[dict[ClosingReason, str]] = {
    "eof": "Stdin has ended.",
    "shutdown": "A request called `system.shutdown`.",
    "exit": "The notification `system.exit` was received.",
    "signal": "The system or a person sent a signal.",
    "parent": "The process that started this one has ended.",
    "stdout": "Nobody reads stdout any more; only the audit log can say so.",
}

WORKFLOW_CHANGES: Final[dict[WorkflowChange, str]] = {
    "created": "It is new.",
    "saved": "Its content or its header has changed.",
    "archived": "It was archived.",
    "unarchived": "It was taken out of the archive.",
    "deleted": "It is gone, with its runs and revisions.",
}

CREDENTIAL_CERTAINTIES: Final[dict[CredentialCertainty, str]] = {
    "found": "It has the shape of a known provider's keys.",
    "maybe": "Only the name of its member says so.",
}
RUN_STATUSES: Final[dict[RunStatus, str]] = {
    "running": "It has not ended.",
    "success": "It has done what it was to do.",
    "error": "It has failed, or the process ended while it was running.",
    "cancelled": "Somebody ended it.",
}

RUN_CHANGES: Final[dict[RunChange, str]] = {
    "started": "It has begun.",
    "progress": "Its totals or its wait have changed.",
    "resumed": "It was interrupted and was taken up again.",
    "finished": "It has ended.",
    "deleted": "It is gone, with its summary.",
}

SUMMARY_STATES: Final[dict[SummaryState, str]] = {
    "kept": "It is as it was sent.",
    "truncated": "Its first MiB is kept, as a JSON string.",
    "repaired": "Null is in place of NaN, U+FFFD in place of what no text can hold.",
    "dropped": "It nested too deep and is left out.",
}

SECRETS_STATES: Final[dict[SecretsState, str]] = {
    "uninitialized": "Secrets are not set up.",
    "locked": "Secrets are set up and cannot be used before an unlock.",
    "unlocked": "Secrets can be used.",
    "ephemeral": "Secrets can be used, are only in memory, and end with the process.",
}

SECRETS_CHANGE_REASONS: Final[dict[SecretsChangeReason, str]] = {
    "initialize": "They were set up.",
    "unlock": "They were unlocked.",
    "lock": "A request locked them, or an unlock of unlocked secrets failed.",
    "idle_lock": "The time without use has passed, by the setting `secrets_idle_lock_ms`.",
    "absolute_lock": "The time since the unlock has passed, by `secrets_absolute_lock_ms`.",
    "reset": "They were given up.",
    "restore": "A restore has put others, or none, in their place.",
    "recover": "A recovery could not read them.",
    "end": "The process ends.",
}

SECRET_STATES: Final[dict[SecretState, str]] = {
    "ok": "It can be opened while secrets are unlocked.",
    "enter_again": "An older program sealed it; it cannot be opened here.",
}

SLOT_KINDS: Final[dict[SlotKind, str]] = {
    "passphrase": "A passphrase that the person knows.",
    "keychain": "An item in the keychain of the system.",
    "recovery": "A code that was shown once, to be written down.",
}

FINDING_KINDS: Final[dict[FindingKind, str]] = {
    "audit_chain": "The audit log was changed by something other than this program.",
    "body": "The body of a workflow is missing or damaged.",
    "constraint": "A row breaks a rule of its table.",
    "file": "The file cannot be opened, or its header has another value than this program writes.",
    "foreign": "An object of the schema is not of this program.",
    "header": "A number or list in the header of a workflow does not match its rows.",
    "index": "An index does not match its table; it is rebuilt.",
    "orphan": "Rows belong to nothing that exists.",
    "revision": "An earlier revision of a workflow cannot be read.",
    "row": "A cell of a row is damaged.",
    "search_index": "An index of the search does not match the workflows; it is rebuilt.",
    "structure": "Pages of the file are damaged.",
    "summary": "The summary of a run is missing or damaged.",
    "value": "A value that the program goes by is impossible.",
}

BACKUP_REFUSALS: Final[dict[BackupRefusal, str]] = {
    "not_a_backup": "The file is not a backup of this product.",
    "newer": "The backup was made by a newer version; update this program.",
    "manifest": "The backup's manifest is damaged.",
    "size": "The backup states a size that it cannot have.",
    "window": "The backup needs more memory to unpack than any backup of this product.",
    "form": "The backup is not packed as backups of this product are.",
    "truncated": "The backup is cut off.",
    "trailing": "The backup is followed by other data.",
    "damaged": "The backup's data is damaged.",
    "not_ours": "The backup does not contain a database of this product.",
    "schema": "The tables in the backup are not those of this product.",
    "content": "The content of the backup is inconsistent.",
}

BACKUP_REASONS: Final[dict[BackupReason, str]] = {
    "manual": "A person or the app asked for it.",
    "interval": "It was time, by the setting `backup_interval_hours`.",
    "migrate": "The tables were about to be changed to those of a newer version.",
    "restore": "A restore was about to replace the database.",
    "compact": "A compaction was about to replace the database.",
    "recover": "A recovery was about to replace the database.",
}

BACKUP_SECRETS: Final[dict[BackupSecrets, str]] = {
    "none": "It has no secrets.",
    "sealed": "It has the sealed secrets and their key slots.",
}

RESTORED_SECRETS: Final[dict[RestoredSecrets, str]] = {
    "kept": "Those that were in the replaced database.",
    "from_backup": "Those of the backup, with the passphrase that they had then.",
    "none": "None; secrets are not set up.",
}

IMPORT_OUTCOMES: Final[dict[ImportOutcome, str]] = {
    "created": "It is a new workflow.",
    "replaced": "It is the next revision of a workflow that was there.",
    "skipped": "A workflow was there for it, and nothing was written.",
    "refused": "It cannot be imported, for the reason that is told.",
}

IMPORT_REASONS: Final[dict[ImportReason, str]] = {
    "already_imported": "The same document from the same place was imported before.",
    "exists": "A workflow with its source and source id is there, which the policy skips.",
    "unchanged": "The workflow to be replaced is the same already.",
    "archived": "The workflow to be replaced is archived; unarchive it first.",
    "database_damaged": "The workflow to be replaced is damaged; system.check says where.",
    "duplicate_name": "Another file of the archive, before it, has the same name.",
    "empty_body": "It has no content, and the workflow to be replaced has some.",
    "encoding": "It is no text in UTF-8, UTF-16 or UTF-32.",
    "format": "It is an item or a version of this program's own format that cannot be read.",
    "link": "It is a link to another file or folder, and no link is followed.",
    "not_a_file": "It is no ordinary file, or it belongs to the database.",
    "not_json": "It is not JSON; JSON has no NaN, no comments and no comma before a bracket.",
    "not_unpacked": "It is encrypted, damaged or packed by another method than deflate.",
    "not_yaml": "It is not YAML, or its YAML is neither a list nor a mapping.",
    "ratio": "It unpacks to far more than any workflow does.",
    "too_deep": "It nests deeper than a body may.",
    "too_large": "It is larger than a file or a body may be, or the whole archive is.",
    "unreadable": "The system does not let it be read.",
    "unsafe_name": "Its name in the archive leads out of the archive, or is too long.",
    "yaml_alias": "It has an alias, by which a short YAML text can be of any size.",
    "yaml_key": "A key of its YAML is a list or a mapping, or comes twice in one mapping.",
    "yaml_tag": "A value of its YAML has a tag for a type that JSON does not have.",
}

VOCABULARIES: Final[tuple[tuple[Any, dict[Any, str]], ...]] = (
    (AuditAction, AUDIT_ACTIONS),
    (AuditStatus, AUDIT_STATUSES),
    (AuditFault, AUDIT_FAULTS),
    (WarningSlug, WARNING_SLUGS),
    (ReadyMode, READY_MODES),
    (RescueReason, RESCUE_REASONS),
    (ProgressPhase, PROGRESS_PHASES),
    (ProgressUnit, PROGRESS_UNITS),
    (ClosingReason, CLOSING_REASONS),
    (WorkflowChange, WORKFLOW_CHANGES),
    (CredentialCertainty, CREDENTIAL_CERTAINTIES),
    (RunStatus, RUN_STATUSES),
    (RunChange, RUN_CHANGES),
    (SummaryState, SUMMARY_STATES),
    (SecretsState, SECRETS_STATES),
    (SecretsChangeReason, SECRETS_CHANGE_REASONS),
    (SecretState, SECRET_STATES),
    (SlotKind, SLOT_KINDS),
    (FindingKind, FINDING_KINDS),
    (BackupRefusal, BACKUP_REFUSALS),
    (BackupFindingKind, {**BACKUP_REFUSALS, **FINDING_KINDS}),
    (BackupReason, BACKUP_REASONS),
    (BackupSecrets, BACKUP_SECRETS),
    (RestoredSecrets, RESTORED_SECRETS),
    (ImportOutcome, IMPORT_OUTCOMES),
    (ImportReason, IMPORT_REASONS),
    *REMOTE_VOCABULARIES,
)
"""Every vocabulary with its sentences, in the order of the contract."""

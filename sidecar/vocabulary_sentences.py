"""A sentence for each name of the closed vocabularies, for the contract and its pages.

The tables are separate from the names because a serving process needs only the names.
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
    "workflow_unarchive": "A workflow was restored from the archive.",
    "workflow_delete": "A workflow was deleted with its runs and revisions.",
    "workflow_export": "Workflows were exported to a file.",
    "workflow_import": "A workflow was created or replaced by an import.",
    "tag_rename": "A tag was renamed in every workflow that had it.",
    "run_delete": "One run was deleted, or the runs of a workflow that is being deleted.",
    "run_prune": "Runs were deleted by their age, their number or their size.",
    "run_resume": "An interrupted run was resumed.",
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
    "vault_reset": "All secrets and their keys were deleted.",
    "passphrase_change": "The passphrase was changed.",
    "slot_add": "A way to unlock was added.",
    "slot_remove": "A way to unlock was removed.",
    "access_refused": "A request for a secret was refused, for the reason in the details.",
    "backup_create": "A backup was made.",
    "backup_delete": "A backup was deleted.",
    "backup_rejected": "A backup was refused, for the reason in the details.",
    "restore": "The database was replaced by a backup.",
    "recover": "The database was rebuilt from the data that could be read.",
    "compact": "The database file was replaced by a copy without free space.",
    "check_findings": "A check found something wrong.",
    "revision_prune": "Earlier revisions of a workflow were deleted.",
    "audit_prune": "The oldest entries of the audit log were deleted.",
    "audit_export": "The audit log was exported to a file.",
    "audit_sealed": "The audit log was sealed under the root key.",
    "migrate": "The tables were changed to those of a newer version.",
    "remote_set": "A remote was set or changed.",
    "remote_delete": "A remote was deleted from the database; its objects stay there.",
    "remote_push": "A backup was pushed to a remote.",
    "remote_prune": "A backup was deleted from a remote to make room for newer ones.",
    "remote_device": "The device got a new id in all remotes, for the reason in the details.",
}

AUDIT_STATUSES: Final[dict[AuditStatus, str]] = {
    "ok": "The log is sound.",
    "unsealed": "The log is sound but not sealed, so that an attacker could have rewritten it.",
    "locked": "Order and ends are sound; the sealed parts can be verified after an unlock.",
    "tampered": "An entry differs from what was written.",
    "truncated": "Entries at the end are missing.",
    "rolled_back": "The file was replaced by an earlier copy.",
    "forked": "The log has another entry than the one that was expected.",
    "pruned": "The expected entry was pruned, so that it cannot be verified.",
}

AUDIT_FAULTS: Final[dict[AuditFault, str]] = {
    "mac": "The code of an entry does not match its content.",
    "gap": "A number is missing.",
    "state_head": "The newest entry differs from the one in the state of the log.",
    "anchor": "A sealed part of the log does not open, or does not fit the entries.",
    "expect": "The entry that the request expects differs or is missing.",
}

WARNING_SLUGS: Final[dict[WarningSlug, str]] = {
    "backup_failed": "An automatic backup could not be made; it will be retried.",
    "backup_old": "Backups fail, and the newest one is old or there is none.",
    "clock_jumped": "The clock of the computer was set, so that times may be misleading.",
    "database_damaged": "The database is damaged and read-only from now on.",
    "disk_low": "Little space is left on the disk of the database.",
    "folder_on_network": "The database is on another machine, where locks are unreliable.",
    "folder_synced": "The database is in a folder that another program synchronises.",
    "foreign_objects": "The database has tables or other objects that backups omit.",
    "index_rebuilt": "A damaged index was rebuilt; nothing is lost.",
    "lock_removed": "Another program removed the lock file; it was created again.",
    "log_cut": "Another program truncated the write-ahead log.",
    "log_lost": "The database was not closed in order, and its write-ahead log is missing.",
    "log_replaced": "Another program replaced the write-ahead log.",
    "purge_blocked": "Another program holds an old snapshot, so deleted bytes stay in the file.",
    "remote_clock": "A remote refuses requests because this computer's clock is wrong.",
    "remote_failed": "A push to a remote failed for another reason; see `remotes.status`.",
    "remote_forbidden": "A remote refuses the credentials, or they grant too few rights.",
    "remote_forked": "A copy of the database has written to a remote under this device's id.",
    "remote_full": "A remote has no space left.",
    "remote_no_bucket": "The bucket of a remote does not exist.",
    "remote_no_code": "Nothing is pushed, because there is no recovery code to open it elsewhere.",
    "remote_offline": "A remote cannot be reached; pushes are retried at growing intervals.",
    "remote_rolled_back": "A remote lacks what was pushed to it, or holds something else.",
    "several_names": "The database file has several names; other programs may use another one.",
}

READY_MODES: Final[dict[ReadyMode, str]] = {
    "normal": "Every method is served.",
    "rescue": "The database cannot be opened; only methods that help to restore it are served.",
}

RESCUE_REASONS: Final[dict[RescueReason, str]] = {
    "missing": "There is no file, but there are files or backups of an earlier database.",
    "cut": "The file is empty or truncated.",
    "damaged": "The content of the file is damaged.",
    "unfinished": "A replacement of the file was interrupted and cannot be completed.",
}

PROGRESS_PHASES: Final[dict[ProgressPhase, str]] = {
    "check": "A database is examined.",
    "copy": "The database is copied.",
    "export": "Entries or workflows are written to a file.",
    "fetch": "Objects are read from a remote.",
    "import": "Files are read, and their workflows are stored.",
    "keychain": "The request waits for the system's keychain, which may ask the person.",
    "migrate": "The tables are changed to those of this version.",
    "pack": "A copy is packed into a backup.",
    "prune": "Old rows are deleted.",
    "purge": "Deleted text is removed from the file.",
    "push": "Objects are sealed and written to a remote.",
    "runs": "The runs of a workflow are deleted.",
    "salvage": "Rows are read from a damaged file.",
    "unpack": "A backup is unpacked.",
    "verify": "A new file, a remote or the audit log is read and verified.",
    "waiting": "The request waits for other requests, because it must run alone.",
    "workflows": "Workflows are changed or deleted one after the other.",
}

PROGRESS_UNITS: Final[dict[ProgressUnit, str]] = {
    "bytes": "Bytes.",
    "entries": "Entries of the audit log.",
    "files": "Files, or documents in a request.",
    "phases": "Steps of the work that take unequal times.",
    "requests": "Requests to wait for; their number is unknown.",
    "rows": "Rows of any table.",
    "seconds": "Seconds of waiting; `total` is the timeout.",
    "workflows": "Workflows.",
}

CLOSING_REASONS: Final[dict[ClosingReason, str]] = {
    "eof": "Stdin has ended.",
    "shutdown": "A request called `system.shutdown`.",
    "exit": "The notification `system.exit` was received.",
    "signal": "The system or a person sent a signal.",
    "parent": "The process that started this one has ended.",
    "stdout": "Stdout was closed; this reason appears only in the audit log.",
}

WORKFLOW_CHANGES: Final[dict[WorkflowChange, str]] = {
    "created": "The workflow was created.",
    "saved": "The content or the header of the workflow was changed.",
    "archived": "The workflow was archived.",
    "unarchived": "The workflow was restored from the archive.",
    "deleted": "The workflow was deleted with its runs and revisions.",
}

CREDENTIAL_CERTAINTIES: Final[dict[CredentialCertainty, str]] = {
    "found": "The text has the shape of a known provider's keys.",
    "maybe": "Only the name of the text's member suggests a credential.",
}
RUN_STATUSES: Final[dict[RunStatus, str]] = {
    "running": "The run has not ended.",
    "success": "The run has succeeded.",
    "error": "The run has failed, or the process ended while it was running.",
    "cancelled": "A person or a program cancelled the run.",
}

RUN_CHANGES: Final[dict[RunChange, str]] = {
    "started": "The run has started.",
    "progress": "The totals of the run, or whether it waits, have changed.",
    "resumed": "The run was interrupted and has been resumed.",
    "finished": "The run has ended.",
    "deleted": "The run was deleted with its summary.",
}

SUMMARY_STATES: Final[dict[SummaryState, str]] = {
    "kept": "The summary was stored as it was sent.",
    "truncated": "The first MiB of the summary was stored as a JSON string.",
    "repaired": "NaN was replaced by null, and invalid characters by U+FFFD.",
    "dropped": "The summary nested too deep and was not stored.",
}

SECRETS_STATES: Final[dict[SecretsState, str]] = {
    "uninitialized": "Secrets are not set up.",
    "locked": "Secrets are set up and cannot be used before an unlock.",
    "unlocked": "Secrets can be used.",
    "ephemeral": "Secrets can be used, are only in memory, and end with the process.",
}

SECRETS_CHANGE_REASONS: Final[dict[SecretsChangeReason, str]] = {
    "initialize": "The secrets were set up.",
    "unlock": "The secrets were unlocked.",
    "lock": "A request locked the secrets, or an unlock of unlocked secrets failed.",
    "idle_lock": "The time without use, `secrets_idle_lock_ms`, has passed.",
    "absolute_lock": "The time since the unlock, `secrets_absolute_lock_ms`, has passed.",
    "reset": "The secrets were deleted by `secrets.reset`.",
    "restore": "A restore has replaced or removed the secrets.",
    "recover": "A recovery could not read the secrets.",
    "end": "The process ends.",
}

SECRET_STATES: Final[dict[SecretState, str]] = {
    "ok": "The secret can be read while secrets are unlocked.",
    "enter_again": "An older program sealed the secret; it cannot be opened here.",
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
    "foreign": "An object of the schema belongs to another program.",
    "header": "A number or list in the header of a workflow does not match its rows.",
    "index": "An index does not match its table; it is rebuilt.",
    "orphan": "Rows refer to a row that does not exist.",
    "revision": "An earlier revision of a workflow cannot be read.",
    "row": "A cell of a row is damaged.",
    "search_index": "An index of the search does not match the workflows; it is rebuilt.",
    "structure": "Pages of the file are damaged.",
    "summary": "The summary of a run is missing or damaged.",
    "value": "A value that controls the program is impossible.",
}

BACKUP_REFUSALS: Final[dict[BackupRefusal, str]] = {
    "not_a_backup": "The file is not a backup of this product.",
    "newer": "The backup was made by a newer version; update this program.",
    "manifest": "The backup's manifest is damaged.",
    "size": "The backup states a size that it cannot have.",
    "window": "The backup needs more memory to unpack than any backup of this product.",
    "form": "The backup is not packed as backups of this product are.",
    "truncated": "The backup is truncated.",
    "trailing": "The backup is followed by other data.",
    "damaged": "The backup's data is damaged.",
    "not_ours": "The backup does not contain a database of this product.",
    "schema": "The tables in the backup are not those of this product.",
    "content": "The content of the backup is inconsistent.",
}

BACKUP_REASONS: Final[dict[BackupReason, str]] = {
    "manual": "A person or the app requested the backup.",
    "interval": "The interval of the setting `backup_interval_hours` has passed.",
    "migrate": "The tables were about to be changed to those of a newer version.",
    "restore": "A restore was about to replace the database.",
    "compact": "A compaction was about to replace the database.",
    "recover": "A recovery was about to replace the database.",
}

BACKUP_SECRETS: Final[dict[BackupSecrets, str]] = {
    "none": "The backup has no secrets.",
    "sealed": "The backup has the sealed secrets and their key slots.",
}

RESTORED_SECRETS: Final[dict[RestoredSecrets, str]] = {
    "kept": "The secrets of the replaced database were kept.",
    "from_backup": "The secrets are those of the backup, with the passphrase of that time.",
    "none": "There are no secrets; secrets are not set up.",
}

IMPORT_OUTCOMES: Final[dict[ImportOutcome, str]] = {
    "created": "The document became a new workflow.",
    "replaced": "The document became the next revision of an existing workflow.",
    "skipped": "A workflow exists for the document, and nothing was written.",
    "refused": "The document cannot be imported, for the given reason.",
}

IMPORT_REASONS: Final[dict[ImportReason, str]] = {
    "already_imported": "The same document from the same place was imported before.",
    "exists": "A workflow with the same source and source id exists, which the policy skips.",
    "unchanged": "The workflow to be replaced has the same content already.",
    "archived": "The workflow to be replaced is archived; unarchive it first.",
    "database_damaged": "The workflow to be replaced is damaged; system.check says where.",
    "duplicate_name": "An earlier file of the archive has the same name.",
    "empty_body": "The document has no content, and the workflow to be replaced has some.",
    "encoding": "The file is not text in UTF-8, UTF-16 or UTF-32.",
    "format": "The item, or the version of this program's own format, cannot be read.",
    "link": "The file is a link, and links are not followed.",
    "not_a_file": "The file is not an ordinary file, or belongs to the database.",
    "not_json": "The file is not JSON; JSON has no NaN, comments or trailing commas.",
    "not_unpacked": "The file is encrypted, damaged, or compressed by another method than deflate.",
    "not_yaml": "The file is not YAML, or its YAML is neither a list nor a mapping.",
    "ratio": "The file unpacks to far more than any workflow.",
    "too_deep": "The document nests deeper than a body may.",
    "too_large": "The file, the body or the whole archive is larger than its limit.",
    "unreadable": "The operating system does not allow the file to be read.",
    "unsafe_name": "The name in the archive leads out of the archive, or is too long.",
    "yaml_alias": "The YAML has an alias, with which a short text can expand to any size.",
    "yaml_key": "A key of the YAML is a list or a mapping, or occurs twice in one mapping.",
    "yaml_tag": "A value of the YAML has a tag for a type that JSON does not have.",
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

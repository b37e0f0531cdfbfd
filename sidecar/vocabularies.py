"""The closed vocabularies of the contract: the names that answers and notifications use.

A vocabulary is a Literal, so that the type checker refuses a name outside it. Its title and its
description in the contract stand in its annotation, and `vocabulary_sentences` has a sentence for
each name. To add a name, enter it in both, in the same order; a minor version of the protocol may
do so, and clients accept names that they do not know.

The names of errors are explained in `errors`, each by its class.
"""

from typing import Annotated, Any, Literal, get_args

from msgspec import Meta


def names_of(vocabulary: Any) -> tuple[str, ...]:
    """Return the names of a vocabulary in the order of the contract."""
    return get_args(get_args(vocabulary)[0])


# --- the audit log ----------------------------------------------------------------------------

AuditAction = Annotated[
    Literal[
        "workflow_save", "workflow_archive", "workflow_unarchive", "workflow_delete",
        "workflow_export", "workflow_import", "tag_rename", "run_delete", "run_prune",
        "run_resume", "settings_update", "settings_delete", "key_access", "key_update",
        "key_delete", "key_verify", "vault_initialize", "vault_unlock", "unlock_failed",
        "vault_lock", "vault_rotate", "vault_rekey", "vault_reset", "passphrase_change", "slot_add",
        "slot_remove", "access_refused", "backup_create", "backup_delete", "backup_rejected",
        "restore", "recover", "compact", "check_findings", "revision_prune", "audit_prune",
        "audit_export", "audit_sealed", "migrate",
    ],
    Meta(title="AuditAction", description="The act that an entry of the audit log records."),
]  # fmt: skip
<<<<<<< HEAD
=======
AUDIT_ACTIONS: Final[dict[AuditAction, str]] = {
    "workflow_save": "A workflow was created, or its content or header was changed.",
    "workflow_archive": "A workflow was archived.",
    "workflow_unarchive": "A workflow was taken out of the archive.",
    "workflow_delete": "A workflow was deleted with its runs and revisions.",
    "workflow_export": "Workflows were exported to a file.",
    "workflow_import": "A workflow was imported; only imported logs have it so far.",
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
}
>>>>>>> bbac9c4 (Export workflows to a file, with the credentials in them told)

AuditStatus = Annotated[
    Literal["ok", "unsealed", "locked", "tampered", "truncated", "rolled_back", "forked", "pruned"],
    Meta(title="AuditStatus", description="What a verification of the audit log has found."),
]

AuditFault = Annotated[
    Literal["mac", "gap", "state_head", "anchor", "expect"],
    Meta(title="AuditFault", description="What shows that the audit log is not sound."),
]

# --- the process and its progress -------------------------------------------------------------

WarningSlug = Annotated[
    Literal[
        "backup_failed", "backup_old", "clock_jumped", "database_damaged", "disk_low",
        "folder_on_network", "folder_synced", "foreign_objects", "index_rebuilt", "lock_removed",
        "log_cut", "log_lost", "log_replaced", "purge_blocked", "several_names",
    ],
    Meta(title="WarningSlug", description="Stable name of a warning."),
]  # fmt: skip

ReadyMode = Annotated[
    Literal["normal", "rescue"],
    Meta(title="ReadyMode", description="What a process serves after its start."),
]

RescueReason = Annotated[
    Literal["missing", "cut", "damaged", "unfinished"],
    Meta(title="RescueReason", description="Why the database cannot be opened."),
]

ProgressPhase = Annotated[
    Literal[
        "check", "copy", "export", "keychain", "migrate", "pack", "prune", "purge", "runs",
        "salvage", "unpack", "verify", "waiting", "workflows",
    ],
    Meta(title="ProgressPhase", description="The current phase of the work."),
]  # fmt: skip
<<<<<<< HEAD
=======
PROGRESS_PHASES: Final[dict[ProgressPhase, str]] = {
    "check": "A database is examined.",
    "copy": "The database is copied.",
    "export": "Entries or workflows are written to a file.",
    "keychain": "The keychain of the system is waited for; it may ask the person.",
    "migrate": "The tables are changed to those of this version.",
    "pack": "A copy is packed into a backup.",
    "prune": "Old rows are deleted.",
    "purge": "Deleted text is removed from the file.",
    "runs": "The runs of a workflow are deleted.",
    "salvage": "Rows are read from a damaged file.",
    "unpack": "A backup is unpacked.",
    "verify": "What was written, or the audit log, is read and verified.",
    "waiting": "The request waits until it is alone.",
    "workflows": "Workflows are changed or deleted one after the other.",
}
>>>>>>> bbac9c4 (Export workflows to a file, with the credentials in them told)

ProgressUnit = Annotated[
    Literal["bytes", "entries", "phases", "requests", "rows", "seconds", "workflows"],
    Meta(title="ProgressUnit", description="What `done` and `total` count."),
]

ClosingReason = Annotated[
    Literal["eof", "shutdown", "exit", "signal", "parent", "stdout"],
    Meta(title="ClosingReason", description="Why the process ends."),
]

# --- workflows and runs -----------------------------------------------------------------------

WorkflowChange = Annotated[
    Literal["created", "saved", "archived", "unarchived", "deleted"],
    Meta(title="WorkflowChange", description="What was done to a workflow."),
]

CredentialCertainty = Annotated[
    Literal["found", "maybe"],
    Meta(title="CredentialCertainty", description="How certain it is that a text is a credential."),
]
CREDENTIAL_CERTAINTIES: Final[dict[CredentialCertainty, str]] = {
    "found": "It has the shape of a known provider's keys.",
    "maybe": "Only the name of its member says so.",
}

RunStatus = Annotated[
    Literal["running", "success", "error", "cancelled"],
    Meta(title="RunStatus", description="`running`, or how a run has ended."),
]

RunChange = Annotated[
    Literal["started", "progress", "resumed", "finished", "deleted"],
    Meta(title="RunChange", description="What was done to a run."),
]

SummaryState = Annotated[
    Literal["kept", "truncated", "repaired", "dropped"],
    Meta(title="SummaryState", description="What became of the summary of a run."),
]

# --- secrets ----------------------------------------------------------------------------------

SecretsState = Annotated[
    Literal["uninitialized", "locked", "unlocked", "ephemeral"],
    Meta(title="SecretsState", description="Whether secrets can be used now."),
]

SecretsChangeReason = Annotated[
    Literal[
        "initialize", "unlock", "lock", "idle_lock", "absolute_lock", "reset", "restore",
        "recover", "end",
    ],
    Meta(title="SecretsChangeReason", description="What changed the state of the secrets."),
]  # fmt: skip

SecretState = Annotated[
    Literal["ok", "enter_again"],
    Meta(title="SecretState", description="Whether one secret can be opened."),
]

SlotKind = Annotated[
    Literal["passphrase", "keychain", "recovery"],
    Meta(title="SlotKind", description="What opens a slot."),
]

# --- checks, backups and restores -------------------------------------------------------------

_Finding = Literal[
    "audit_chain", "body", "constraint", "file", "foreign", "header", "index", "orphan",
    "revision", "row", "search_index", "structure", "summary", "value",
]  # fmt: skip
FindingKind = Annotated[
    _Finding, Meta(title="FindingKind", description="What kind of fault a check has found.")
]

_Refusal = Literal[
    "not_a_backup", "newer", "manifest", "size", "window", "form", "truncated", "trailing",
    "damaged", "not_ours", "schema", "content",
]  # fmt: skip
BackupRefusal = Annotated[
    _Refusal, Meta(title="BackupRefusal", description="Why a backup is rejected.")
]

BackupFindingKind = Annotated[
    Literal[_Refusal, _Finding],
    Meta(
        title="BackupFindingKind",
        description="Why a restore would reject a backup, as in BackupRefusal; or, for damage with"
        " which a restore accepts it, what kind of fault was found, as in FindingKind.",
    ),
]

BackupReason = Annotated[
    Literal["manual", "interval", "migrate", "restore", "compact", "recover"],
    Meta(title="BackupReason", description="Why a backup was made."),
]

BackupSecrets = Annotated[
    Literal["none", "sealed"],
    Meta(title="BackupSecrets", description="Whether a backup has secrets."),
]

RestoredSecrets = Annotated[
    Literal["kept", "from_backup", "none"],
    Meta(title="RestoredSecrets", description="Which secrets are in the database now."),
]
<<<<<<< HEAD
=======
RESTORED_SECRETS: Final[dict[RestoredSecrets, str]] = {
    "kept": "Those that were in the replaced database.",
    "from_backup": "Those of the backup, with the passphrase that they had then.",
    "none": "None; secrets are not set up.",
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
)
"""Every vocabulary with its sentences, in the order of the contract."""
>>>>>>> bbac9c4 (Export workflows to a file, with the credentials in them told)

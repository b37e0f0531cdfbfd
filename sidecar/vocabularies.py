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
        "audit_export", "audit_sealed", "migrate", "remote_set", "remote_delete", "remote_push",
        "remote_prune", "remote_device",
    ],
    Meta(title="AuditAction", description="The act that an entry of the audit log records."),
]  # fmt: skip

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
        "log_cut", "log_lost", "log_replaced", "purge_blocked", "remote_clock", "remote_failed",
        "remote_forbidden", "remote_forked", "remote_full", "remote_no_bucket", "remote_no_code",
        "remote_offline", "remote_rolled_back", "several_names",
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
        "check", "copy", "export", "fetch", "import", "keychain", "migrate", "pack", "prune",
        "purge", "push", "runs", "salvage", "unpack", "verify", "waiting", "workflows",
    ],
    Meta(title="ProgressPhase", description="The current phase of the work."),
]  # fmt: skip

ProgressUnit = Annotated[
    Literal["bytes", "entries", "files", "phases", "requests", "rows", "seconds", "workflows"],
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

# --- imports ------------------------------------------------------------------------------------

ImportOutcome = Annotated[
    Literal["created", "replaced", "skipped", "refused"],
    Meta(title="ImportOutcome", description="What became of a document that was to be imported."),
]

ImportReason = Annotated[
    Literal[
        "already_imported", "exists", "unchanged", "archived", "database_damaged", "duplicate_name",
        "empty_body", "encoding", "format", "link", "not_a_file", "not_json", "not_unpacked",
        "not_yaml", "ratio", "too_deep", "too_large", "unreadable", "unsafe_name", "yaml_alias",
        "yaml_key", "yaml_tag",
    ],
    Meta(title="ImportReason", description="Why a document was skipped or refused."),
]  # fmt: skip

# --- remotes ------------------------------------------------------------------------------------

RemoteFault = Annotated[
    Literal[
        "offline", "full", "forbidden", "no_bucket", "clock", "not_installed", "unsupported",
        "failed",
    ],
    Meta(title="RemoteFault", description="Why a remote could not do what was asked."),
]  # fmt: skip

RemoteFindingKind = Annotated[
    Literal["head", "missing", "changed", "rolled_back", "forked", "stray"],
    Meta(title="RemoteFindingKind", description="What is wrong with what a remote holds."),
]

RemoteLack = Annotated[
    Literal["create_once", "read", "list", "delete"],
    Meta(title="RemoteLack", description="What a remote cannot do that is needed of it."),
]

RemoteLogStatus = Annotated[
    Literal["ok", "differs", "behind", "missing"],
    Meta(title="RemoteLogStatus", description="How the audit log compares with a remote's copy."),
]

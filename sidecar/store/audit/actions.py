"""The names of all acts that the audit log records; only a minor version adds to them."""

from typing import Final

ACTIONS: Final = frozenset(
    {
        "workflow_save",
        "workflow_archive",
        "workflow_unarchive",
        "workflow_delete",
        "workflow_export",
        "workflow_import",
        "tag_rename",
        "run_delete",
        "run_prune",
        "settings_update",
        "settings_delete",
        "key_access",
        "key_update",
        "key_delete",
        "key_verify",
        "vault_initialize",
        "vault_unlock",
        "unlock_failed",
        "vault_lock",
        "vault_rotate",
        "vault_rekey",
        "vault_reset",
        "passphrase_change",
        "slot_add",
        "slot_remove",
        "access_refused",
        "backup_create",
        "backup_delete",
        "backup_rejected",
        "restore",
        "recover",
        "compact",
        "check_findings",
        "revision_prune",
        "audit_prune",
        "audit_export",
        "audit_sealed",
        "migrate",
    }
)
"""The names as they are written in the log and in the notification `audit.event`."""

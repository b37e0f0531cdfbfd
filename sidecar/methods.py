"""The names of all methods and chores, and the handler modules that declare them.

The order is that of the contract and of the reference: the nouns, and the methods of a noun, as a
reader needs them. Handler modules are loaded by their names here, so that a module can be loaded
when a method of it is first called. Module names are relative to `sidecar.handlers`. The names of
methods have a dot; a name without a dot is that of a chore, work that the process does by itself,
see `sidecar.catalog`.
"""

from typing import Final

_DECLARED: Final = {
    "system.ping_shutdown": "system.ping system.shutdown",
    "system.info_stats": "system.info system.stats",
    "system.check_recover": "system.check system.recover integrity",
    "system.space": "system.purge system.compact purge",
    "workflows.save": "workflows.save workflows.save_many",
    "workflows.get_list": "workflows.get workflows.get_many workflows.list",
    "workflows.search": "workflows.search",
    "workflows.update_duplicate": "workflows.update workflows.duplicate",
    "workflows.update_many": "workflows.update_many",
    "workflows.archive": "workflows.archive workflows.unarchive",
    "workflows.delete": "workflows.delete workflows.delete_many",
    "workflows.history_diff_revert": "workflows.history workflows.diff workflows.revert",
    "workflows.export": "workflows.export",
    "workflows.tags_categories": "workflows.tags workflows.rename_tag workflows.categories",
    "workflows.import_documents": "workflows.import",
    "runs.start_progress": "runs.start runs.progress",
    "runs.finish": "runs.finish",
    "runs.get_list": "runs.get runs.list",
    "runs.stats": "runs.stats",
    "runs.delete_pin": "runs.pin runs.delete runs.delete_many",
    "runs.prune": "runs.prune run_retention",
    "settings": "settings.get settings.set settings.list settings.set_many"
    " settings.delete settings.reset",
    "secrets.status": "secrets.status",
    "secrets.initialize_unlock": "secrets.initialize secrets.unlock secrets.lock",
    "secrets.set_get_verify": "secrets.set secrets.get secrets.verify",
    "secrets.list_delete": "secrets.list secrets.delete",
    "secrets.change_passphrase": "secrets.change_passphrase",
    "secrets.add_remove_slot": "secrets.add_recovery secrets.add_keychain secrets.remove_slot",
    "secrets.rotate_rekey_reset": "secrets.rotate secrets.rekey secrets.reset",
    "audit.list_subscribe": "audit.list audit.subscribe audit.unsubscribe",
    "audit.verify": "audit.verify",
    "audit.export": "audit.export",
    "audit.prune": "audit.prune audit_pruned",
    "backups.create_list": "backups.create backups.list",
    "backups.verify_restore": "backups.verify backups.restore",
    "backups.delete": "backups.delete",
    "remotes.set_status_delete": "remotes.set remotes.status remotes.delete",
    "remotes.test": "remotes.test",
    "remotes.push": "remotes.push",
    "remotes.list_fetch": "remotes.list remotes.fetch",
    "remotes.verify": "remotes.verify",
    "discover": "rpc.discover",
    "backups.automatic": "backups",
    "remotes.automatic": "remotes",
    "secrets.automatic": "refusals secrets_rotate vault_lock vault_settle",
    "workflows.automatic": "revisions trash",
    "system.warnings": "warnings",
    "system.modules": "modules",
}

_MODULES: Final = {name: module for module, names in _DECLARED.items() for name in names.split()}

METHOD_MODULES: Final = {name: module for name, module in _MODULES.items() if "." in name}
"""The module of each method, in the order of the contract."""

CHORE_MODULES: Final = {name: module for name, module in _MODULES.items() if "." not in name}
"""The module of each chore."""

"""Calls of every method with the audit entries that each must write."""

from typing import Any, NamedTuple
from unittest.mock import ANY

from tests.made_workflows import flow

Told = tuple[str, str, dict[str, Any]]
"""Action, resource and details of an audit entry."""


class Act(NamedTuple):
    """The params of a call, and the audit entries that it must write."""

    params: dict[str, Any]
    entries: list[Told] = []  # noqa: RUF012 - the default of a tuple, never changed


def saved(workflow_id: str, revision: int, **more: int) -> Told:
    """Return the entry of a save."""
    details = {"revision": revision, "created": revision == 1, **more}
    return ("workflow_save", workflow_id, details)


def backed_up(reason: str) -> Told:
    """Return the entry of a backup."""
    sizes = {"database_bytes": ANY, "size_bytes": ANY}
    return ("backup_create", ANY, {"reason": reason, "secrets": "none", **sizes})


BACKUP = "sim_backup_20200101_000000.db.zst"
"""The name of a backup that is made before the calls."""

ACTS: dict[str, list[Act]] = {
    "workflows.save": [
        Act({"workflow": flow("new")}, [saved("new", 1)]),
        Act({"workflow": flow("w1", "other")}, [saved("w1", 3)]),
        Act({"workflow": flow("w2", tags=["old"])}),
    ],
    "workflows.save_many": [
        Act({"items": []}),
        Act(
            {"items": [{"workflow": flow("new")}, {"workflow": flow("w2", data=[2])}]},
            [saved("new", 1), saved("w2", 2)],
        ),
        Act(
            {
                "items": [{"workflow": flow("shelved")}, {"workflow": flow("new")}],
                "on_error": "skip",
            },
            [saved("new", 1)],
        ),
    ],
    "workflows.import": [
        Act({"items": []}),
        Act(
            {"items": [{"data": {"id": "i1", "nodes": [], "connections": {}}}]},
            [("workflow_import", "i1", {"revision": 1, "created": True})],
        ),
        Act({"items": [{"data": [1]}], "dry_run": True}),
    ],
    "workflows.update": [
        Act({"id": "w1", "tags": ["x"]}, [saved("w1", 3)]),
        Act({"id": "w1", "name": "n"}),
    ],
    "workflows.update_many": [
        Act({"ids": ["w1", "nobody", "shelved"]}),
        Act(
            {"ids": ["w1", "nobody", "shelved"], "archived": False, "add_tags": ["x"]},
            [saved("w1", 3), ("workflow_unarchive", "shelved", {}), saved("shelved", 2)],
        ),
    ],
    "workflows.duplicate": [Act({"id": "w1", "new_id": "copy"}, [saved("copy", 1)])],
    "workflows.revert": [
        Act({"id": "w1", "revision": 1}, [saved("w1", 3, reverted_to=1)]),
        Act({"id": "w1", "revision": 2}),
    ],
    "workflows.archive": [
        Act({"id": "w1"}, [("workflow_archive", "w1", {})]),
        Act({"id": "shelved"}),
    ],
    "workflows.unarchive": [
        Act({"id": "shelved"}, [("workflow_unarchive", "shelved", {})]),
        Act({"id": "w1"}),
    ],
    "workflows.delete": [
        Act({"id": "w1"}, [("workflow_delete", "w1", {"runs": 2, "revisions": 1})]),
    ],
    "workflows.delete_many": [
        Act({"ids": []}),
        Act(
            {"ids": ["w2", "nobody", "shelved"]},
            [
                ("workflow_delete", "w2", {"runs": 0, "revisions": 0}),
                ("workflow_delete", "shelved", {"runs": 0, "revisions": 0}),
            ],
        ),
    ],
    "workflows.rename_tag": [
        Act({"tag": "old", "new_tag": "x"}, [("tag_rename", "tags", {"workflows": 2})]),
        Act({"tag": "nowhere", "new_tag": "x"}),
    ],
    "runs.start": [Act({"workflow_id": "w1", "id": "r9"})],
    "runs.progress": [Act({"id": "going", "tokens_used": 3})],
    "runs.finish": [Act({"id": "going", "status": "success", "summary": [1]})],
    "runs.delete": [Act({"id": "ended"}, [("run_delete", "ended", {"workflow_id": "w1"})])],
    "runs.delete_many": [
        Act({"ids": []}),
        Act({"ids": ["ended", "nobody"]}, [("run_delete", "ended", {"workflow_id": "w1"})]),
    ],
    "settings.set": [
        Act({"key": "own", "value": 2}, [("settings_update", "own", {"keys": ["own"]})]),
        Act({"key": "own", "value": 1}),
    ],
    "settings.set_many": [
        Act(
            {"items": [{"key": "own", "value": 2}, {"key": "theme", "value": "dark"}]},
            [("settings_update", "*", {"keys": ["own", "theme"]})],
        ),
        Act({"items": [{"key": "own", "value": 1}]}),
    ],
    "settings.delete": [Act({"key": "own"}, [("settings_delete", "own", {})])],
    "settings.reset": [
        Act({"keys": ["canvas_grid_size"]}, [
            ("settings_update", "canvas_grid_size", {"keys": ["canvas_grid_size"]}),
        ]),
        Act({"keys": ["theme"]}),
    ],
    "system.check": [
        Act({}, [("check_findings", "database", {"findings": 1})]),
        Act({"full": True}, [("check_findings", "database", {"findings": 1})]),
    ],
    "secrets.initialize": [
        Act(
            {"passphrase": "open sesame"},
            [
                ("vault_initialize", "vault", {"kind": "passphrase"}),
                ("audit_sealed", "audit", {"through": ANY}),
            ],
        ),
        Act({"ephemeral": True}, [("vault_initialize", "vault", {"kind": "ephemeral"})]),
    ],
    "secrets.unlock": [
        Act(
            {"passphrase": "open sesame"},
            [("vault_unlock", "vault", {"slot": 1, "kind": "passphrase"})],
        ),
    ],
    "secrets.lock": [Act({}, [("vault_lock", "vault", {"by": "request"})])],
    "secrets.set": [
        Act({"provider": "new", "value": "v"}, [("key_update", "new", {"created": True})]),
        Act({"provider": "openai", "value": "v"}, [("key_update", "openai", {"created": False})]),
    ],
    "secrets.get": [Act({"provider": "openai"}, [("key_access", "openai", {})])],
    "secrets.verify": [
        Act({"provider": "openai", "value": "v"}, [("key_verify", "openai", {"matches": False})]),
    ],
    "secrets.delete": [Act({"provider": "openai"}, [("key_delete", "openai", {})])],
    "secrets.rotate": [Act({}, [("vault_rotate", "vault", {"resealed": 1})])],
    "secrets.rekey": [
        Act(
            {"passphrase": "open sesame"},
            [("vault_rekey", "vault", {"resealed": 1, "recovery_slots_ended": 1})],
        ),
    ],
    "secrets.change_passphrase": [
        Act(
            {"old_passphrase": "open sesame", "new_passphrase": "other"},
            [("passphrase_change", "vault", {"slot": 1, "proof": "passphrase"})],
        ),
    ],
    "secrets.add_keychain": [Act({}, [("slot_add", "vault", {"slot": 3, "kind": "keychain"})])],
    "secrets.reset": [Act({"losing": 1}, [("vault_reset", "vault", {"lost": 1})])],
    "secrets.add_recovery": [Act({}, [("slot_add", "vault", {"slot": 3, "kind": "recovery"})])],
    "secrets.remove_slot": [
        Act({"slot": 2}, [("slot_remove", "vault", {"slot": 2, "kind": "recovery"})]),
    ],
    "audit.prune": [
        Act({"keep_last": 500}),
        Act({"keep_last": 0}, [("audit_prune", "audit", {"from": 1, "to": ANY, "head": ANY})]),
    ],
    "workflows.export": [
        Act(
            {"path": "A PATH", "ids": ["w1"]},
            [
                (
                    "workflow_export",
                    "w1",
                    {"workflows": 1, "runs": 0, "credentials": 0, "redacted": False},
                )
            ],
        ),
    ],
    "audit.export": [
        Act(
            {"path": "A PATH"},
            [("audit_export", "audit", {"audit_entries": ANY, "signed": False})],
        ),
    ],
    "runs.pin": [Act({"id": "ended", "pinned": True})],
    "runs.prune": [
        Act({"keep_last": 0}, [("run_prune", "runs", {"runs": ANY})]),
        Act({"keep_last": 0, "dry_run": True}),
    ],
    "system.purge": [Act({})],
    "system.compact": [
        Act({}, [
            backed_up("compact"),
            ("compact", "database", {"before_bytes": ANY, "after_bytes": ANY}),
        ]),
    ],
    "system.recover": [
        Act({"dry_run": True}),
        Act({}, [("recover", "database", {"salvaged": ANY, "lost": 0, "from_backup": 0})]),
    ],
    "backups.create": [
        Act({"label": "mine"}, [backed_up("manual")]),
        Act({"include_secrets": True}, [backed_up("manual")]),
    ],
    "backups.verify": [
        Act({"name": BACKUP}),
        Act({"path": __file__}, [("backup_rejected", "file", {"reason": "not_a_backup"})]),
    ],
    "backups.delete": [Act({"name": BACKUP}, [("backup_delete", BACKUP, {})])],
    "backups.restore": [
        Act({"name": BACKUP}, [backed_up("restore"), ("restore", BACKUP, {
            "created_at": ANY, "from_seq": 0, "sha256": ANY, "safety_backup": ANY,
            "restored_secrets": "none",
        })]),
        Act({"name": BACKUP, "dry_run": True}),
    ],
    "remotes.set": [
        Act({"url": "A REMOTE", "name": "other"}, [("remote_set", "other", {"created": True})]),
        Act({"url": "A REMOTE"}, [("remote_set", "default", {"created": False})]),
    ],
    "remotes.delete": [Act({}, [("remote_delete", "default", {})])],
    "remotes.push": [
        Act({}, [
            ("backup_create", ANY, {
                "reason": "manual", "secrets": "sealed", "database_bytes": ANY, "size_bytes": ANY,
            }),
            ("remote_push", ANY, {"remote": "default", "size_bytes": ANY}),
        ]),
    ],
    "remotes.test": [Act({})],
    "remotes.fetch": [Act({"device": "A DEVICE", "n": 3})],
}  # fmt: skip
"""Calls of the methods that can change something; a call without entries must write none."""

REFUSED: dict[str, dict[str, Any]] = {
    "workflows.save": {"workflow": flow("w1"), "expected_revision": 9},
    "workflows.save_many": {"items": [{"workflow": flow("new")}, {"workflow": flow("shelved")}]},
    "workflows.update": {"id": "shelved", "name": "m"},
    "workflows.update_many": {"ids": ["w1"], "add_tags": ["x", "\0"]},
    "workflows.duplicate": {"id": "w1", "new_id": "w2"},
    "workflows.revert": {"id": "w1", "revision": 1, "expected_revision": 9},
    "workflows.archive": {"id": "nobody"},
    "workflows.unarchive": {"id": "nobody"},
    "workflows.delete": {"id": "nobody"},
    "workflows.rename_tag": {"tag": "old", "new_tag": "\0"},
    "workflows.export": {"path": __file__},
    "runs.delete": {"id": "nobody"},
    "settings.set": {"key": "schema_version", "value": 2},
    "settings.set_many": {
        "items": [{"key": "own", "value": 2}, {"key": "schema_version", "value": 2}]
    },
    "settings.delete": {"key": "nothing"},
    "settings.reset": {"keys": ["canvas_grid_size", "own"]},
    "backups.verify": {"name": "../test.db"},
    "backups.restore": {"name": "../test.db"},
    "backups.delete": {"name": "../test.db"},
    "remotes.set": {"url": "ftp://server"},
    "remotes.delete": {"name": "nothing"},
    "remotes.push": {"name": "nothing"},
}

READING = {
    "audit.list", "audit.subscribe", "audit.unsubscribe", "audit.verify",
    "backups.list", "remotes.list", "remotes.status", "remotes.verify", "rpc.discover",
    "runs.get", "runs.list", "runs.stats", "secrets.list", "secrets.status", "settings.get",
    "settings.list", "system.ping",
    "system.info", "system.stats", "system.shutdown", "workflows.get", "workflows.get_many",
    "workflows.list", "workflows.history", "workflows.diff", "workflows.tags",
    "workflows.categories", "workflows.search",
}  # fmt: skip
"""Calls of the methods that never change anything."""

"""Computes which shown data a program must read again after a change of the database.

schema/recipes.md shows the same steps line by line.
"""

from __future__ import annotations

from .client import BaseClient
from .contract import AuditEvent, Notification
from .wire import CALL_TIMEOUT_S

SECRET_ACTIONS = ("vault_", "slot_", "key_update", "key_delete", "passphrase_change")
HARMLESS_ACTIONS = (
    *("key_access", "key_verify", "unlock_failed", "access_refused", "workflow_export"),
    *("backup_", "audit_", "remote_", "compact", "check_findings"),
)
"""Prefixes of the audit actions that change the secrets, and of those that change nothing."""


class Stale:
    """The data that a program shows and must read again, according to the notifications so far.

    The program stores `seq` with the data that it shows. After a restart it calls `catch_up` with
    `seq`, reads the stale data (`workflows.get_many`, `runs.get`, `settings.get`,
    `secrets.status`), and then calls `take` for each notification. Ids that are not found were
    deleted. When `resume_after` is set, notifications were lost: call `catch_up` with its value.
    """

    def __init__(self, seq: int) -> None:
        """Start with nothing stale, at the audit entry `seq`."""
        self.seq = seq
        self.everything = False
        """Whether everything must be read again, including lists."""
        self.workflows: set[str] = set()
        self.runs: set[str] = set()
        self.all_runs = False
        """Whether any run may have changed: most changes of runs have no audit entries."""
        self.settings: set[str] = set()
        self.secrets = False
        self.resume_after: int | None = None

    def take(self, notification: Notification) -> None:
        """Process one notification."""
        if notification.method == "audit.event":
            self.seq = max(self.seq, notification.params["seq"])
            self._take_entry(notification.params)
        elif notification.method == "workflows.changed":
            self.workflows.add(notification.params["id"])
            self.all_runs |= notification.params["change"] == "deleted"
        elif notification.method == "runs.changed":
            self.runs.add(notification.params["id"])
        elif notification.method == "settings.changed":
            self.settings.update(item["key"] for item in notification.params["items"])
        elif notification.method == "secrets.changed":
            self.secrets = True
        elif notification.method == "system.restored":
            self.seq = notification.params["seq"]
            self.everything = True
        elif notification.method == "system.ready":
            head = notification.params["head"]
            self.all_runs = True
            self.everything |= head is not None and head["seq"] < self.seq
        elif notification.method == "audit.overflow":
            lost_after = notification.params["resume_after"]
            self.resume_after = min(lost_after, self.resume_after or lost_after)
            self.all_runs = True

    def _take_entry(self, entry: AuditEvent) -> None:
        """Process an audit entry; an unknown action makes everything stale."""
        action, resource = entry["action"], entry["resource"]
        if action.startswith(HARMLESS_ACTIONS):
            return
        if action.startswith(SECRET_ACTIONS):
            self.secrets = True
        elif action.startswith("settings_"):
            self.settings.update(entry["details"].get("keys", [resource]))
        elif action.startswith("run_"):
            self.all_runs = True
        elif action.startswith("workflow_") or action == "revision_prune":
            self.workflows.add(resource)
            self.all_runs |= action == "workflow_delete"  # there are no notifications for its runs
        else:
            self.everything = True


def catch_up(client: BaseClient, after: int, timeout: float = CALL_TIMEOUT_S) -> Stale:
    """Subscribe, and return what has become stale since the audit entry `after`.

    The notifications up to the end of the replay are taken from `client.events`.
    """
    stale = Stale(after)
    stale.all_runs = True
    answer = client.replay_after(after, timeout)
    if answer["pruned_through"] > after or answer["head"]["seq"] < after:
        stale.everything = True  # entries are missing, or this is another database
        stale.seq = answer["head"]["seq"]
    seen: set[int] = set()
    while len(seen) < answer["replayed"]:
        notification = client.events.get(timeout)
        if notification.method == "audit.event" and notification.params["seq"] > after:
            seen.add(notification.params["seq"])
        stale.take(notification)
    return stale

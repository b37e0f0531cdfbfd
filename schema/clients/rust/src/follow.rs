//! Which audit events were given, so that each is given exactly once and in order.

use crate::generated::{AuditSubscribeResult, Notification};
use crate::options::Stale;

/// The position up to which the audit log was followed.
#[derive(Default)]
pub(crate) struct Following {
    last_seq: Option<u64>,
    /// Whether events are skipped, because a subscription will replay them in order.
    catching_up: bool,
}

impl Following {
    /// Returns a following that continues after a number from an earlier session.
    pub(crate) fn after(last_seq: Option<u64>) -> Self {
        Self { last_seq, catching_up: last_seq.is_some() }
    }

    /// Records that the process has ended or that events were lost.
    pub(crate) fn interrupt(&mut self) {
        self.catching_up = true;
    }

    /// Returns the entry after which to catch up; none when no entry is known yet.
    pub(crate) fn resume_after(&mut self) -> Option<u64> {
        self.catching_up &= self.last_seq.is_some();
        self.last_seq
    }

    /// Records the newest entry at the first start.
    pub(crate) fn begin(&mut self, head: Option<u64>) {
        if self.last_seq.is_none() {
            self.last_seq = head;
            self.catching_up = false;
        }
    }

    /// Passes a notification to `give`, unless the host has it or a subscription will replay it;
    /// `give` returns whether it was accepted.
    pub(crate) fn take(&mut self, it: Notification, give: impl FnOnce(Notification) -> bool) {
        match &it {
            Notification::AuditEvent(event) => {
                let seq = event.seq;
                if self.catching_up || self.last_seq >= Some(seq) {
                    return;
                }
                if give(it) {
                    self.last_seq = Some(seq);
                } else {
                    self.catching_up = true;
                }
            }
            Notification::SystemRestored(restored) => {
                self.last_seq = Some(restored.seq);
                self.catching_up = false;
                give(it);
            }
            Notification::AuditOverflow(_) => {
                self.catching_up = true;
                give(it);
            }
            _ => {
                give(it);
            }
        }
    }

    /// Processes the answer of a subscription: later events are passed on.
    pub(crate) fn subscribed(&mut self, answer: &AuditSubscribeResult) -> Option<Stale> {
        self.catching_up = false;
        let last_seq = self.last_seq.unwrap_or_default();
        if answer.head.seq < last_seq {
            self.last_seq = Some(answer.head.seq);
            return Some(Stale::OtherDatabase);
        }
        (answer.pruned_through > last_seq).then_some(Stale::Pruned)
    }
}

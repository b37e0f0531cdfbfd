//! The queue between the reading thread and the thread that runs callbacks.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::connection::lock;
use crate::generated::{AuditOverflow, Notification};
use crate::options::{Stale, State};

/// Most notifications that are kept for a slow callback.
const WAITING_MAX: usize = 10_000;

/// An item to be passed to a callback.
pub(crate) enum Item {
    Notification(Notification),
    State(State),
    Runs(Vec<String>),
    Stale(Stale),
}

/// Items in their order. Past a number of them notifications are dropped, and one `audit.overflow`
/// takes their place, as the process itself does.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    lost: u64,
    last_seq: u64,
    closed: bool,
}

impl Queue {
    /// Adds a notification; false: it was dropped.
    pub(crate) fn offer(&self, notification: Notification) -> bool {
        let mut state = lock(&self.state);
        let droppable = !notification.method().starts_with("system.");
        if droppable && (state.lost > 0 || state.items.len() >= WAITING_MAX) {
            state.lost += 1;
            return false;
        }
        if let Notification::AuditEvent(event) = &notification {
            state.last_seq = event.seq;
        }
        state.items.push_back(Item::Notification(notification));
        self.changed.notify_one();
        true
    }

    /// Adds another item.
    pub(crate) fn push(&self, item: Item) {
        lock(&self.state).items.push_back(item);
        self.changed.notify_one();
    }

    /// Makes `pop` return none once the queue is empty.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_one();
    }

    /// Waits for the next item; none when the queue was closed.
    pub(crate) fn pop(&self) -> Option<Item> {
        let mut state = lock(&self.state);
        loop {
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            if state.lost > 0 {
                let overflow = AuditOverflow { lost: state.lost, resume_after: state.last_seq };
                state.lost = 0;
                return Some(Item::Notification(Notification::AuditOverflow(overflow)));
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

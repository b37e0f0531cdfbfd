//! The options and the callbacks of a supervisor.

use std::time::Duration;

use crate::client::{Client, CALL_TIMEOUT};
use crate::connection::guarded;
use crate::error::{CrashLoop, End};
use crate::events::Item;
use crate::generated::{AuditEvent, Notification, SystemReady};
use crate::launch::Launch;

/// The state of the process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum State {
    /// It is being started.
    Starting,
    /// It serves; secrets are unlocked and missed audit events are being sent.
    Ready(Box<SystemReady>),
    /// It has ended, and is started again after that time.
    Down {
        /// How it ended.
        end: End,
        /// When it is started again.
        retry_in: Duration,
    },
    /// It ended repeatedly, and is not started any more.
    GaveUp(Box<CrashLoop>),
    /// It was ended in order.
    Stopped(End),
}

impl State {
    /// Returns the name of the state.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready(_) => "ready",
            Self::Down { .. } => "down",
            Self::GaveUp(_) => "gave_up",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// Why everything must be read again: audit events cannot show what has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stale {
    /// Entries of the audit log were pruned before they could be replayed.
    Pruned,
    /// It is another database, or an older one.
    OtherDatabase,
    /// The database was replaced while the process served it.
    Restored,
}

/// How a supervisor starts the process, and its callbacks. All callbacks but `on_log` and
/// `unlock` run one after another in one thread, and may call methods.
pub struct Options {
    pub(crate) launch: Launch,
    pub(crate) after: Option<u64>,
    pub(crate) timeout: Duration,
    pub(crate) on_log: Box<dyn Fn(&str) + Send + Sync>,
    pub(crate) unlock: Box<dyn Fn(bool) -> Option<String> + Send + Sync>,
    pub(crate) callbacks: Callbacks,
}

type OnRuns = Box<dyn FnMut(Vec<String>, &Client) + Send>;

pub(crate) struct Callbacks {
    pub(crate) on_state: Box<dyn FnMut(&State) + Send>,
    pub(crate) on_event: Box<dyn FnMut(&AuditEvent) + Send>,
    pub(crate) on_notification: Box<dyn FnMut(&Notification) + Send>,
    pub(crate) on_runs: OnRuns,
    pub(crate) on_stale: Box<dyn FnMut(Stale) + Send>,
}

impl Callbacks {
    /// Calls the host back about an item.
    pub(crate) fn call(&mut self, client: &Client, item: Item) {
        match item {
            Item::Notification(Notification::AuditEvent(event)) => (self.on_event)(&event),
            Item::Notification(other) => {
                guarded(|| (self.on_notification)(&other));
                if matches!(other, Notification::SystemRestored(_)) {
                    (self.on_stale)(Stale::Restored);
                }
            }
            Item::State(state) => (self.on_state)(&state),
            Item::Runs(ids) => (self.on_runs)(ids, client),
            Item::Stale(stale) => (self.on_stale)(stale),
        }
    }
}

impl Options {
    /// Returns options without callbacks.
    pub fn new(launch: Launch) -> Self {
        Self {
            launch,
            after: None,
            timeout: CALL_TIMEOUT,
            on_log: Box::new(|_| {}),
            unlock: Box::new(|_| None),
            callbacks: Callbacks {
                on_state: Box::new(|_| {}),
                on_event: Box::new(|_| {}),
                on_notification: Box::new(|_| {}),
                on_runs: Box::new(|_, _| {}),
                on_stale: Box::new(|_| {}),
            },
        }
    }

    /// Sets the number of the newest audit entry that the host knows from before: the first start
    /// catches up from there.
    pub fn after(mut self, seq: u64) -> Self {
        self.after = Some(seq);
        self
    }

    /// Sets the time without an answer or progress after which a call or a start fails (30 s).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the callback for each line of stderr.
    pub fn on_log(mut self, callback: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_log = Box::new(callback);
        self
    }

    /// Sets the callback that returns the passphrase, or none, after a start with locked secrets.
    /// It is called again, with `true`, when the passphrase was wrong.
    pub fn unlock<F>(mut self, callback: F) -> Self
    where
        F: Fn(bool) -> Option<String> + Send + Sync + 'static,
    {
        self.unlock = Box::new(callback);
        self
    }

    /// Sets the callback for each change of the process's state.
    pub fn on_state(mut self, callback: impl FnMut(&State) + Send + 'static) -> Self {
        self.callbacks.on_state = Box::new(callback);
        self
    }

    /// Sets the callback for each audit event: exactly once and in order, also across restarts.
    pub fn on_event(mut self, callback: impl FnMut(&AuditEvent) + Send + 'static) -> Self {
        self.callbacks.on_event = Box::new(callback);
        self
    }

    /// Sets the callback for every other notification, in order with the audit events.
    pub fn on_notification(mut self, callback: impl FnMut(&Notification) + Send + 'static) -> Self {
        self.callbacks.on_notification = Box::new(callback);
        self
    }

    /// Sets the callback for the ids of the runs that an earlier process left running (the newest
    /// 100 of them): `runs().progress` resumes a run, `runs().finish` ends it.
    pub fn on_runs<F>(mut self, callback: F) -> Self
    where
        F: FnMut(Vec<String>, &Client) + Send + 'static,
    {
        self.callbacks.on_runs = Box::new(callback);
        self
    }

    /// Sets the callback that reads all shown data again.
    pub fn on_stale(mut self, callback: impl FnMut(Stale) + Send + 'static) -> Self {
        self.callbacks.on_stale = Box::new(callback);
        self
    }
}

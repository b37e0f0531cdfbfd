//! The host of a page without its window: it owns the process and passes lines between the two.
//!
//! The page speaks JSON-RPC as if it had the process itself. Its requests go through the client of
//! Rust under numbers of their own; their answers and all notifications come back as lines.

#![warn(missing_docs)]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::Value;
use sim_sidecar_client::{
    body, Client, Launch, Notification, Options, Reply, Started, State, Supervisor,
};

/// What the page is told.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// A process serves: lines can be sent.
    Open,
    /// A line of the process.
    Line {
        /// The line, without its end.
        line: String,
    },
    /// The process went: what was sent and not answered has no answer.
    Closed {
        /// Why, for people.
        reason: String,
        /// Whether it is started again.
        again: bool,
    },
}

/// The process and the page.
pub struct Host {
    supervisor: Result<Supervisor, String>,
    page: Arc<Page>,
}

#[derive(Default)]
struct Page {
    seen: Mutex<Seen>,
    requests: Mutex<HashMap<String, Started>>,
}

#[derive(Default)]
struct Seen {
    tell: Option<Box<dyn Fn(Message) + Send>>,
    open: bool,
    /// Notifications of a process that came before calls are let through to it.
    early: Vec<Message>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    method: String,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Cancel<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
}

impl Host {
    /// Starts the process for a database; the folder `sim-sidecar` is looked for in `resources`.
    ///
    /// A start that fails is told to the page.
    pub fn start(resources: &Path, database: &Path) -> Self {
        let launch = Launch::lookup_in([resources]).database(database);
        let page = Arc::new(Page::default());
        let (states, events, others) = (Arc::clone(&page), Arc::clone(&page), Arc::clone(&page));
        let options = Options::new(launch)
            .on_log(|line| eprintln!("sim-sidecar: {line}"))
            .on_state(move |state| states.take_state(state))
            .on_event(move |event| events.take(&Notification::AuditEvent(event.clone())))
            .on_notification(move |notification| others.take(notification));
        Self { supervisor: Supervisor::start(options).map_err(|error| error.to_string()), page }
    }

    /// Tells a page, from now on, what comes from the process; a page before it is told no more.
    pub fn attach(&self, tell: impl Fn(Message) + Send + 'static) {
        let mut seen = lock(&self.page.seen);
        if let Err(reason) = &self.supervisor {
            tell(Message::Closed { reason: reason.clone(), again: false });
        } else if seen.open {
            tell(Message::Open);
        }
        seen.tell = Some(Box::new(tell));
    }

    /// Sends a line of the page to the process.
    pub fn send(&self, line: &str) -> Result<(), String> {
        let request: Request<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let none = body(&serde_json::json!({})).map_err(|error| error.to_string())?;
        let params = request.params.unwrap_or(&none);
        if request.method == "$/cancelRequest" {
            let cancel: Cancel<'_> =
                serde_json::from_str(params.get()).map_err(|error| error.to_string())?;
            if let Some(started) = lock(&self.page.requests).get(cancel.id.get()) {
                started.cancel();
            }
            return Ok(());
        }
        let id = request.id.ok_or("it is no request")?.get().to_owned();
        let supervisor = self.supervisor.as_ref().map_err(Clone::clone)?;
        self.page.start(&supervisor.client(), id, &request.method, params);
        Ok(())
    }

    /// Ends the process in order, and waits until it has ended.
    pub fn stop(&self) {
        if let Ok(supervisor) = &self.supervisor {
            supervisor.stop();
        }
    }
}

impl Page {
    fn start(self: &Arc<Self>, client: &Client, id: String, method: &str, params: &RawValue) {
        let done = Arc::new(AtomicBool::new(false));
        let (page, number, answered) = (Arc::clone(self), id.clone(), Arc::clone(&done));
        let started = client.start(method, params, move |reply| {
            if page.answer(&number, reply) {
                answered.store(true, Ordering::Release);
                lock(&page.requests).remove(&number);
            }
        });
        lock(&self.requests).insert(id.clone(), started);
        if done.load(Ordering::Acquire) {
            lock(&self.requests).remove(&id); // it was answered before it was entered
        }
    }

    /// Gives the page a reply under the page's number; returns whether it is the last one.
    fn answer(&self, id: &str, reply: Reply) -> bool {
        let line = match reply {
            Reply::Progress(params) => {
                let mut params: BTreeMap<String, Value> =
                    serde_json::from_str(params.get()).unwrap_or_default();
                params.insert("id".to_owned(), serde_json::from_str(id).unwrap_or_default());
                let params = serde_json::json!(params);
                let line =
                    format!(r#"{{"jsonrpc":"2.0","method":"$/progress","params":{params}}}"#);
                lock(&self.seen).tell(Message::Line { line });
                return false;
            }
            Reply::Result(it) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{it}}}"#),
            Reply::Error(it) => format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{it}}}"#),
            Reply::Lost(_) => return true, // `Closed` tells the page of all that was lost
        };
        lock(&self.seen).tell(Message::Line { line });
        true
    }

    fn take(&self, notification: &Notification) {
        if let Ok(line) = notification.to_message() {
            let mut seen = lock(&self.seen);
            if seen.open {
                seen.tell(Message::Line { line });
            } else {
                seen.early.push(Message::Line { line });
            }
        }
    }

    fn take_state(&self, state: &State) {
        let message = match state {
            State::Ready(_) => Message::Open,
            State::Down { end, .. } => Message::Closed { reason: end.to_string(), again: true },
            State::GaveUp(crash) => {
                Message::Closed { reason: crash.last.to_string(), again: false }
            }
            State::Stopped(end) => Message::Closed { reason: end.to_string(), again: false },
            _ => return,
        };
        let mut seen = lock(&self.seen);
        seen.open = message == Message::Open;
        seen.tell(message);
        if seen.open {
            std::mem::take(&mut seen.early).into_iter().for_each(|early| seen.tell(early));
        }
    }
}

impl Seen {
    fn tell(&self, message: Message) {
        if let Some(tell) = &self.tell {
            tell(message);
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

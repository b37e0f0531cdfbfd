//! Calls of methods, with a time-out, progress and a way to cancel.

use std::sync::mpsc::{channel, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::value::{to_raw_value, RawValue};

use crate::connection::{guarded, lock, Connection, Reply, Sink, Started};
use crate::error::{ConnectionLost, End, Error, Result, StartFailure};
use crate::events::{Item, Queue};
use crate::generated::{Notification, Progress, SidecarError, SystemReady, LONG, PROTOCOL_VERSION};
use crate::launch::Launch;

/// Time without an answer or progress after which a call times out.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that the process has to end in order before it is killed.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls the methods of a process. Clones share the process; the last one closes its stdin.
///
/// It can be used from several threads at once.
#[derive(Clone)]
pub struct Client {
    link: Arc<Link>,
    options: CallOptions,
}

/// How a call is made; see [`Client::with`].
#[derive(Clone)]
pub struct CallOptions {
    timeout: Duration,
    cancel: Option<CancelToken>,
    on_progress: Option<OnProgress>,
}

type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

impl Default for CallOptions {
    fn default() -> Self {
        Self { timeout: CALL_TIMEOUT, cancel: None, on_progress: None }
    }
}

impl CallOptions {
    /// Returns the default options: a time-out of 30 seconds without an answer or progress.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time without an answer or progress after which the call times out.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the token that cancels the call.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// Sets the callback for the progress of a long method; it runs in the thread of the call.
    pub fn on_progress(mut self, callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(callback));
        self
    }
}

/// Cancels the calls that use it. Only long methods can be cancelled; they then fail with
/// [`SidecarError::Cancelled`], or give their result when they were done.
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Mutex<Cancelling>>);

#[derive(Default)]
struct Cancelling {
    cancelled: bool,
    calls: Vec<Started>,
}

impl CancelToken {
    /// Returns a new token.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels all calls that use the token, and those that will use it.
    pub fn cancel(&self) {
        let calls = {
            let mut state = lock(&self.0);
            state.cancelled = true;
            std::mem::take(&mut state.calls)
        };
        calls.iter().for_each(Started::cancel);
    }

    fn add(&self, call: &Started) {
        let mut state = lock(&self.0);
        if state.cancelled {
            drop(state);
            call.cancel();
        } else {
            state.calls.push(call.clone());
        }
    }

    fn remove(&self, call: &Started) {
        lock(&self.0).calls.retain(|each| !each.is(call));
    }
}

/// The current process, which all clones of a client share.
#[derive(Default)]
pub(crate) struct Link {
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<Arc<Connection>>,
    ready: Option<SystemReady>,
    last_end: End,
    /// Whether another link owns the process, and ends it.
    borrowed: bool,
}

impl Link {
    pub(crate) fn set(&self, connection: Arc<Connection>, ready: SystemReady) {
        let mut current = lock(&self.current);
        current.connection = Some(connection);
        current.ready = Some(ready);
    }

    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        lock(&self.current).connection.clone()
    }

    pub(crate) fn clear(&self, end: End) {
        let mut current = lock(&self.current);
        current.connection = None;
        current.ready = None;
        current.last_end = end;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let current = lock(&self.current);
        if let Some(connection) = current.connection.as_ref().filter(|_| !current.borrowed) {
            connection.close_stdin();
        }
    }
}

impl Client {
    /// Starts a process and waits until it serves. `on_notification` runs in a thread of its own,
    /// and may call methods. When it takes too long, notifications are dropped and an
    /// `audit.overflow` reports that.
    pub fn spawn<F>(launch: &Launch, on_notification: F) -> Result<Self>
    where
        F: FnMut(Notification) + Send + 'static,
    {
        let queue = Arc::new(Queue::default());
        let (signs, ready) = channel();
        let sink = ClientSink { queue: Arc::clone(&queue), signs: Mutex::new(signs) };
        let connection = Connection::open(launch, Arc::new(sink))?;
        let mut on_notification = on_notification;
        thread::spawn(move || {
            while let Some(item) = queue.pop() {
                if let Item::Notification(notification) = item {
                    guarded(|| on_notification(notification));
                }
            }
        });
        let ready = wait_ready(&connection, &ready, CALL_TIMEOUT, || false)?;
        let client = Self::over(Arc::default());
        client.link.set(connection, ready);
        Ok(client)
    }

    pub(crate) fn over(link: Arc<Link>) -> Self {
        Self { link, options: CallOptions::default() }
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Returns a client for a process that another client owns.
    pub(crate) fn of(connection: &Arc<Connection>, ready: &SystemReady) -> Self {
        let client = Self::over(Arc::default());
        client.link.set(Arc::clone(connection), ready.clone());
        lock(&client.link.current).borrowed = true;
        client
    }

    /// Returns the same client with other options for its calls.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { link: Arc::clone(&self.link), options }
    }

    /// Returns the params of `system.ready`; none while there is no process.
    pub fn ready(&self) -> Option<SystemReady> {
        lock(&self.link.current).ready.clone()
    }

    /// Calls a method and waits for its result. The functions of the nouns, such as
    /// `client.workflows().get(...)`, are easier to use.
    pub fn call<R: DeserializeOwned>(&self, method: &str, params: &impl Serialize) -> Result<R> {
        let result = self.call_raw(method, &to_raw_value(params)?)?;
        Ok(serde_json::from_str(result.get())?)
    }

    /// Calls a method with params that are JSON, and returns its result as JSON.
    pub fn call_raw(&self, method: &str, params: &RawValue) -> Result<Box<RawValue>> {
        let (replies, received) = channel();
        let started = self.start(method, params, move |reply| {
            let _ = replies.send(reply); // an error: the call has timed out
        });
        let cancel = self.options.cancel.as_ref();
        if let Some(token) = cancel {
            token.add(&started);
        }
        let result = loop {
            match received.recv_timeout(self.options.timeout) {
                Ok(Reply::Progress(params)) => self.tell(&params),
                Ok(Reply::Result(result)) => break Ok(result),
                Ok(Reply::Error(error)) => {
                    break Err(Error::Sidecar(Box::new(SidecarError::decode(&error))));
                }
                Ok(Reply::Lost(lost)) => break Err(Error::ConnectionLost(Box::new(lost))),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    if LONG.contains(&method) {
                        started.cancel();
                    }
                    started.forget();
                    let after = self.options.timeout;
                    break Err(Error::CallTimeout { method: method.to_owned(), after });
                }
            }
        };
        if let Some(token) = cancel {
            token.remove(&started);
        }
        result
    }

    /// Sends a request and returns at once. Its replies are passed to `on_reply`, which runs in the
    /// reading thread, and therefore must not wait for another answer.
    pub fn start<F>(&self, method: &str, params: &RawValue, on_reply: F) -> Started
    where
        F: FnMut(Reply) + Send + 'static,
    {
        let mut on_reply = on_reply;
        let current = lock(&self.link.current);
        let Some(connection) = current.connection.clone() else {
            let lost = ConnectionLost { may_have_run: false, end: current.last_end.clone() };
            drop(current);
            on_reply(Reply::Lost(lost));
            return Started::unsent();
        };
        drop(current);
        connection.start(method, params, on_reply)
    }

    /// Ends the process in order, kills it after ten seconds, and returns how it ended.
    ///
    /// A process that a supervisor has started is ended by the supervisor.
    pub fn close(&self) -> End {
        let Some(connection) = self.link.connection() else {
            return lock(&self.link.current).last_end.clone();
        };
        let end = end_in_order(&connection);
        self.link.clear(end.clone());
        end
    }

    fn tell(&self, params: &RawValue) {
        if let Some(on_progress) = &self.options.on_progress {
            if let Ok(progress) = serde_json::from_str(params.get()) {
                on_progress(&progress);
            }
        }
    }
}

/// Asks the process to end, waits, and kills it when it takes too long.
pub(crate) fn end_in_order(connection: &Arc<Connection>) -> End {
    let none = RawValue::from_string("{}".to_owned()).expect("it is JSON");
    connection.start("system.shutdown", &none, |_| {});
    connection.wait_end(CLOSE_TIMEOUT).unwrap_or_else(|| {
        connection.kill();
        connection.wait_end(CLOSE_TIMEOUT).unwrap_or_default()
    })
}

/// A sign of life from a starting process.
pub(crate) enum Sign {
    /// It makes progress.
    Starting,
    /// It is ready.
    Ready(Box<SystemReady>),
    /// It has ended.
    Ended(End),
}

impl Sign {
    /// Returns the sign that a notification is.
    pub(crate) fn of(notification: &Notification) -> Option<Self> {
        match notification {
            Notification::SystemStarting(_) => Some(Self::Starting),
            Notification::SystemReady(ready) => Some(Self::Ready(ready.clone())),
            _ => None,
        }
    }
}

/// Waits until a process is ready, as long as it makes progress; kills it when it is not wanted.
pub(crate) fn wait_ready(
    connection: &Arc<Connection>,
    signs: &std::sync::mpsc::Receiver<Sign>,
    timeout: Duration,
    unwanted: impl Fn() -> bool,
) -> Result<SystemReady> {
    const LOOK: Duration = Duration::from_millis(50);
    let mut last_sign = Instant::now();
    let refused = loop {
        match signs.recv_timeout(LOOK) {
            Ok(Sign::Starting) => last_sign = Instant::now(),
            Ok(Sign::Ready(ready)) if major(&ready.protocol_version) == major(PROTOCOL_VERSION) => {
                return Ok(*ready);
            }
            Ok(Sign::Ready(ready)) => {
                break format!(
                    "it speaks protocol {}, not {PROTOCOL_VERSION}",
                    ready.protocol_version
                );
            }
            Ok(Sign::Ended(end)) => {
                return Err(Error::StartFailed(Box::new(StartFailure::of(end))));
            }
            Err(_) if unwanted() => {
                let end = end_in_order(connection);
                return Err(Error::StartFailed(Box::new(StartFailure::of(end))));
            }
            Err(_) if last_sign.elapsed() > timeout => {
                break format!("it was not ready within {timeout:?}");
            }
            Err(_) => {}
        }
    };
    connection.kill();
    let end = connection.wait_end(CLOSE_TIMEOUT).unwrap_or_default();
    Err(Error::StartFailed(Box::new(StartFailure::refused(refused, end))))
}

fn major(version: &str) -> Option<&str> {
    version.split('.').next()
}

struct ClientSink {
    queue: Arc<Queue>,
    signs: Mutex<std::sync::mpsc::Sender<Sign>>,
}

impl Sink for ClientSink {
    fn notification(&self, notification: Notification) {
        if let Some(sign) = Sign::of(&notification) {
            let _ = lock(&self.signs).send(sign); // an error: the start has ended
        }
        self.queue.offer(notification);
    }

    fn log(&self, _line: &str) {}

    fn ended(&self, end: &End) {
        let _ = lock(&self.signs).send(Sign::Ended(end.clone()));
        self.queue.close();
    }
}

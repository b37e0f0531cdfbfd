//! Keeps a process running: starts it, starts it again when it has ended, and stops it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::value::to_raw_value;

use crate::client::{end_in_order, wait_ready, Client, Link, Sign};
use crate::connection::{guarded, lock, Connection, Reply, Sink};
use crate::error::{CrashLoop, End, Error, Result, StartFailure};
use crate::events::{Item, Queue};
use crate::follow::Following;
use crate::generated::{
    AuditSubscribeParams, Notification, ReadyMode, SecretsState, SecretsUnlockParams, SystemReady,
};
use crate::launch::Launch;
use crate::options::{Callbacks, Options, State};

/// The time before the process is started again; each further end in a row doubles it.
const BACK_OFF: Duration = Duration::from_millis(250);
/// The longest time before the process is started again.
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
/// An end before the process has served for this time counts towards a crash loop.
const SOON: Duration = Duration::from_secs(10);
/// The wait before a failed subscription to audit events is repeated.
const SUBSCRIBE_AGAIN: Duration = Duration::from_secs(1);
/// The interval at which the process is checked while the host is asked for a passphrase.
const LOOK: Duration = Duration::from_millis(50);
/// The number of such ends in a row after which the supervisor gives up.
const ENDS_MAX: u32 = 5;

/// Keeps a process running. Its client stays valid across restarts of the process.
pub struct Supervisor {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

enum Control {
    /// The process of this start has ended.
    Ended(u64, End),
    /// Notifications were lost: the audit events among them must be sent again.
    Resubscribe,
    /// The process could not serve a subscription.
    SubscribeAgain,
    Stop,
}

struct Shared {
    launch: Launch,
    timeout: Duration,
    on_log: Box<dyn Fn(&str) + Send + Sync>,
    unlock: Box<dyn Fn(bool) -> Option<String> + Send + Sync>,
    control: Sender<Control>,
    client: Client,
    link: Arc<Link>,
    queue: Queue,
    following: Mutex<Following>,
    /// When the process has confirmed the subscription to audit events.
    serves_since: Mutex<Option<Instant>>,
    starts: AtomicU64,
    stopping: AtomicBool,
}

impl Supervisor {
    /// Starts the process and waits until it is ready; a first start that fails is not repeated.
    pub fn start(options: Options) -> Result<Self> {
        let link = Arc::new(Link::default());
        let (control, orders) = channel();
        let shared = Arc::new(Shared {
            launch: options.launch,
            timeout: options.timeout,
            on_log: options.on_log,
            unlock: options.unlock,
            control,
            client: Client::over(Arc::clone(&link)).timeout(options.timeout),
            link,
            queue: Queue::default(),
            following: Mutex::new(Following::after(options.after)),
            serves_since: Mutex::default(),
            starts: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        });
        let caller = thread::spawn({
            let shared = Arc::clone(&shared);
            move || call_back(&shared, options.callbacks)
        });
        shared.queue.push(Item::State(State::Starting));
        if let Err(error) = shared.start_once() {
            let end = match &error {
                Error::StartFailed(failure) => failure.end.clone(),
                _ => End::default(),
            };
            shared.queue.push(Item::State(State::Stopped(end)));
            shared.queue.close();
            let _ = caller.join(); // an error: it has panicked, which was printed
            return Err(error);
        }
        let keeper = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let end = shared.keep(&orders);
                shared.queue.push(Item::State(State::Stopped(end)));
                shared.queue.close();
            }
        });
        Ok(Self { shared, threads: Mutex::new(vec![keeper, caller]) })
    }

    /// Returns the client. While there is no process, its calls fail at once.
    pub fn client(&self) -> Client {
        self.shared.client.clone()
    }

    /// Ends the process in order and waits for it, and until all callbacks have returned.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        let _ = self.shared.control.send(Control::Stop); // an error: it was stopped before
        for each in std::mem::take(&mut *lock(&self.threads)) {
            if each.thread().id() != thread::current().id() {
                let _ = each.join(); // an error: a callback has panicked, which was printed
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Starts the process again whenever it has ended, until it is to stop, and returns its end.
    fn keep(self: &Arc<Self>, orders: &Receiver<Control>) -> End {
        let (mut ends, mut back_off) = (0, BACK_OFF);
        let mut last = match self.serve(orders) {
            Ok(end) => StartFailure::of(end),
            Err(end) => return end,
        };
        loop {
            if lock(&self.serves_since).is_some_and(|since| since.elapsed() >= SOON) {
                (ends, back_off) = (0, BACK_OFF);
            } else {
                ends += 1;
            }
            if ends >= ENDS_MAX {
                let end = last.end.clone();
                let crash = CrashLoop { ends, last };
                self.queue.push(Item::State(State::GaveUp(Box::new(crash))));
                while !matches!(orders.recv(), Ok(Control::Stop) | Err(_)) {}
                return end;
            }
            let down = State::Down { end: last.end.clone(), retry_in: back_off };
            self.queue.push(Item::State(down));
            if self.rest(back_off, orders) {
                return last.end;
            }
            back_off = BACK_OFF_MAX.min(back_off * 2);
            self.queue.push(Item::State(State::Starting));
            last = match self.start_once() {
                Ok(()) => match self.serve(orders) {
                    Ok(end) => StartFailure::of(end),
                    Err(end) => return end,
                },
                Err(Error::StartFailed(failure)) if self.stopping() => return failure.end,
                Err(Error::StartFailed(failure)) => *failure,
                Err(error) => {
                    self.log(&error.to_string());
                    StartFailure::of(End { exit_code: None, stderr_tail: error.to_string() })
                }
            };
        }
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn log(&self, line: &str) {
        guarded(|| (self.on_log)(line));
    }

    /// Waits while the process serves. `Ok`: it has ended by itself; `Err`: it was to be stopped.
    fn serve(self: &Arc<Self>, orders: &Receiver<Control>) -> Result<End, End> {
        let mut subscribe_at: Option<Instant> = None;
        loop {
            let order = match subscribe_at {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => orders.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match order {
                Ok(Control::Ended(start, end)) => {
                    if start != self.starts.load(Ordering::Acquire) {
                        continue; // of an earlier start, which has failed
                    }
                    self.link.clear(end.clone());
                    return if self.stopping() { Err(end) } else { Ok(end) };
                }
                Ok(Control::SubscribeAgain) => {
                    subscribe_at = Some(Instant::now() + SUBSCRIBE_AGAIN)
                }
                Ok(Control::Resubscribe) | Err(RecvTimeoutError::Timeout) => {
                    subscribe_at = None;
                    lock(&self.following).interrupt();
                    if let Some(connection) = self.link.connection() {
                        self.subscribe(&connection);
                    }
                }
                Ok(Control::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    let end = self.link.connection().map(|it| end_in_order(&it));
                    let end = end.unwrap_or_default();
                    self.link.clear(end.clone());
                    return Err(end);
                }
            }
        }
    }

    /// Waits before the next start; true: it is to stop.
    fn rest(&self, back_off: Duration, orders: &Receiver<Control>) -> bool {
        let deadline = Instant::now() + back_off;
        loop {
            match orders.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Control::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return self.stopping(),
            }
        }
    }

    /// Starts the process, unlocks, catches up, and allows calls.
    fn start_once(self: &Arc<Self>) -> Result<()> {
        let (signs, received) = channel();
        lock(&self.following).interrupt();
        let start = self.starts.fetch_add(1, Ordering::AcqRel) + 1;
        let sink = SupervisorSink { shared: Arc::clone(self), start, signs: Mutex::new(signs) };
        let connection = Connection::open(&self.launch, Arc::new(sink))?;
        *lock(&self.serves_since) = None;
        let ready = wait_ready(&connection, &received, self.timeout, || self.stopping())?;
        let prepared = self.prepare(&connection, &ready);
        self.link.set(connection, ready.clone());
        if !prepared {
            return Ok(()); // `serve` learns of the end
        }
        let runs = ready.runs_interrupted_ids.clone();
        self.queue.push(Item::State(State::Ready(Box::new(ready))));
        if !runs.is_empty() {
            self.queue.push(Item::Runs(runs));
        }
        Ok(())
    }

    /// Catches up with the audit log and unlocks the secrets; false: the process ended meanwhile.
    fn prepare(self: &Arc<Self>, connection: &Arc<Connection>, ready: &SystemReady) -> bool {
        if ready.mode == ReadyMode::Rescue {
            *lock(&self.serves_since) = Some(Instant::now());
        } else {
            self.subscribe(connection);
        }
        if ready.secrets != SecretsState::Locked {
            return true;
        }
        let (shared, client) = (Arc::clone(self), Client::of(connection, ready));
        let waiting = thread::current();
        let unlocking = thread::spawn(move || {
            if let Err(error) = shared.unlock_with(&client) {
                shared.log(&format!("after the start: {error}"));
            }
            waiting.unpark();
        });
        let serves = || !self.stopping() && connection.wait_end(Duration::ZERO).is_none();
        while !unlocking.is_finished() && serves() {
            thread::park_timeout(LOOK);
        }
        unlocking.is_finished()
    }

    /// Unlocks the secrets with the passphrase of the host, if it has one.
    fn unlock_with(&self, client: &Client) -> Result<()> {
        let mut wrong = false;
        while let Some(passphrase) = (self.unlock)(wrong) {
            let params = SecretsUnlockParams::new().passphrase(passphrase);
            match client.secrets().unlock(params) {
                Err(Error::Sidecar(error)) if error.slug() == "wrong_passphrase" => wrong = true,
                unlocked => return unlocked.map(|_| ()),
            }
        }
        Ok(())
    }

    /// Asks for the entries after the last one that was given; those that come before the answer
    /// are passed over, for they are sent again after it.
    fn subscribe(self: &Arc<Self>, connection: &Arc<Connection>) {
        let mut params = AuditSubscribeParams::new();
        params.after = lock(&self.following).resume_after();
        let Ok(params) = to_raw_value(&params) else { return };
        let shared = Arc::clone(self);
        connection.start("audit.subscribe", &params, move |reply| match reply {
            Reply::Result(answer) => {
                lock(&shared.serves_since).get_or_insert_with(Instant::now);
                if let Ok(answer) = serde_json::from_str(answer.get()) {
                    if let Some(stale) = lock(&shared.following).subscribed(&answer) {
                        shared.queue.push(Item::Stale(stale));
                    }
                }
            }
            Reply::Error(_) => {
                let _ = shared.control.send(Control::SubscribeAgain); // an error: it has given up
            }
            Reply::Progress(_) | Reply::Lost(_) => {}
        });
    }
}

/// What a process of one start sends.
struct SupervisorSink {
    shared: Arc<Shared>,
    start: u64,
    signs: Mutex<Sender<Sign>>,
}

impl Sink for SupervisorSink {
    fn notification(&self, notification: Notification) {
        if let Notification::SystemReady(ready) = &notification {
            lock(&self.shared.following).begin(ready.head.as_ref().map(|head| head.seq));
        }
        if let Some(sign) = Sign::of(&notification) {
            let _ = lock(&self.signs).send(sign); // an error: the start has ended
        }
        let queue = &self.shared.queue;
        lock(&self.shared.following).take(notification, |it| queue.offer(it));
    }

    fn log(&self, line: &str) {
        self.shared.log(line);
    }

    fn ended(&self, end: &End) {
        let _ = lock(&self.signs).send(Sign::Ended(end.clone()));
        let _ = self.shared.control.send(Control::Ended(self.start, end.clone()));
    }
}

/// Runs the callbacks of the host, in a thread of its own, until the queue is closed.
fn call_back(shared: &Shared, mut callbacks: Callbacks) {
    while let Some(item) = shared.queue.pop() {
        let overflow = matches!(&item, Item::Notification(Notification::AuditOverflow(_)));
        // A callback that panics has printed the reason; later items are passed on nevertheless.
        guarded(|| callbacks.call(&shared.client, item));
        if overflow {
            let _ = shared.control.send(Control::Resubscribe); // an error: it has given up
        }
    }
}

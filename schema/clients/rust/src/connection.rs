//! One process: its pipes, the calls that wait for an answer, and how it ends.
//!
//! It has three threads. One writes, so that a process which does not read cannot block a caller
//! longer than its time-out; one reads stdout, settles calls and forwards notifications; one reads
//! stderr.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{ConnectionLost, End, Result};
use crate::generated::Notification;
use crate::launch::Launch;

/// Number of the last lines of stderr that are kept, to show why a process has ended.
const STDERR_LINES: usize = 200;
/// Length at which a line of stderr is cut, so that a line without end does not fill the memory.
const STDERR_LINE_BYTES: u64 = 65_536;
/// Length up to which a line that is not a message is logged.
const NO_MESSAGE_BYTES: usize = 200;
/// How long a process may still run after it has closed its stdout.
const END_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the thread of stderr may take to read what is left of it.
const STDERR_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval at which the end of a process is checked.
const POLL: Duration = Duration::from_millis(2);

/// A reply to a request: progress, any number of times, and then one of the others, once.
#[derive(Debug)]
pub enum Reply {
    /// The params of a `$/progress`.
    Progress(Box<RawValue>),
    /// The result.
    Result(Box<RawValue>),
    /// The error object that the process has answered.
    Error(Box<RawValue>),
    /// There is no answer, because the process has ended.
    Lost(ConnectionLost),
}

/// Receives the notifications of a process, and the lines that it writes to stderr.
pub(crate) trait Sink: Send + Sync {
    /// Takes a notification; the reading thread calls it, which must not wait for an answer.
    fn notification(&self, notification: Notification);
    /// Takes a line of stderr.
    fn log(&self, line: &str);
    /// Called when the process has ended and every call is settled.
    fn ended(&self, end: &End);
}

type OnReply = Arc<Mutex<dyn FnMut(Reply) + Send>>;

/// One process.
pub(crate) struct Connection {
    calls: Mutex<Calls>,
    to_write: Mutex<Option<Sender<Vec<u8>>>>,
    child: Mutex<Child>,
    tail: Mutex<VecDeque<String>>,
}

#[derive(Default)]
struct Calls {
    last_id: u64,
    waiting: HashMap<u64, Waiting>,
    end: Option<End>,
}

/// A request that has no answer yet.
struct Waiting {
    length: usize,
    on_reply: OnReply,
}

/// A request that was sent.
#[derive(Clone)]
pub struct Started {
    connection: Weak<Connection>,
    id: u64,
}

impl Started {
    /// Returns a request that could not be sent.
    pub(crate) fn unsent() -> Self {
        Self { connection: Weak::new(), id: 0 }
    }

    /// Cancels the request: it is answered once, with the error `cancelled` or with its result.
    /// Only long methods can be cancelled.
    pub fn cancel(&self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.cancel(self.id);
        }
    }

    /// Stops waiting for the request: its replies are dropped.
    pub fn forget(&self) {
        if let Some(connection) = self.connection.upgrade() {
            lock(&connection.calls).waiting.remove(&self.id);
        }
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id == other.id && self.connection.ptr_eq(&other.connection)
    }
}

#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ProgressId {
    id: Option<u64>,
}

impl Connection {
    /// Starts a process, which is not ready yet.
    pub(crate) fn open(launch: &Launch, sink: Arc<dyn Sink>) -> Result<Arc<Self>> {
        let mut child = launch.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            unreachable!("all three are pipes")
        };
        let (to_write, lines) = channel();
        let connection = Arc::new(Self {
            calls: Mutex::default(),
            to_write: Mutex::new(Some(to_write)),
            child: Mutex::new(child),
            tail: Mutex::default(),
        });
        let (drained, stderr_end) = channel();
        let (same, log) = (Arc::clone(&connection), Arc::clone(&sink));
        thread::spawn(move || same.drain(stderr, log.as_ref(), &drained));
        thread::spawn(move || write(stdin, &lines));
        let same = Arc::clone(&connection);
        thread::spawn(move || {
            same.read(stdout, sink.as_ref());
            let _ = stderr_end.recv_timeout(STDERR_TIMEOUT); // an error: the thread has ended
            sink.ended(&same.finish());
        });
        Ok(connection)
    }

    /// Sends a request; `on_reply` runs in the reading thread, or here when the process has ended.
    pub(crate) fn start<F>(
        self: &Arc<Self>,
        method: &str,
        params: &RawValue,
        on_reply: F,
    ) -> Started
    where
        F: FnMut(Reply) + Send + 'static,
    {
        let mut on_reply = on_reply;
        let mut calls = lock(&self.calls);
        if let Some(end) = calls.end.clone() {
            drop(calls);
            on_reply(Reply::Lost(ConnectionLost { may_have_run: false, end }));
            return Started::unsent();
        }
        calls.last_id += 1;
        let id = calls.last_id;
        // Entered first: the answer may be received before the line is known to be sent.
        let length = method.len() + params.get().len();
        calls.waiting.insert(id, Waiting { length, on_reply: Arc::new(Mutex::new(on_reply)) });
        drop(calls);
        self.send(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":{},"params":{}}}"#,
            serde_json::Value::from(method),
            params.get()
        ));
        Started { connection: Arc::downgrade(self), id }
    }

    /// Sends a notification.
    pub(crate) fn notify(&self, method: &str, params: &RawValue) {
        let method = serde_json::Value::from(method);
        self.send(format!(r#"{{"jsonrpc":"2.0","method":{method},"params":{}}}"#, params.get()));
    }

    fn cancel(&self, id: u64) {
        let params = RawValue::from_string(format!(r#"{{"id":{id}}}"#)).expect("it is JSON");
        self.notify("$/cancelRequest", &params);
    }

    /// Sends a line. A line break within JSON stands between values, where a space does as well.
    fn send(&self, message: String) {
        let mut line = if message.contains('\n') { message.replace('\n', " ") } else { message };
        line.push('\n');
        if let Some(to_write) = lock(&self.to_write).as_ref() {
            // An error says that the process is gone, as the reading thread will see.
            let _ = to_write.send(line.into_bytes());
        }
    }

    /// Closes stdin when all that was sent is written; the process then ends in order.
    pub(crate) fn close_stdin(&self) {
        lock(&self.to_write).take();
    }

    /// Kills the process.
    pub(crate) fn kill(&self) {
        let _ = lock(&self.child).kill(); // an error: it has ended already
    }

    /// Waits until the process has ended and every call is settled; none when it takes longer.
    pub(crate) fn wait_end(&self, timeout: Duration) -> Option<End> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(end) = lock(&self.calls).end.clone() {
                return Some(end);
            }
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(POLL);
        }
    }

    // --- in the threads -----------------------------------------------------------------------

    fn read(&self, stdout: ChildStdout, sink: &dyn Sink) {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            if line.last() != Some(&b'\n') {
                return; // it died within a line
            }
            let message = std::str::from_utf8(&line).ok().map(serde_json::from_str::<Incoming<'_>>);
            match message {
                Some(Ok(message)) => self.take(message, sink),
                _ => {
                    let begin = &line[..line.len().min(NO_MESSAGE_BYTES)];
                    sink.log(&format!("not a message: {}", String::from_utf8_lossy(begin)));
                }
            }
            line.clear();
        }
    }

    fn take(&self, message: Incoming<'_>, sink: &dyn Sink) {
        let empty;
        if let Some(method) = message.method.as_deref() {
            let params = match message.params {
                Some(params) => params,
                None => {
                    empty = RawValue::from_string("{}".to_owned()).expect("it is JSON");
                    &empty
                }
            };
            if method == "$/progress" {
                return self.progress(params);
            }
            return match Notification::decode(method, params) {
                Ok(notification) => sink.notification(notification),
                Err(error) => sink.log(&format!("{method}: {error}")),
            };
        }
        let found = match (message.id, message.error) {
            (Some(id), _) => lock(&self.calls).answered(id),
            (None, Some(_)) => lock(&self.calls).too_long(),
            (None, None) => None,
        };
        if let Some(waiting) = found {
            give(&waiting.on_reply, reply(message.result, message.error));
        }
    }

    fn progress(&self, params: &RawValue) {
        let id = serde_json::from_str::<ProgressId>(params.get()).ok().and_then(|found| found.id);
        let found =
            id.and_then(|id| Some(Arc::clone(&lock(&self.calls).waiting.get(&id)?.on_reply)));
        if let Some(on_reply) = found {
            give(&on_reply, Reply::Progress(params.to_owned()));
        }
    }

    /// Waits for the exit code, settles every call that waits, and returns how the process ended.
    fn finish(&self) -> End {
        let deadline = Instant::now() + END_TIMEOUT;
        let exit_code = loop {
            let mut child = lock(&self.child);
            match child.try_wait() {
                Ok(Some(status)) => break status.code(),
                Err(_) => break None,
                Ok(None) if Instant::now() >= deadline => {
                    let _ = child.kill();
                }
                Ok(None) => {}
            }
            drop(child);
            thread::sleep(POLL);
        };
        let lines: Vec<String> = lock(&self.tail).iter().cloned().collect();
        let end = End { exit_code, stderr_tail: lines.join("\n") };
        let waiting = {
            let mut calls = lock(&self.calls);
            calls.end = Some(end.clone());
            std::mem::take(&mut calls.waiting)
        };
        for call in waiting.into_values() {
            let lost = ConnectionLost { may_have_run: true, end: end.clone() };
            give(&call.on_reply, Reply::Lost(lost));
        }
        self.close_stdin();
        end
    }

    fn drain(&self, stderr: ChildStderr, sink: &dyn Sink, _drained: &Sender<()>) {
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        let mut next =
            |line: &mut Vec<u8>| lines.by_ref().take(STDERR_LINE_BYTES).read_until(b'\n', line);
        while matches!(next(&mut line), Ok(length) if length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            sink.log(&text);
            let mut tail = lock(&self.tail);
            if tail.len() == STDERR_LINES {
                tail.pop_front();
            }
            tail.push_back(text);
        }
    }
}

impl Calls {
    /// Removes the request that an answer is for.
    fn answered(&mut self, id: &RawValue) -> Option<Waiting> {
        self.waiting.remove(&id.get().parse().ok()?)
    }

    /// Removes the longest request: an error without an id says that a line is too long.
    fn too_long(&mut self) -> Option<Waiting> {
        let (&id, _) = self.waiting.iter().max_by_key(|(_, it)| it.length)?;
        self.waiting.remove(&id)
    }
}

fn reply(result: Option<&RawValue>, error: Option<&RawValue>) -> Reply {
    match (result, error) {
        (_, Some(error)) => Reply::Error(error.to_owned()),
        (Some(result), None) => Reply::Result(result.to_owned()),
        (None, None) => {
            Reply::Result(RawValue::from_string("null".to_owned()).expect("it is JSON"))
        }
    }
}

/// Passes a reply to the caller that waits for it.
fn give(on_reply: &OnReply, reply: Reply) {
    guarded(|| lock(on_reply)(reply));
}

/// Calls a callback of the host; a panic, which has printed its reason, must not end the thread.
pub(crate) fn guarded(callback: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(callback));
}

fn write(mut stdin: ChildStdin, lines: &Receiver<Vec<u8>>) {
    for line in lines {
        if stdin.write_all(&line).is_err() {
            return; // the reading thread sees the end of the process
        }
    }
}

/// Locks a mutex; a panic of a callback elsewhere must not end the reading.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

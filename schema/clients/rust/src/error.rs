//! The errors of a call, a start or a supervisor.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::generated::{SidecarError, StartFailed};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error type of this crate.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The process has answered with an error.
    Sidecar(Box<SidecarError>),
    /// There was no answer and no progress in time. A write may nevertheless have been done.
    CallTimeout {
        /// The method that was called.
        method: String,
        /// The time that passed without a sign.
        after: Duration,
    },
    /// The process has ended before it answered.
    ConnectionLost(Box<ConnectionLost>),
    /// The process has ended before it was ready, or was not ready in time.
    StartFailed(Box<StartFailure>),
    /// The process ended repeatedly soon after its start; it is not started any more.
    CrashLoop(Box<CrashLoop>),
    /// The program could not be run.
    Spawn {
        /// The program that was to be run.
        program: String,
        /// Why it could not be run.
        error: std::io::Error,
    },
    /// A value could not be made into JSON, or an answer is not what the contract says.
    Json(serde_json::Error),
}

/// An error as the process has answered it; `D` is the type of its data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure<D> {
    /// The code of the error.
    pub code: i64,
    /// A sentence for people.
    pub message: String,
    /// The stable name of the error.
    pub slug: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The members of the error's data.
    pub data: D,
}

/// The process has ended: pending calls have no answer, and may have run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionLost {
    /// Whether the call may have run; false: it was never sent.
    pub may_have_run: bool,
    /// How the process ended.
    pub end: End,
}

/// How a process ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct End {
    /// The process's exit code; none after a signal, and while it is not known.
    pub exit_code: Option<i32>,
    /// The last lines of its stderr.
    pub stderr_tail: String,
}

/// A start that failed before `system.ready`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartFailure {
    /// Why, for people.
    pub reason: String,
    /// The line that the process wrote about it; none when it wrote none.
    pub line: Option<StartFailed>,
    /// How the process ended.
    pub end: End,
}

/// The process ended several times in a row, each time soon after its start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CrashLoop {
    /// How many times in a row.
    pub ends: u32,
    /// The last end; `line` is present when the process failed before `system.ready`.
    pub last: StartFailure,
}

impl StartFailure {
    /// Returns the failure of a process that ended so.
    pub(crate) fn of(end: End) -> Self {
        let line = end.stderr_tail.lines().rev().find_map(|line| {
            let found: StartFailed = serde_json::from_str(line).ok()?;
            (found.event.as_str() == "start_failed").then_some(found)
        });
        let reason = line.as_ref().map_or_else(|| end.to_string(), |line| line.message.clone());
        Self { reason, line, end }
    }

    /// Returns the failure of a process that was ended because it could not be used.
    pub(crate) fn refused(reason: String, end: End) -> Self {
        Self { reason, line: None, end }
    }

    /// Returns the slug that the process has reported; empty when it reported none.
    pub fn slug(&self) -> &str {
        self.line.as_ref().map_or("", |line| line.slug.as_str())
    }
}

impl Error {
    /// Returns the slug of the error that the process has answered with or has failed to start with.
    pub fn slug(&self) -> Option<&str> {
        match self {
            Self::Sidecar(error) => Some(error.slug()),
            Self::StartFailed(failure) => failure.line.as_ref().map(|line| line.slug.as_str()),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Object<'a> {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Common {
    slug: String,
    retryable: bool,
}

impl Failure<Box<RawValue>> {
    /// Returns the content of an error object of JSON-RPC.
    pub(crate) fn decode(object: &RawValue) -> Self {
        let found: Object<'_> = serde_json::from_str(object.get()).unwrap_or(Object {
            code: 0,
            message: object.get().to_owned(),
            data: None,
        });
        let data = found.data.map_or_else(
            || RawValue::from_string("{}".to_owned()).expect("it is JSON"),
            ToOwned::to_owned,
        );
        let common: Common = serde_json::from_str(data.get()).unwrap_or_default();
        Self {
            code: found.code,
            message: found.message,
            slug: common.slug,
            retryable: common.retryable,
            data,
        }
    }

    /// Returns the failure with data of a type; none when the data are not of it.
    pub(crate) fn typed<D: DeserializeOwned>(&self) -> Option<Failure<D>> {
        Some(Failure {
            code: self.code,
            message: self.message.clone(),
            slug: self.slug.clone(),
            retryable: self.retryable,
            data: serde_json::from_str(self.data.get()).ok()?,
        })
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl fmt::Display for End {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exit_code {
            Some(code) => write!(to, "exit code {code}")?,
            None => to.write_str("no exit code")?,
        }
        match self.stderr_tail.lines().last() {
            Some(line) => write!(to, ", last words: {line}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some(line) => write!(to, "{}: {}", line.slug, self.reason),
            None => to.write_str(&self.reason),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sidecar(error) => write!(to, "{}: {}", error.slug(), error.message()),
            Self::CallTimeout { method, after } => write!(to, "{method}: no sign within {after:?}"),
            Self::ConnectionLost(lost) if lost.may_have_run => {
                write!(to, "the process went, the call may have run: {}", lost.end)
            }
            Self::ConnectionLost(lost) => write!(to, "no process, nothing was sent: {}", lost.end),
            Self::StartFailed(failure) => write!(to, "the start failed: {failure}"),
            Self::CrashLoop(crash) => {
                write!(to, "ended {} times in a row: {}", crash.ends, crash.last)
            }
            Self::Spawn { program, error } => write!(to, "cannot run {program}: {error}"),
            Self::Json(error) => write!(to, "not what the contract says: {error}"),
        }
    }
}

impl std::error::Error for Error {}

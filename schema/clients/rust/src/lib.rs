#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

#[macro_use]
mod macros;

mod client;
mod connection;
mod error;
mod events;
mod follow;
#[rustfmt::skip]
mod generated;
mod launch;
mod options;
mod pages;
mod supervisor;

pub use client::{CallOptions, CancelToken, Client};
pub use connection::{Reply, Started};
pub use error::{ConnectionLost, CrashLoop, End, Error, Failure, Result, StartFailure};
pub use generated::*;
pub use launch::Launch;
pub use options::{Options, Stale, State};
pub use pages::{Items, Page, Paged, Pages};
pub use serde_json::json;
pub use serde_json::value::{to_raw_value, RawValue};
pub use supervisor::Supervisor;

/// Returns a value as the JSON text of a body; a text that is JSON already is kept byte for byte
/// by [`RawValue::from_string`].
pub fn body<T: serde::Serialize>(value: &T) -> Result<Box<RawValue>> {
    Ok(to_raw_value(value)?)
}

//! Drives the real process, which the environment variable `SIM_SIDECAR` names.
//!
//! `SIM_TEST_FOLDER` is an empty folder for its files; a folder of the system's when absent.

mod calls;
mod every_method;
mod every_notification;
mod hostile;
mod peers;
mod supervised;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use sim_sidecar_client::{body, json, Launch, WorkflowsSaveParams, WorkflowsSaveWorkflow};

/// The bound of every wait, which a busy machine must not reach.
const WAIT: Duration = Duration::from_secs(30);

/// Returns a folder that no other test uses.
fn folder() -> PathBuf {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let top = std::env::var_os("SIM_TEST_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let folder = top.join(format!("rust-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder).expect("the folder is new");
    folder
}

/// Returns the command for a new database.
fn launch() -> Launch {
    Launch::lookup().database(folder().join("app.db"))
}

/// Returns the params that save a small workflow.
fn saving(id: &str, number: u32) -> WorkflowsSaveParams {
    let data = body(&json!({ "number": number })).expect("it is JSON");
    WorkflowsSaveParams::new(WorkflowsSaveWorkflow::new(id, data).id(id))
}

/// Waits for the first thing that is wanted, and passes over others.
fn wait_for<T, R>(received: &Receiver<T>, mut wanted: impl FnMut(T) -> Option<R>) -> R {
    loop {
        if let Some(found) = wanted(received.recv_timeout(WAIT).expect("it comes in time")) {
            return found;
        }
    }
}

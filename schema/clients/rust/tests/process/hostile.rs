//! Supervises many programs that misbehave, all at once, and prints what was seen of each.
//!
//! The variable `SIM_TEST_HOSTILE` names the cases, as tests/clients/hostile_peers.py writes them.

use std::collections::BTreeMap;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use sim_sidecar_client::{json, CallOptions, Error, Launch, Options, State, Supervisor};

const LOG_LINE_MAX: usize = 65_536;

#[derive(Deserialize)]
struct Case {
    command: Vec<String>,
    database: String,
    steps: Vec<String>,
    wait_ms: u64,
    throws: bool,
    hangs: bool,
}

/// What the callbacks were told.
struct Told {
    signs: Mutex<Sender<String>>,
    seen: Mutex<Seen>,
    throws: bool,
}

#[derive(Default)]
struct Seen {
    states: Vec<&'static str>,
    events: Vec<u64>,
    stale: u32,
    longest: usize,
}

impl Told {
    fn tell(&self, sign: &str, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen.lock().unwrap());
        let _ = self.signs.lock().unwrap().send(sign.to_owned());
        if self.throws {
            std::panic::resume_unwind(Box::new("thrown")); // prints nothing
        }
    }
}

fn options(case: &Case, told: &Arc<Told>) -> Options {
    let each = || Arc::clone(told);
    let (state, event, stale, log, runs, unlock) = (each(), each(), each(), each(), each(), each());
    let hangs = case.hangs;
    Options::new(Launch::command(&case.command).database(&case.database))
        .timeout(Duration::from_millis(case.wait_ms))
        .on_state(move |it| {
            let slug = if let State::GaveUp(crash) = it { crash.last.slug() } else { "" };
            let sign = format!("{} {slug}", it.name());
            state.tell(sign.trim_end(), |seen| seen.states.push(it.name()));
        })
        .on_event(move |it| event.tell("event", |seen| seen.events.push(it.seq)))
        .on_stale(move |_| stale.tell("stale", |seen| seen.stale += 1))
        .on_log(move |it| log.tell("log", |seen| seen.longest = seen.longest.max(it.len())))
        .on_runs(move |_, _| runs.tell("runs", |_| {}))
        .unlock(move |_| {
            unlock.tell("unlock", |_| {});
            if hangs {
                loop {
                    std::thread::park();
                }
            }
            None
        })
}

fn wait(signs: &Receiver<String>, name: &str) -> String {
    crate::wait_for(signs, |sign| (sign.split(' ').next() == Some(name)).then_some(sign))
}

fn described(error: &Error) -> String {
    let text = match error {
        Error::StartFailed(failure) => format!("start_failed {}", failure.slug()),
        Error::Sidecar(error) => format!("error {}", error.slug()),
        Error::ConnectionLost(lost) if lost.may_have_run => "lost".to_owned(),
        Error::ConnectionLost(_) => "lost unsent".to_owned(),
        Error::CallTimeout { .. } => "timeout".to_owned(),
        other => other.to_string(),
    };
    text.trim_end().to_owned()
}

fn call(supervisor: &Supervisor, how: &str) -> String {
    let timeout = if how == "quickly" { 300 } else { 20_000 };
    let options = CallOptions::new().timeout(Duration::from_millis(timeout));
    let called = supervisor.client().with(options).call("system.ping", &json!({}));
    called.map_or_else(|error| described(&error), |_: serde_json::Value| "result".to_owned())
}

fn seen_in(case: &Case) -> serde_json::Value {
    let (signs, received) = channel();
    let (signs, seen) = (Mutex::new(signs), Mutex::default());
    let told = Arc::new(Told { signs, seen, throws: case.throws });
    let mut supervisor = None;
    let mut did = Vec::new();
    for step in &case.steps {
        let (verb, word) = step.split_once(' ').unwrap_or((step, ""));
        did.push(match (verb, &supervisor) {
            ("wait", _) => wait(&received, word),
            ("call", Some(served)) => call(served, word),
            ("stop", Some(served)) => {
                served.stop();
                "stopped".to_owned()
            }
            _ => match Supervisor::start(options(case, &told)) {
                Ok(started) => {
                    supervisor = Some(started);
                    wait(&received, "ready")
                }
                Err(error) => described(&error),
            },
        });
    }
    let seen = told.seen.lock().unwrap();
    json!({"did": did, "states": seen.states, "events": seen.events, "stale": seen.stale,
           "longest_log_line_at_most_64_ki": seen.longest <= LOG_LINE_MAX})
}

#[test]
fn cases() {
    let Ok(path) = std::env::var("SIM_TEST_HOSTILE") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let cases: BTreeMap<String, Case> = serde_json::from_str(&text).unwrap();
    println!();
    std::thread::scope(|scope| {
        for (name, case) in &cases {
            scope.spawn(move || println!("{}", json!({ name: seen_in(case) })));
        }
    });
}

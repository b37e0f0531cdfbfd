//! A parent as a Tauri core writes it, with the standard library alone.
//!
//! Usage: parent COMMAND ARGUMENT...   Prints one line at the end; panics on a failure.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::thread;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(15);

struct Sidecar {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    next_id: u32,
}

impl Sidecar {
    fn spawn(command: &[String]) -> Sidecar {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the process starts");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                if sender.send(line.expect("valid UTF-8")).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        let sidecar = Sidecar { child, stdin, lines, next_id: 1 };
        let ready = sidecar.next_line();
        assert!(ready.contains(r#""method":"system.ready""#), "{ready}");
        sidecar
    }

    fn next_line(&self) -> String {
        self.lines.recv_timeout(WAIT).expect("a line in time")
    }

    fn send(&mut self, method: &str, params: &str) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        writeln!(self.stdin.as_mut().unwrap(), "{line}").expect("stdin is open");
        id
    }

    /// Returns the answer with this id; notifications before it are ignored.
    fn answer(&self, id: u32) -> String {
        let begin = format!(r#"{{"jsonrpc":"2.0","id":{id},"#);
        loop {
            let line = self.next_line();
            if line.starts_with(&begin) {
                return line;
            }
            assert!(line.starts_with(r#"{"jsonrpc":"2.0","method":"#), "{line}");
        }
    }

    fn call(&mut self, method: &str, params: &str) -> String {
        let id = self.send(method, params);
        self.answer(id)
    }

    fn wait_exit(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < WAIT, "it does not end");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn main() {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let mut sidecar = Sidecar::spawn(&command);

    let body = r#"{"z":1.10,"a":[1e3,"日本語"],"empty":{}}"#;
    let save = format!(r#"{{"workflow":{{"id":"w","name":"from Rust","data":{body}}}}}"#);
    let saved = sidecar.call("workflows.save", &save);
    assert!(saved.contains(r#""revision":1"#), "{saved}");
    let got = sidecar.call("workflows.get", r#"{"id":"w"}"#);
    assert!(got.contains(body), "the body comes back byte for byte: {got}");
    let missing = sidecar.call("workflows.get", r#"{"id":"none"}"#);
    assert!(missing.contains(r#""code":-32050"#), "{missing}");

    // Many in flight: answers come in the order of the requests.
    let ids: Vec<u32> = (0..300)
        .map(|n| {
            let params = format!(r#"{{"workflow":{{"id":"r{n}","name":"r{n}","data":{{"n":{n}}}}}}}"#);
            sidecar.send("workflows.save", &params)
        })
        .collect();
    for id in ids {
        assert!(sidecar.answer(id).contains(r#""result""#));
    }

    sidecar.child.kill().expect("it can be killed");
    assert!(!sidecar.wait_exit().success());

    let mut sidecar = Sidecar::spawn(&command);
    for n in 0..300 {
        let got = sidecar.call("workflows.get", &format!(r#"{{"id":"r{n}"}}"#));
        assert!(got.contains(&format!(r#""data":{{"n":{n}}}"#)), "{got}");
    }
    drop(sidecar.stdin.take());
    let status = sidecar.wait_exit();
    assert_eq!(status.code(), Some(0));
    println!("301 saved, killed, restarted, ended");
}

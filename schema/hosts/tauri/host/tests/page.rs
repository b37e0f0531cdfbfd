//! A page without a window: what it sends and is told.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{channel, Receiver};
use std::time::Duration;

use serde_json::{json, Value};
use sim_sidecar_tauri_host::{Host, Message};

const WAIT: Duration = Duration::from_secs(30);

fn folder(name: &str) -> PathBuf {
    let top = std::env::var_os("SIM_TEST_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = top.join(format!("tauri-{}-{name}", std::process::id()));
    std::fs::create_dir(&folder).expect("the folder is new");
    folder
}

fn attached(host: &Host) -> Receiver<Message> {
    let (messages, received) = channel();
    host.attach(move |message| drop(messages.send(message)));
    received
}

fn send(host: &Host, id: u32, method: &str, params: Value) {
    let line = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    host.send(&line.to_string()).unwrap();
}

/// Returns the first message of the process that is wanted.
fn line(page: &Receiver<Message>, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        if let Message::Line { line } = page.recv_timeout(WAIT).unwrap() {
            let message: Value = serde_json::from_str(&line).unwrap();
            if wanted(&message) {
                return message;
            }
        }
    }
}

fn answer(page: &Receiver<Message>, id: u32) -> Value {
    line(page, |message| message["id"] == id)
}

fn save(id: &str) -> Value {
    json!({"workflow": {"id": id, "name": "Mail", "data": {"nodes": []}}})
}

#[test]
fn a_page_lists_searches_edits_and_sees_live_events() {
    let host = Host::start(Path::new("/nowhere"), &folder("edits").join("app.db"));
    let page = attached(&host);
    assert_eq!(page.recv_timeout(WAIT).unwrap(), Message::Open);

    send(&host, 1, "workflows.save", save("w1"));
    assert_eq!(answer(&page, 1)["result"]["revision"], 1);
    let event = line(&page, |message| message["method"] == "audit.event");
    assert_eq!(event["params"]["resource"], "w1");
    send(&host, 2, "workflows.list", json!({}));
    assert_eq!(answer(&page, 2)["result"]["items"][0]["name"], "Mail");
    send(&host, 3, "workflows.search", json!({"query": "mail"}));
    assert_eq!(answer(&page, 3)["result"]["items"][0]["id"], "w1");
    send(&host, 4, "workflows.get", json!({"id": "none"}));
    assert_eq!(answer(&page, 4)["error"]["data"]["slug"], "not_found");
    host.stop();
}

#[test]
fn progress_and_cancel_have_the_numbers_of_the_page() {
    let host = Host::start(Path::new("/nowhere"), &folder("cancels").join("app.db"));
    let page = attached(&host);

    send(&host, 70, "backups.create", json!({}));
    let progress = line(&page, |message| message["method"] == "$/progress");
    answer(&page, 70);
    send(&host, 71, "backups.create", json!({}));
    host.send(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":71}}"#).unwrap();

    assert_eq!(progress["params"]["id"], 70);
    assert_eq!(answer(&page, 71)["error"]["data"]["slug"], "cancelled");
    host.stop();
}

#[test]
fn a_page_is_told_that_the_process_went_and_that_another_serves() {
    let host = Host::start(Path::new("/nowhere"), &folder("killed").join("app.db"));
    let page = attached(&host);
    send(&host, 1, "system.info", json!({}));
    let pid = answer(&page, 1)["result"]["pid"].to_string();

    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());

    let again = |message: Message| matches!(message, Message::Closed { again: true, .. });
    assert!(again(page.recv_timeout(WAIT).unwrap()));
    while page.recv_timeout(WAIT).unwrap() != Message::Open {}
    send(&host, 2, "system.ping", json!({}));
    assert!(answer(&page, 2)["result"]["at"].is_number());
    host.stop();
}

#[test]
fn a_page_is_told_why_the_start_failed() {
    let database = folder("foreign").join("app.db");
    std::fs::write(&database, "This is no database. ".repeat(500)).unwrap();

    let host = Host::start(Path::new("/nowhere"), &database);

    let told = attached(&host).recv_timeout(WAIT).unwrap();
    let Message::Closed { reason, again } = told else { panic!("{told:?}") };
    assert!(reason.contains("not_ours"), "{reason}");
    assert!(!again);
    host.stop();
}

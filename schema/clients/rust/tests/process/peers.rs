//! Small programs in Python that misbehave, in place of the real process.

use std::time::Duration;

use sim_sidecar_client::{
    json, CallOptions, Client, Error, Launch, Notification, Options, Supervisor,
};

const PEER: &str = r#"
import json, os, sys, time
def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()
def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)
say(method="system.ready", params={"mode": "normal", "reason": None, "protocol_version": "1.0",
    "version": "1", "schema_hash": "", "pid": os.getpid(), "database": "", "schema_version": 1,
    "migrated_from": None, "runs_interrupted": 0, "runs_interrupted_ids": [], "limits": {},
    "secrets": "uninitialized", "head": {"seq": 7, "mac": ""}})
"#;

fn peer(text: &str) -> Launch {
    let python = std::env::var("SIM_TEST_PYTHON").unwrap_or("python3".to_owned());
    Launch::command([python, "-c".to_owned(), format!("{PEER}{text}")])
}

fn call(client: &Client, timeout: Duration) -> Result<String, Error> {
    client.with(CallOptions::new().timeout(timeout)).call("slow", &json!({}))
}

#[test]
fn a_process_of_another_major_version_of_the_protocol_is_refused() {
    let text = PEER.replace(r#""protocol_version": "1.0""#, r#""protocol_version": "2.0""#);
    let python = std::env::var("SIM_TEST_PYTHON").unwrap_or("python3".to_owned());

    let error = Client::spawn(&Launch::command([python, "-c".to_owned(), text]), |_| {});

    let Some(Error::StartFailed(failure)) = error.err() else { panic!("it started") };
    assert_eq!(failure.reason, "it speaks protocol 2.0, not 1.0");
}

#[test]
fn progress_starts_the_time_out_afresh() {
    let slow = r#"
request = hear()
for done in range(6):
    time.sleep(0.5)
    say(method="$/progress", params={"id": request["id"], "phase": "copy", "done": done,
                                     "total": None, "unit": "rows"})
say(id=request["id"], result="done")
hear()
"#;
    let client = Client::spawn(&peer(slow), |_| {}).unwrap();

    assert_eq!(call(&client, Duration::from_millis(2500)).unwrap(), "done");
}

#[test]
fn a_call_that_is_never_answered_times_out_and_its_late_answer_is_dropped() {
    let late = r#"
first, second = hear(), hear()
say(id=first["id"], result="first")
say(id=second["id"], result="second")
hear()
"#;
    let client = Client::spawn(&peer(late), |_| {}).unwrap();

    let timed_out = call(&client, Duration::from_millis(100)).unwrap_err();

    assert!(matches!(timed_out, Error::CallTimeout { .. }), "{timed_out}");
    assert_eq!(call(&client, Duration::from_secs(30)).unwrap(), "second");
}

#[test]
fn a_peer_that_does_not_read_cannot_hold_a_call_past_its_time_out() {
    let client = Client::spawn(&peer("time.sleep(60)"), |_| {}).unwrap();
    let options = CallOptions::new().timeout(Duration::from_millis(100));

    let text = json!({ "text": "x".repeat(4_000_000) });
    let timed_out = client.with(options).call::<String>("slow", &text).unwrap_err();

    assert!(matches!(timed_out, Error::CallTimeout { .. }), "{timed_out}");
}

#[test]
fn a_death_within_a_call_loses_it_and_every_later_one_at_once() {
    let dies = "hear(); sys.stderr.write('no disk\\n'); sys.stdout.write('{'); \
                sys.stdout.flush(); os._exit(9)";
    let client = Client::spawn(&peer(dies), |_| {}).unwrap();

    let (first, second) = (call(&client, crate::WAIT), call(&client, crate::WAIT));

    let Err(Error::ConnectionLost(first)) = first else { panic!("{first:?}") };
    let Err(Error::ConnectionLost(second)) = second else { panic!("{second:?}") };
    assert_eq!((first.may_have_run, second.may_have_run), (true, false));
    assert_eq!(first.end.exit_code, Some(9));
    assert_eq!(first.end.stderr_tail, "no disk");
}

#[test]
fn a_name_that_is_not_known_is_given_as_it_is() {
    let newer = r#"
say(method="system.sung", params={"song": 1})
request = hear()
say(id=request["id"], error={"code": -32099, "message": "No.", "data": {"slug": "sung", "retryable": True}})
hear()
"#;
    let (notifications, received) = std::sync::mpsc::channel();
    let client = Client::spawn(&peer(newer), move |it| notifications.send(it).unwrap()).unwrap();

    let error = call(&client, crate::WAIT).unwrap_err();

    assert_eq!(error.slug(), Some("sung"));
    let params = crate::wait_for(&received, |it| match it {
        Notification::Other { method, params } if method == "system.sung" => Some(params),
        _ => None,
    });
    assert_eq!(params.get(), r#"{"song": 1}"#);
}

#[test]
fn a_host_that_takes_notifications_too_slowly_is_told_which_it_lost() {
    let many = r#"
request = hear()
for seq in range(8, 20_008):
    say(method="audit.event", params={"seq": seq, "action": "run_delete", "resource": "r",
                                      "at": 1, "details": {}, "mac": ""})
say(id=request["id"], result="sent")
hear()
"#;
    let (go_on, gate) = std::sync::mpsc::channel::<()>();
    let (notifications, received) = std::sync::mpsc::channel();
    let client = Client::spawn(&peer(many), move |it| {
        if matches!(it, Notification::SystemReady(_)) {
            let _ = gate.recv();
        } else {
            notifications.send(it).unwrap();
        }
    })
    .unwrap();
    assert_eq!(call(&client, crate::WAIT).unwrap(), "sent");

    go_on.send(()).unwrap();

    let mut newest = 7;
    let overflow = crate::wait_for(&received, |it| match it {
        Notification::AuditEvent(event) => {
            assert_eq!(event.seq, newest + 1);
            newest = event.seq;
            None
        }
        Notification::AuditOverflow(overflow) => Some(overflow),
        _ => None,
    });
    assert_eq!((overflow.resume_after, overflow.lost), (newest, 20_007 - newest));
}

#[test]
fn a_gap_in_the_audit_log_is_filled_in_order_and_nothing_is_given_twice() {
    let gap = r#"
def event(seq):
    say(method="audit.event", params={"seq": seq, "action": "run_delete", "resource": "r",
                                      "at": 1, "details": {}, "mac": ""})
def answer(head):
    request = hear()
    after = request["params"]["after"]
    event(10)
    say(id=request["id"], result={"replayed": head - after, "pruned_through": 0,
                                  "head": {"seq": head, "mac": ""}})
    for seq in range(after + 1, head + 1):
        event(seq)
event(8)
say(method="audit.overflow", params={"lost": 1, "resume_after": 8})
event(10)
answer(10)
event(11)
answer(11)
say(id=hear()["id"], result={})
"#;
    let (entries, received) = std::sync::mpsc::channel();
    let options = Options::new(peer(gap)).on_event(move |it| entries.send(it.seq).unwrap());

    let supervisor = Supervisor::start(options).unwrap();

    let seen: Vec<u64> = (8..12).map(|_| received.recv_timeout(crate::WAIT).unwrap()).collect();
    supervisor.stop();
    assert_eq!(seen, [8, 9, 10, 11]);
    assert!(received.try_recv().is_err());
}

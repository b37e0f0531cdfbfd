use std::collections::HashMap;
use std::process::Command;
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sim_sidecar_client::{
    body, AuditListParams, Client, Error, Launch, Options, Reply, RunsProgressParams,
    RunsStartParams, SecretsInitializeParams, SecretsSetParams, SecretsState, State, Supervisor,
};

use crate::{folder, launch, saving, wait_for, WAIT};

fn with_states(options: Options) -> (Options, Receiver<State>) {
    let (states, received) = channel();
    (options.on_state(move |state| states.send(state.clone()).unwrap()), received)
}

/// Kills the process that serves, as a crash does.
fn kill(client: &Client) {
    let pid = client.ready().expect("it serves").pid.to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
}

fn next_ready(states: &Receiver<State>) -> u64 {
    wait_for(states, |state| match state {
        State::Ready(ready) => Some(ready.pid),
        _ => None,
    })
}

#[test]
fn every_call_settles_once_and_no_entry_is_lost_or_given_twice_when_it_is_killed() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let entries = Arc::clone(&seen);
    let launch = launch();
    let options = Options::new(launch).on_event(move |it| entries.lock().unwrap().push(it.seq));
    let (options, states) = with_states(options);
    let supervisor = Supervisor::start(options).unwrap();
    let client = supervisor.client();
    let (settled, received) = channel();
    next_ready(&states);
    let database = client.ready().expect("it serves").database;
    let mut answered = 0;
    for number in 0..1000_u32 {
        let params = body(&saving(&format!("w{number}"), number)).unwrap();
        let settled = settled.clone();
        client.start("workflows.save", &params, move |reply| {
            settled.send((number, matches!(reply, Reply::Result(_)))).unwrap();
        });
        if number == 300 || number == 700 {
            kill(&client);
            next_ready(&states);
        }
    }
    drop(settled);

    let mut times: HashMap<u32, u32> = HashMap::new();
    while let Ok((number, done)) = received.recv_timeout(WAIT) {
        *times.entry(number).or_default() += 1;
        answered += u32::from(done);
    }
    let listed = client.audit().list_pages(AuditListParams::new().limit(500)).items();
    let logged: Vec<u64> = listed.map(|entry| entry.unwrap().seq).collect();
    let deadline = Instant::now() + WAIT;
    while seen.lock().unwrap().len() < logged.len() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    supervisor.stop();

    assert_eq!(times.len(), 1000);
    assert!(times.values().all(|&count| count == 1));
    assert!((299..1000).contains(&answered), "{answered}");
    assert_eq!(*seen.lock().unwrap(), logged);
    println!("seen of {database}: {:?}", seen.lock().unwrap());
}

#[test]
fn a_process_that_ends_again_and_again_is_given_up() {
    let (options, states) = with_states(Options::new(launch()));
    let supervisor = Supervisor::start(options).unwrap();
    let begun = Instant::now();

    let mut back_offs = Vec::new();
    let crash = wait_for(&states, |state| match state {
        State::Ready(_) => {
            kill(&supervisor.client());
            None
        }
        State::Down { retry_in, .. } => {
            back_offs.push(retry_in.as_millis());
            None
        }
        State::GaveUp(crash) => Some(crash),
        _ => None,
    });

    assert_eq!(crash.ends, 5);
    assert_eq!(back_offs, [250, 500, 1000, 2000]);
    assert!(begun.elapsed() >= Duration::from_millis(3750));
    let lost = supervisor.client().system().ping().unwrap_err();
    assert!(matches!(lost, Error::ConnectionLost(it) if !it.may_have_run));
    supervisor.stop();
}

#[test]
fn a_start_that_fails_tells_the_slug_of_its_last_line() {
    let database = folder().join("foreign.db");
    std::fs::write(&database, "This is no database. ".repeat(500)).unwrap();
    let launch = Launch::lookup().database(database);

    let by_client = Client::spawn(&launch, |_| {}).err().unwrap();
    let by_supervisor = Supervisor::start(Options::new(launch)).err().unwrap();

    for error in [by_client, by_supervisor] {
        let Error::StartFailed(failure) = error else { panic!("{error}") };
        assert_eq!(failure.slug(), "not_ours");
        assert_eq!(failure.end.exit_code, Some(4));
    }
}

#[test]
fn a_program_that_is_not_there_cannot_be_spawned() {
    let launch = Launch::command(["/nowhere/sim-sidecar"]);

    let error = Supervisor::start(Options::new(launch)).err().unwrap();

    assert!(matches!(error, Error::Spawn { .. }), "{error}");
}

#[test]
fn after_a_restart_secrets_are_unlocked_and_runs_taken_up_before_the_host_goes_on() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let questions = Arc::clone(&asked);
    let (runs, resumed) = channel();
    let options = Options::new(launch())
        .unlock(move |wrong| {
            questions.lock().unwrap().push(wrong);
            Some(if wrong { "correct horse" } else { "wrong horse" }.to_owned())
        })
        .on_runs(move |ids, client| {
            for id in &ids {
                let taken = client.runs().progress(RunsProgressParams::new(id.as_str()));
                runs.send((id.clone(), taken.is_ok())).unwrap();
            }
        });
    let (options, states) = with_states(options);
    let supervisor = Supervisor::start(options).unwrap();
    let client = supervisor.client();
    next_ready(&states);
    let passphrase = SecretsInitializeParams::new().passphrase("correct horse");
    client.secrets().initialize(passphrase).unwrap();
    client.secrets().set(SecretsSetParams::new("openai", "sk-0123456789")).unwrap();
    client.workflows().save(saving("w1", 1)).unwrap();
    client.runs().start(RunsStartParams::new("w1").id("r1")).unwrap();

    kill(&client);
    next_ready(&states);

    assert_eq!(client.secrets().status().unwrap().state, SecretsState::Unlocked);
    assert_eq!(*asked.lock().unwrap(), [false, true]);
    assert_eq!(resumed.recv_timeout(WAIT).unwrap(), ("r1".to_owned(), true));
    supervisor.stop();
    let ended = wait_for(&states, |state| match state {
        State::Stopped(end) => Some(end),
        _ => None,
    });
    assert_eq!(ended.exit_code, Some(0));
}

#[test]
fn a_host_that_was_away_gets_what_it_missed() {
    let launch = launch();
    let client = Client::spawn(&launch, |_| {}).unwrap();
    for number in 0..5 {
        client.workflows().save(saving(&format!("w{number}"), number)).unwrap();
    }
    client.close();
    let (entries, received) = channel();
    let options = Options::new(launch.clone()).after(2);

    let supervisor =
        Supervisor::start(options.on_event(move |it| entries.send(it.seq).unwrap())).unwrap();

    let seen: Vec<u64> = (0..3).map(|_| received.recv_timeout(WAIT).unwrap()).collect();
    assert_eq!(seen, [3, 4, 5]);
    supervisor.stop();
    assert!(received.try_recv().is_err());
}

#[test]
fn a_host_of_another_database_is_told_that_all_it_shows_is_stale() {
    let (stale, told) = channel();
    let options = Options::new(launch()).after(99).on_stale(move |why| stale.send(why).unwrap());

    let supervisor = Supervisor::start(options).unwrap();

    assert_eq!(format!("{:?}", told.recv_timeout(WAIT).unwrap()), "OtherDatabase");
    supervisor.stop();
}

#[test]
fn lines_of_stderr_are_given_to_the_host() {
    let (lines, received) = channel();
    let launch = launch().arg("--log-level").arg("debug");
    let options = Options::new(launch).on_log(move |line| drop(lines.send(line.to_owned())));

    let supervisor = Supervisor::start(options).unwrap();

    assert!(!received.recv_timeout(WAIT).unwrap().is_empty());
    supervisor.stop();
}

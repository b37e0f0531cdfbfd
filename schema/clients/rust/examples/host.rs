use std::sync::mpsc::channel;

use sim_sidecar_client::{
    body, json, Error, Launch, Options, SidecarError, Supervisor, WorkflowsListParams,
    WorkflowsSaveParams, WorkflowsSaveWorkflow,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = std::env::args().nth(1).unwrap_or("app.db".to_owned());
    let (entries, received) = channel();
    let options = Options::new(Launch::lookup().database(database))
        .on_log(|line| eprintln!("sidecar: {line}"))
        .on_state(|state| eprintln!("sidecar is {}", state.name()))
        .on_event(move |event| {
            let _ = entries.send((event.seq, event.action.to_string()));
        });
    let supervisor = Supervisor::start(options)?;
    let client = supervisor.client();

    let workflow = WorkflowsSaveWorkflow::new("Hello", body(&json!({"nodes": []}))?).id("w1");
    client.workflows().save(WorkflowsSaveParams::new(workflow.clone()))?;
    match client.workflows().save(WorkflowsSaveParams::new(workflow).expected_revision(7)) {
        Err(Error::Sidecar(error)) => match *error {
            SidecarError::Conflict(conflict) => {
                println!("conflict with revision {:?}", conflict.data.revision);
            }
            other => return Err(Box::new(Error::Sidecar(Box::new(other)))),
        },
        other => drop(other?),
    }
    for header in client.workflows().list_pages(WorkflowsListParams::new()).items() {
        println!("{}", header?.name);
    }
    let (_seq, action) = received.recv()?;
    println!("audit log: {action}");
    supervisor.stop();
    Ok(())
}

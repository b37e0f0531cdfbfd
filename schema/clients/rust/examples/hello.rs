use sim_sidecar_client::{body, json, Client, Launch, Result};
use sim_sidecar_client::{WorkflowsSaveParams as Params, WorkflowsSaveWorkflow as Workflow};

fn main() -> Result<()> {
    let launch = Launch::lookup().database("hello.db");
    let client = Client::spawn(&launch, |event| println!("event {}", event.method()))?;
    let workflow = Workflow::new("Hello", body(&json!({"nodes": []}))?);
    let saved = client.workflows().save(Params::new(workflow))?;
    println!("saved {} as revision {}", saved.id, saved.revision);
    client.close();
    Ok(())
}

//! The window; all that is not a window is in the crate of ../host.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use sim_sidecar_tauri_host::{Host, Message};
use tauri::ipc::Channel;
use tauri::{Manager, RunEvent, State};

/// Tells the page what comes from the process.
#[tauri::command]
fn attach(host: State<'_, Host>, messages: Channel<Message>) {
    host.attach(move |message| {
        let _ = messages.send(message); // an error: the page is gone
    });
}

/// Sends a line of the page to the process.
#[tauri::command]
fn send(host: State<'_, Host>, line: &str) -> Result<(), String> {
    host.send(line)
}

fn main() {
    let app = tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![attach, send])
        .setup(|app| {
            let data = app.path().app_data_dir()?;
            std::fs::create_dir_all(&data)?;
            let resources = app.path().resource_dir()?;
            app.manage(Host::start(&resources, &data.join("app.db")));
            Ok(())
        })
        .build(tauri::generate_context!())
        .expect("the window can be made");
    app.run(|app, event| {
        if matches!(event, RunEvent::Exit) {
            app.state::<Host>().stop();
        }
    });
}

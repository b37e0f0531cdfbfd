//! Receives every notification once; `SIM_TEST_OLDER` is a database of an older version.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;

use sim_sidecar_client::*;

use crate::{folder, saving, wait_for};

#[test]
fn every_notification_is_received_as_its_type() {
    let database = folder().join("app.db");
    let Some(older) = std::env::var_os("SIM_TEST_OLDER") else {
        return println!("no database of an older version was given");
    };
    std::fs::copy(older, &database).unwrap();
    let (notifications, received) = channel();
    let client = Client::spawn(&Launch::lookup().database(database), move |it| {
        notifications.send(it).unwrap();
    })
    .unwrap();

    client.workflows().save(saving("w9", 1)).unwrap();
    client.runs().start(RunsStartParams::new("w9")).unwrap();
    client.settings().set(SettingsSetParams::new("app.first", body(&1).unwrap())).unwrap();
    let name = client.backups().create(BackupsCreateParams::new()).unwrap().name;
    client.backups().restore(BackupsRestoreParams::new().name(name)).unwrap();
    let losing = client.secrets().status().unwrap().secrets;
    client.secrets().reset(SecretsResetParams::new(losing)).unwrap();
    let text = body(&"x".repeat(60_000)).unwrap();
    let items = (0..50).map(|n| SettingsSetItem::new(format!("app.{n}"), text.clone())).collect();
    client.settings().set_many(SettingsSetManyParams::new(items)).unwrap();
    client.close();

    let mut names = BTreeSet::new();
    wait_for(&received, |it| {
        assert!(!matches!(it, Notification::Other { .. }), "{it:?}");
        names.insert(it.method().to_owned());
        matches!(it, Notification::SystemClosing(_)).then_some(())
    });
    assert_eq!(names.into_iter().collect::<Vec<_>>(), NOTIFICATIONS);
}

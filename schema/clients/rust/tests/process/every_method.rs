//! Calls every method once with success; the test in Python that runs it compares the names with
//! the contract. `SIM_SIDECAR` must have a keychain.

use std::fs;

use sim_sidecar_client::*;

use crate::{folder, launch, saving};

const PASSPHRASE: &str = "correct horse";

#[test]
fn every_method_is_called_with_success() {
    let client = Client::spawn(&launch(), |_| {}).unwrap();

    workflows(&client);
    runs(&client);
    settings(&client);
    secrets(&client);
    audit(&client);
    backups(&client);
    system(&client);
    begin_new();
}

fn workflows(client: &Client) {
    let workflows = client.workflows();
    let files = folder();
    workflows.save(saving("w1", 1)).unwrap();
    let second = WorkflowsSaveManyItem::new(saving("w2", 2).workflow);
    workflows.save_many(WorkflowsSaveManyParams::new(vec![second])).unwrap();
    assert_eq!(workflows.get(WorkflowsGetParams::new("w1")).unwrap().workflow.revision, 1);
    let many = WorkflowsGetManyParams::new(vec!["w1".to_owned(), "w9".to_owned()]);
    assert_eq!(workflows.get_many(many).unwrap().missing, ["w9"]);
    let by_name = WorkflowsListParams::new().order_by(WorkflowsListOrderBy::Name);
    assert_eq!(workflows.list(by_name).unwrap().items.len(), 2);
    assert_eq!(workflows.search(WorkflowsSearchParams::new("w1")).unwrap().items.len(), 1);
    workflows.update(WorkflowsUpdateParams::new("w1").tags(vec!["old".to_owned()])).unwrap();
    workflows.duplicate(WorkflowsDuplicateParams::new("w1").new_id("w3")).unwrap();
    let update = WorkflowsUpdateManyParams::new(vec!["w2".to_owned()]).category("sales");
    workflows.update_many(update).unwrap();
    workflows.archive(WorkflowsArchiveParams::new("w3")).unwrap();
    workflows.unarchive(WorkflowsUnarchiveParams::new("w3")).unwrap();
    workflows.rename_tag(WorkflowsRenameTagParams::new("old", "new")).unwrap();
    let tags = workflows.tags(WorkflowsTagsParams::new()).unwrap();
    assert_eq!(tags.items[0].tag, "new");
    workflows.categories(WorkflowsCategoriesParams::new()).unwrap();
    workflows.save(saving("w1", 2)).unwrap();
    workflows.history(WorkflowsHistoryParams::new("w1")).unwrap();
    workflows.diff(WorkflowsDiffParams::new("w1", 1, 2)).unwrap();
    workflows.revert(WorkflowsRevertParams::new("w1", 1)).unwrap();
    let export = files.join("export.json").display().to_string();
    workflows.export(WorkflowsExportParams::new(export.as_str())).unwrap();
    let import = WorkflowsImportParams::new().path(export).policy(WorkflowsImportPolicy::New);
    workflows.import(import).unwrap();
    workflows.delete(WorkflowsDeleteParams::new("w3")).unwrap();
    let deleted = workflows.delete_many(WorkflowsDeleteManyParams::new(vec!["w2".to_owned()]));
    assert!(deleted.unwrap().items[0].deleted.is_some());
}

fn runs(client: &Client) {
    let runs = client.runs();
    for id in ["r1", "r2", "r3"] {
        runs.start(RunsStartParams::new("w1").id(id)).unwrap();
        runs.progress(RunsProgressParams::new(id).blocks_executed(3)).unwrap();
        let summary = body(&json!({"steps": [1, 2]})).unwrap();
        let finish = RunsFinishParams::new(id, RunsFinishStatus::Success).summary(summary);
        runs.finish(finish).unwrap();
    }
    let run = runs.get(RunsGetParams::new("r1")).unwrap().run;
    assert_eq!((run.status, run.summary.get()), (RunStatus::Success, r#"{"steps":[1,2]}"#));
    let listed = runs.list(RunsListParams::new().statuses(vec![RunStatus::Success])).unwrap();
    assert_eq!(listed.items.len(), 3);
    runs.stats(RunsStatsParams::new()).unwrap();
    runs.pin(RunsPinParams::new("r1", true)).unwrap();
    runs.delete(RunsDeleteParams::new("r2")).unwrap();
    runs.delete_many(RunsDeleteManyParams::new(vec!["r3".to_owned()])).unwrap();
    runs.prune(RunsPruneParams::new().keep_last(1).dry_run(true)).unwrap();
}

fn settings(client: &Client) {
    let settings = client.settings();
    let dark = || body(&"dark").unwrap();
    settings.set(SettingsSetParams::new("theme", dark())).unwrap();
    let item = SettingsSetItem::new("app.theme", dark()).value_type(ValueType::String);
    settings.set_many(SettingsSetManyParams::new(vec![item])).unwrap();
    let got = settings.get(SettingsGetParams::new("app.theme")).unwrap();
    assert_eq!(got.setting.value.get(), r#""dark""#);
    settings.list(SettingsListParams::new()).unwrap();
    settings.delete(SettingsDeleteParams::new("app.theme")).unwrap();
    settings.reset(SettingsResetParams::new()).unwrap();
}

fn secrets(client: &Client) {
    let secrets = client.secrets();
    secrets.initialize(SecretsInitializeParams::new().passphrase(PASSPHRASE)).unwrap();
    secrets.set(SecretsSetParams::new("openai", "sk-0123456789abcdef")).unwrap();
    let got = secrets.get(SecretsGetParams::new("openai")).unwrap();
    assert_eq!(got.value, "sk-0123456789abcdef");
    secrets.verify(SecretsVerifyParams::new("openai", "sk-0123456789abcdef")).unwrap();
    secrets.list(SecretsListParams::new()).unwrap();
    secrets.lock().unwrap();
    secrets.unlock(SecretsUnlockParams::new().passphrase(PASSPHRASE)).unwrap();
    let new = SecretsChangePassphraseParams::new("battery staple").old_passphrase(PASSPHRASE);
    secrets.change_passphrase(new).unwrap();
    assert!(!secrets.add_recovery().unwrap().recovery_code.is_empty());
    let slots = secrets.add_keychain().unwrap().slots;
    let keychain = slots.iter().find(|slot| slot.kind == SlotKind::Keychain).unwrap();
    secrets.remove_slot(SecretsRemoveSlotParams::new(keychain.slot)).unwrap();
    secrets.rotate().unwrap();
    secrets.rekey(SecretsRekeyParams::new().passphrase("battery staple")).unwrap();
    secrets.add_recovery().unwrap();
    remotes(client);
    secrets.delete(SecretsDeleteParams::new("openai")).unwrap();
    let losing = secrets.status().unwrap().secrets;
    secrets.reset(SecretsResetParams::new(losing)).unwrap();
}

fn remotes(client: &Client) {
    let remotes = client.remotes();
    let place = folder().join("remote");
    fs::create_dir(&place).unwrap();
    let off = body(&"off").unwrap();
    client.settings().set(SettingsSetParams::new("remote_push", off)).unwrap();
    let path = place.display().to_string().replace('\\', "/");
    let url = format!("file:///{}", path.trim_start_matches('/'));
    remotes.set(RemotesSetParams::new(url)).unwrap();
    assert!(remotes.test(RemotesTestParams::new()).unwrap().ok);
    let pushed = remotes.push(RemotesPushParams::new()).unwrap().backups;
    let listed = remotes.list(RemotesListParams::new()).unwrap().backups;
    let fetch = RemotesFetchParams::new(listed[0].device.as_str(), listed[0].n);
    assert_eq!(remotes.fetch(fetch).unwrap().name, pushed[0]);
    assert!(remotes.verify(RemotesVerifyParams::new().deep(true)).unwrap().ok);
    assert_eq!(remotes.status().unwrap().remotes[0].due_backups, 0);
    remotes.delete(RemotesDeleteParams::new()).unwrap();
    client.backups().delete(BackupsDeleteParams::new(pushed[0].as_str())).unwrap();
}

fn audit(client: &Client) {
    let audit = client.audit();
    let path = folder().join("audit.jsonl").display().to_string();
    let listed = audit.list(AuditListParams::new().limit(1)).unwrap();
    assert_eq!(listed.items[0].action, AuditAction::WorkflowSave);
    audit.subscribe(AuditSubscribeParams::new()).unwrap();
    audit.unsubscribe().unwrap();
    assert_eq!(audit.verify(AuditVerifyParams::new()).unwrap().first_bad_seq, None);
    audit.export(AuditExportParams::new(path.as_str())).unwrap();
    assert!(fs::metadata(path).unwrap().len() > 0);
    audit.prune(AuditPruneParams::new().keep_last(1000).dry_run(true)).unwrap();
}

fn backups(client: &Client) {
    let backups = client.backups();
    let name = backups.create(BackupsCreateParams::new().label("before")).unwrap().name;
    let listed = backups.list(BackupsListParams::new()).unwrap(); // the process backs up by itself, too
    assert!(listed.items.iter().any(|backup| backup.name == name));
    backups.verify(BackupsVerifyParams::new().name(name.as_str())).unwrap();
    backups.restore(BackupsRestoreParams::new().name(name.as_str())).unwrap();
    backups.delete(BackupsDeleteParams::new(name)).unwrap();
}

fn system(client: &Client) {
    let system = client.system();
    system.ping().unwrap();
    assert_eq!(system.info().unwrap().protocol_version, PROTOCOL_VERSION);
    system.stats().unwrap();
    assert!(system.check(SystemCheckParams::new().full(true)).unwrap().ok);
    system.purge().unwrap();
    system.compact().unwrap();
    assert_eq!(client.rpc().discover().unwrap()["openrpc"], "1.3.2");
    system.shutdown().unwrap();
    assert_eq!(client.close().exit_code, Some(0));
}

/// Begins with an empty database in place of one that is missing.
fn begin_new() {
    let folder = folder();
    fs::write(folder.join("app.db.known"), "").unwrap();
    let client = Client::spawn(&Launch::lookup().database(folder.join("app.db")), |_| {}).unwrap();
    assert_eq!(client.ready().unwrap().mode, ReadyMode::Rescue);
    let refused = client.workflows().list(WorkflowsListParams::new()).unwrap_err();
    assert_eq!(refused.slug(), Some("recovery_required"));

    client.system().recover(SystemRecoverParams::new().begin_new(true)).unwrap();

    assert!(client.workflows().list(WorkflowsListParams::new()).unwrap().items.is_empty());
    client.close();
}

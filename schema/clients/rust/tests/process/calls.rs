use std::sync::{Arc, Mutex};

use sim_sidecar_client::{
    body, BackupsCreateParams, CallOptions, CancelToken, Client, Error, RawValue, RunsListParams,
    SidecarError, WorkflowsGetParams, WorkflowsListOrderBy, WorkflowsListParams,
    WorkflowsSaveParams, WorkflowsSaveWorkflow,
};

use crate::{launch, saving};

fn client() -> Client {
    Client::spawn(&launch(), |_| {}).expect("it starts")
}

#[test]
fn a_body_comes_back_byte_for_byte_whatever_its_numbers_and_depth() {
    let client = client();
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let text = format!(r#"{{"z":1.10,"big":123456789012345678901234567890,"deep":{deep}}}"#);
    let data = RawValue::from_string(text.clone()).unwrap();
    let workflow = WorkflowsSaveWorkflow::new("Numbers", data).id("w1");

    client.workflows().save(WorkflowsSaveParams::new(workflow)).unwrap();

    let got = client.workflows().get(WorkflowsGetParams::new("w1")).unwrap();
    assert_eq!(got.workflow.data.get(), text);
}

#[test]
fn a_body_that_was_written_on_several_lines_is_sent_as_one_message() {
    let client = client();
    let data = RawValue::from_string("{\n  \"a\": [\n1 ]\n}".to_owned()).unwrap();
    let workflow = WorkflowsSaveWorkflow::new("Lines", data).id("w1");

    client.workflows().save(WorkflowsSaveParams::new(workflow)).unwrap();

    let got = client.workflows().get(WorkflowsGetParams::new("w1")).unwrap();
    assert_eq!(got.workflow.data.get(), "{   \"a\": [ 1 ] }");
}

#[test]
fn an_error_is_a_variant_with_the_data_of_its_slug() {
    let client = client();
    client.workflows().save(saving("w1", 1)).unwrap();

    let refused = client.workflows().save(saving("w1", 2).expected_revision(7)).unwrap_err();

    let Error::Sidecar(error) = refused else { panic!("{refused}") };
    assert_eq!((error.slug(), error.code(), error.retryable()), ("conflict", -32051, false));
    let SidecarError::Conflict(conflict) = *error else { panic!("{error:?}") };
    assert_eq!(conflict.data.revision, Some(1));
}

#[test]
fn a_request_that_is_too_long_to_be_read_is_refused_at_once() {
    let client = client();
    let data = body(&"x".repeat(33 * 1024 * 1024)).unwrap();
    let workflow = WorkflowsSaveWorkflow::new("Long", data);

    let refused = client.workflows().save(WorkflowsSaveParams::new(workflow)).unwrap_err();

    assert_eq!(refused.slug(), Some("invalid_request"), "{refused}");
    client.system().ping().unwrap();
}

#[test]
fn pages_are_followed_to_the_last_item() {
    let client = client();
    for number in 0..7 {
        client.workflows().save(saving(&format!("w{number}"), number)).unwrap();
    }

    let pages = client.workflows().list_pages(WorkflowsListParams::new().limit(3));
    let sizes: Vec<usize> = pages.map(|page| page.unwrap().items.len()).collect();
    let by_name = WorkflowsListParams::new().limit(2).order_by(WorkflowsListOrderBy::Name);
    let items = client.workflows().list_pages(by_name).items();

    let names: Vec<String> = items.map(|item| item.unwrap().name).collect();
    assert_eq!(names, ["w0", "w1", "w2", "w3", "w4", "w5", "w6"]);
    assert_eq!(sizes, [3, 3, 1]);
}

#[test]
fn an_error_ends_the_pages() {
    let client = client();

    let pages = client.runs().list_pages(RunsListParams::new().cursor("none"));

    let slugs: Vec<_> = pages.map(|page| page.unwrap_err().slug().map(str::to_owned)).collect();
    assert_eq!(slugs, [Some("invalid_params".to_owned())]);
}

#[test]
fn a_long_method_tells_progress_and_is_cancelled_by_its_token() {
    let client = client();
    client.workflows().save(saving("w1", 1)).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let options =
        CallOptions::new().on_progress(move |it| told.lock().unwrap().push(it.phase.clone()));
    client.with(options).backups().create(BackupsCreateParams::new()).unwrap();
    let token = CancelToken::new();
    token.cancel();

    let cancelled = client.with(CallOptions::new().cancel(&token));
    let outcome = cancelled.backups().create(BackupsCreateParams::new());

    assert!(!seen.lock().unwrap().is_empty());
    let error = outcome.unwrap_err();
    assert!(matches!(&error, Error::Sidecar(it) if it.slug() == "cancelled"), "{error}");
}

#[test]
fn a_client_is_used_by_many_threads_at_once() {
    let client = client();

    std::thread::scope(|scope| {
        for thread in 0..8 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..25 {
                    client
                        .workflows()
                        .save(saving(&format!("w{thread}-{number}"), number))
                        .unwrap();
                }
            });
        }
    });

    assert_eq!(client.system().stats().unwrap().workflows, 200);
    assert_eq!(client.close().exit_code, Some(0));
}

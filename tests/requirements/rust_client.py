"""What a host in Rust can rely on of its client."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "rust:every_method",
        "The Rust client calls every method and receives every notification with their types.",
        "test_the_rust_client_calls_every_method_of_the_contract_with_success",
        "test_the_rust_client_receives_every_notification_as_its_type",
    ),
    _promise.proven(
        "rust:calls",
        "The Rust client gives bodies byte for byte, errors with the data of their slugs, and"
        " lists page by page; progress starts a time-out afresh, a token cancels.",
        "test_the_rust_client_is_true_to_bodies_errors_pages_time_outs_and_cancels",
    ),
    _promise.proven(
        "rust:supervisor",
        "The Rust supervisor settles every call exactly once and gives every audit event exactly"
        " once and in order, whenever the process is killed; it unlocks, takes up runs, tells why a"
        " start failed, and gives up a crash loop.",
        "test_the_rust_supervisor_settles_every_call_once_and_gives_every_entry_once",
        "test_the_rust_supervisor_starts_unlocks_catches_up_and_gives_up",
    ),
    _promise.proven(
        "rust:examples",
        "The examples of the Rust client run, and the smallest host takes few lines.",
        "test_the_example_in_the_rust_readme_runs",
        "test_a_hello_world_host_in_rust_takes_few_lines",
    ),
    _promise.proven(
        "rust:tools",
        "The Rust client has no finding of clippy, is formatted, and can be packed.",
        "test_the_rust_client_satisfies_its_tools",
    ),
]

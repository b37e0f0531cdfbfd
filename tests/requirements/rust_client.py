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
        "The Rust client and the Tauri host's crate have no finding of clippy, are formatted, and"
        " can be packed; the client has the version of the program.",
        "test_the_rust_client_has_the_version_of_the_program",
        "test_what_is_written_in_rust_satisfies_its_tools",
    ),
    _promise.proven(
        "rust:tauri",
        "The Tauri host passes the lines of its page on, tells it when the process went and when"
        " another serves, and has all but the window in a crate without Tauri.",
        "test_the_tauri_host_passes_the_lines_of_a_page_and_tells_it_of_starts_and_ends",
        "test_the_window_of_the_tauri_host_takes_few_lines_and_its_folder_is_where_packages_say",
        "test_the_page_of_the_tauri_host_fits_the_types_of_client_and_tauri",
    ),
]

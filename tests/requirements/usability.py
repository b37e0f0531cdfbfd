"""Twenty behaviours by which people judge a command-line program and its clients."""

from tests.requirements.requirement import Source

_ecosystem = Source("ecosystem")
_CLIENTS = "later (other clients)"

REQUIREMENTS = [
    _ecosystem.proven(
        "01",
        "--version loads nothing else, and has a JSON form.",
        "test_the_version_is_printed_without_loading_anything_else",
        "test_the_version_is_printed_as_json",
    ),
    _ecosystem.owed("02", "On a terminal: short help and code 2.", "later (command line)"),
    _ecosystem.proven(
        "03:imports",
        "By the first answer no heavy library is loaded.",
        "test_the_first_answer_costs_no_heavy_import",
        "test_jsonrpcserver_is_loaded_when_a_line_first_needs_it",
    ),
    _ecosystem.proven(
        "03:packaged",
        "The same from the packaged program.",
        "test_the_packages_are_made_and_pass_the_smoke_test",
    ),
    _ecosystem.proven(
        "04",
        "Every byte of stdout is a JSON line, whatever prints.",
        "test_stdio_05_what_handlers_print_never_reaches_the_wire",
    ),
    _ecosystem.proven(
        "05",
        "The bytes are the same under every locale; CRLF is accepted.",
        "test_stdio_10_the_bytes_are_the_same_under_every_locale",
    ),
    _ecosystem.proven(
        "06",
        "The end of input: code 0, at once when idle, bounded while a task runs.",
        "test_stdio_02_an_idle_process_ends_within_a_second_and_leaves_nothing",
        "test_stdio_16_the_end_cancels_what_runs_and_answers_it",
    ),
    _ecosystem.proven(
        "07",
        "A killed client takes the process with it.",
        "test_stdio_01_the_process_ends_with_its_killed_parent",
    ),
    _ecosystem.proven(
        "08",
        "The shutdown method answers; what stands behind it gets a typed error.",
        "test_stdio_02_what_was_accepted_before_the_request_to_end_is_answered",
        "test_stdio_02_all_that_stands_before_an_exit_in_the_same_write_is_done",
        "test_the_process_answers_as_the_scenario_says",
    ),
    _ecosystem.proven(
        "09",
        "Signals end it cleanly, nothing is left beside the data.",
        "test_stdio_02_a_signal_lets_what_was_read_be_answered",
        "test_a_closed_database_leaves_one_file_and_its_marker",
    ),
    _ecosystem.proven(
        "10",
        "A reader that stops: bounded memory, stdin read, cancel works.",
        "test_stdio_11_unread_events_are_bounded_and_one_marker_reports_what_was_lost",
        "test_stdio_16_cancel_is_seen_while_answers_wait_for_the_reader",
    ),
    _ecosystem.proven(
        "11",
        "Messages with LSP headers get one error with a hint.",
        "test_headers_of_another_framing_get_a_hint",
    ),
    _ecosystem.proven(
        "12",
        "did_you_mean; the path of a wrong param; values are never echoed.",
        "test_the_process_answers_as_the_scenario_says",
        "test_a_fault_is_told_by_its_path_without_the_value",
    ),
    _ecosystem.proven(
        "13",
        "Every error has code, slug, retryable and a sentence; all are in the contract.",
        "test_an_error_says_when_it_is_raised_and_what_a_person_can_do",
        "test_codes_and_slugs_are_those_of_the_protocol",
    ),
    _ecosystem.proven(
        "14",
        "rpc.discover, the openrpc command and the committed file are the same.",
        "test_openrpc_prints_the_published_contract_byte_for_byte",
        "test_rpc_discover_gives_the_document_and_the_hash_is_of_its_compact_form_without_examples",
        "test_no_generated_file_is_stale",
        "test_each_method_has_an_example_that_fits_its_params_and_result",
    ),
    _ecosystem.owed("15", "Typed clients for TypeScript and Rust.", _CLIENTS),
    _ecosystem.proven(
        "16:first",
        "doctor finds what is wrong and says so.",
        "test_doctor_finds_a_foreign_file_and_says_so",
    ),
    _ecosystem.owed("16:whole", "doctor with every check of the list.", "later (command line)"),
    _ecosystem.proven(
        "17:call",
        "call METHOD with params, JSON in a pipe, a code on error.",
        "test_call_answers_with_one_line_of_json_in_a_pipe",
        "test_call_explains_an_error_and_suggests_the_nearest_method",
        "test_call_refuses_a_word_that_is_no_param",
    ),
    _ecosystem.owed("17:completion", "Completion for four shells.", "later (command line)"),
    _ecosystem.proven(
        "18:wire",
        "Progress for clients never falls.",
        "test_progress_never_falls_and_ends_with_the_whole",
    ),
    _ecosystem.owed("18:terminal", "A bar on terminals only.", "later (command line)"),
    _ecosystem.proven(
        "19",
        "The packaged program writes nowhere else.",
        "test_the_packages_are_made_and_pass_the_smoke_test",
    ),
    _ecosystem.proven(
        "20",
        "The inspector refuses strangers.",
        "test_another_host_is_refused_whatever_else_is_right",
        "test_another_origin_is_refused",
        "test_another_token_is_refused",
        "test_it_listens_on_loopback_alone",
    ),
]

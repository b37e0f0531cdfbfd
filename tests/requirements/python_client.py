"""What a host in Python can rely on."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "python:contract",
        "The Python client calls every method, with asyncio too, and receives every notification.",
        "test_the_python_client_calls_every_method_and_receives_every_notification",
        "test_the_python_client_has_every_method_for_asyncio_too",
        "test_the_python_client_yields_the_pages_of_a_list",
        "test_numbers_that_python_does_not_hold_are_received_as_infinite",
    ),
    _promise.proven(
        "python:calls",
        "A call can be cancelled, its time-out counts silence, and a death fails it at once.",
        "test_progress_starts_the_timeout_afresh",
        "test_progress_starts_the_timeout_of_an_awaited_call_afresh",
        "test_a_call_that_is_never_answered_times_out_and_its_late_answer_is_dropped",
        "test_cancel_names_the_request",
        "test_a_cancelled_task_cancels_the_request_of_the_python_client",
        "test_a_death_within_a_call_fails_it_and_every_later_one_at_once",
    ),
    _promise.proven(
        "python:supervisor",
        "Over kills of the process each call is settled once, and each audit entry is given once"
        " and in order.",
        "test_a_kill_amid_a_thousand_calls_settles_each_call_of_the_python_client_once",
        "test_a_kill_amid_a_thousand_calls_settles_each_awaited_call_once",
        "test_the_python_supervisor_fills_the_gap_of_an_overflow",
        "test_the_python_supervisor_tells_that_an_older_database_was_put_back",
        "test_a_python_host_goes_on_with_the_audit_entries_after_the_last_that_it_has",
        "test_a_callback_that_fails_does_not_stop_the_python_supervisor",
    ),
    _promise.proven(
        "python:starts",
        "A start that fails says why, a crash loop ends, and after each start secrets are unlocked"
        " and runs handed over.",
        "test_a_start_that_fails_tells_its_slug_through_the_python_client",
        "test_a_program_that_never_serves_is_a_failed_start_of_the_python_client",
        "test_the_python_supervisor_gives_up_on_a_crash_loop",
        "test_the_python_supervisor_unlocks_after_each_start",
        "test_the_python_supervisor_hands_over_the_runs_that_a_kill_interrupted",
        "test_errors_and_callbacks_reach_the_event_loop_of_the_python_client",
    ),
    _promise.proven(
        "python:first_steps",
        "Its examples run, a host takes at most 15 lines, and it finds the program by a variable,"
        " beside the app, in the environment or on PATH, in this order.",
        "test_the_examples_of_the_python_client_run_as_they_stand",
        "test_a_host_in_python_takes_at_most_fifteen_lines",
        "test_the_python_client_finds_the_program_in_each_place",
        "test_the_python_client_is_published_with_the_version_of_the_product",
    ),
]

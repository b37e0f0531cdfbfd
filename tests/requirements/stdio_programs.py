"""Twenty behaviours of programs that speak over stdin and stdout.

Each was chosen after public reports of faults in language servers, debug adapters and sidecars.
"""

from tests.requirements.requirement import Source

_stdio = Source("stdio")

REQUIREMENTS = [
    _stdio.proven(
        "01",
        "The death of the parent ends the process within a second, also while a sibling holds"
        " the pipe and with an explicit --parent-pid.",
        "test_stdio_01_the_process_ends_with_its_killed_parent",
        "test_stdio_01_the_process_ends_with_a_parent_named_by_its_number",
        "test_stdio_01_a_named_parent_that_is_already_dead_ends_it_at_once",
        "test_stdio_01_a_named_parent_we_may_not_signal_counts_as_alive",
        "test_the_death_of_a_named_parent_stops",
    ),
    _stdio.proven(
        "02",
        "Three requests and the end of input give three answers, a closed database and code 0.",
        "test_stdio_02_an_idle_process_ends_within_a_second_and_leaves_nothing",
        "test_stdio_02_three_requests_and_the_end_of_input_give_three_answers",
        "test_stdio_02_a_last_line_without_its_end_is_served",
        "test_stdio_02_a_signal_lets_what_was_read_be_answered",
        "test_stdio_02_what_was_accepted_before_the_request_to_end_is_answered",
        "test_stdio_02_all_that_stands_before_an_exit_in_the_same_write_is_done",
    ),
    _stdio.proven(
        "03",
        "A handler that never returns cannot stop the exit; a second signal ends it at once.",
        "test_stdio_03_a_handler_that_never_returns_cannot_stop_the_exit",
        "test_stdio_03_a_second_signal_ends_it_at_once",
        "test_stdio_03_the_death_of_the_parent_ends_a_handler_that_never_returns",
        "test_a_signal_stops_and_the_limit_ends_what_does_not",
    ),
    _stdio.proven(
        "04",
        "Many starts and stops leave no crash, no stray file and no process.",
        "test_stdio_04_twenty_starts_and_stops_leave_nothing",
        "test_stdio_04_two_hundred_starts_and_stops_leave_nothing",
    ),
    _stdio.proven(
        "05",
        "What handlers, C code and child processes print never reaches the wire.",
        "test_stdio_05_what_handlers_print_never_reaches_the_wire",
        "test_every_kind_of_noise_is_really_made",
    ),
    _stdio.proven(
        "06",
        "A line over 32 MiB is one -32600 with the limit, the next is served, memory is bounded.",
        "test_stdio_06_a_line_of_64_mib_is_refused_once_and_memory_stays_bounded",
        "test_stdio_06_64_mib_without_a_line_end_are_refused_once_at_the_end_of_input",
        "test_stdio_06_a_line_just_within_the_limit_is_read",
        "test_an_endless_line_is_told_once_and_the_next_one_is_served",
    ),
    _stdio.proven(
        "07",
        "No answer line exceeds 32 MiB: lists and get_many stop before it, else an error.",
        "test_stdio_07_get_many_stops_before_the_cap_and_names_what_it_did_not_send",
        "test_stdio_07_lists_stop_before_the_cap_and_go_on_by_cursor",
        "test_stdio_07_a_larger_answer_becomes_an_error_and_serving_goes_on",
        "test_stdio_07_a_batch_of_large_answers_has_an_error_where_one_does_not_fit",
    ),
    _stdio.proven(
        "08",
        "Every malformed line gets one right error and the next line is served.",
        "test_stdio_08_every_malformed_line_gets_one_right_error_and_the_next_is_served",
        "test_stdio_08_a_malformed_notification_is_not_answered",
        "test_stdio_08_ten_thousand_fuzzed_lines_crash_nothing",
        "test_stdio_08_a_hundred_thousand_fuzzed_lines_crash_nothing",
        "test_any_line_is_a_sound_request_or_one_standard_error",
    ),
    _stdio.proven(
        "09",
        "Output is valid UTF-8 on one line; U+2028, CR, surrogates and NaN never leave raw.",
        "test_stdio_09_characters_that_split_lines_never_leave_raw",
        "test_stdio_09_a_lone_surrogate_or_nan_is_refused_and_nothing_is_stored",
    ),
    _stdio.proven(
        "10",
        "The bytes are the same under cp1252, cp932 and C; CRLF is accepted.",
        "test_stdio_10_the_bytes_are_the_same_under_every_locale",
        "test_stdio_10_a_path_that_is_no_text_is_refused_as_wrong_usage",
    ),
    _stdio.proven(
        "11",
        "A reader that stops loses no answer; events are bounded, one marker tells the loss;"
        " requests not begun wait.",
        "test_stdio_11_unread_events_are_bounded_and_one_marker_reports_what_was_lost",
        "test_stdio_11_no_answer_is_dropped_however_late_it_is_read",
        "test_stdio_11_the_end_of_input_is_seen_while_stdout_is_not_read",
        "TestSlowReader",
    ),
    _stdio.proven(
        "12",
        "An unread stderr stops nothing; a closed stdout ends the process quietly.",
        "test_stdio_12_an_unread_stderr_stops_nothing",
        "test_stdio_12_a_closed_stdout_ends_the_process_quietly",
        "test_stdio_12_a_closed_stdout_ends_it_while_answers_wait",
        "test_a_reader_that_never_reads_is_not_waited_for_and_the_lost_are_counted",
    ),
    _stdio.proven(
        "13",
        "Events carry a persistent seq; audit.list returns every gap, also after kill -9.",
        "test_stdio_13_after_a_kill_the_client_gets_every_event_it_missed",
        "test_stdio_13_after_a_kill_audit_list_has_every_number",
    ),
    _stdio.proven(
        "14",
        "An event leaves only after its COMMIT and after its answer, in order.",
        "test_stdio_14_an_event_follows_its_answer_and_its_commit_in_a_thousand_runs",
        "test_answers_of_a_burst_leave_before_its_events",
    ),
    _stdio.proven(
        "15",
        "One long request too many is `overloaded` at once; ping and cancel go on.",
        "test_stdio_15_one_request_too_many_is_refused_at_once_and_the_rest_goes_on",
        "test_one_long_request_too_many_is_overloaded_at_once_and_short_ones_go_on",
    ),
    _stdio.proven(
        "16",
        "Cancel of a long request: a queued one never starts, a running one stops soon with its"
        " step undone; one answer; unknown ids are ignored.",
        "test_stdio_16_a_running_request_stops_soon_and_its_step_is_undone",
        "test_stdio_16_a_queued_request_never_starts_and_is_answered_at_once",
        "test_stdio_16_a_request_cancelled_in_the_same_breath_never_starts",
        "test_stdio_16_cancels_of_unknown_and_ended_requests_are_ignored",
        "test_stdio_16_cancel_is_seen_while_answers_wait_for_the_reader",
        "test_stdio_16_the_end_cancels_what_runs_and_answers_it",
    ),
    _stdio.proven(
        "17:long-methods",
        "Ping is answered within 100 ms while long methods read and write.",
        "test_stdio_17_ping_is_answered_while_long_methods_write",
        "test_stdio_17_ping_is_answered_while_a_long_method_holds_the_lock",
    ),
    _stdio.proven(
        "17:backup",
        "Ping is answered during a backup and a VACUUM.",
        "test_stdio_17_ping_is_answered_while_a_backup_and_a_compaction_run",
    ),
    _stdio.proven(
        "18",
        "Backup and restore: monotonic progress, one end, old database intact when cancelled or"
        " killed, too new backups refused.",
        "test_stdio_18_progress_rises_to_one_end",
        "test_stdio_18_cancelled_it_leaves_the_database_as_it_was",
        "test_stdio_18_killed_amid_a_backup_nothing_half_made_is_listed",
        "test_a_newer_backup_is_refused",
    ),
    _stdio.proven(
        "19:instance",
        "A second process is refused with its own code and the holder named; the lock dies with"
        " its process; a newer database is refused unchanged.",
        "test_stdio_19_a_second_process_is_refused_and_told_who_holds_the_database",
        "test_stdio_19_the_lock_ends_with_its_process",
        "test_a_newer_database_is_refused_unchanged",
        "test_a_real_kill_at_a_statement_leaves_the_old_or_the_new_version",
    ),
    _stdio.proven(
        "19:every-migration",
        "kill -9 inside each shipped migration leaves the old or the new version: the import of"
        " the file of the customer's first program is the only one so far.",
        "test_really_killed_the_old_or_the_new_file_is_there",
        "test_stopped_at_any_step_the_next_start_finishes",
    ),
    _stdio.proven(
        "20",
        "system.ready is the first line, no handshake is needed; a start that fails writes one"
        " JSON line on stderr and ends with its code; calls to a dead process fail at once.",
        "test_stdio_20_the_first_line_is_ready_with_all_that_a_client_needs",
        "test_stdio_20_nothing_is_refused_for_lack_of_a_handshake",
        "test_stdio_20_a_file_that_cannot_be_served_is_refused_untouched",
        "test_stdio_20_a_folder_in_the_databases_place_is_refused",
        "test_stdio_20_a_place_that_cannot_be_written_is_refused",
        "test_stdio_20_a_log_file_that_cannot_be_opened_is_refused",
        "test_a_death_within_a_call_fails_it_and_every_later_one_at_once",
    ),
]

"""What the process, its dispatcher, the store and the first methods promise."""

from tests.requirements.requirement import Source

_promise = Source("house")

_PROCESS = [
    _promise.proven(
        "process:serve",
        "`sim-sidecar serve --database FILE`, `python -m sidecar`, `--ephemeral`.",
        "test_serving_is_what_happens_without_a_word",
        "test_an_ephemeral_process_leaves_nothing",
        "test_an_ephemeral_folder_whose_database_is_not_served_yet_is_left_alone",
        "test_what_a_killed_ephemeral_process_left_is_found_and_goes_with_the_next_start",
        "test_every_option_is_read",
    ),
    _promise.proven(
        "process:start_cost",
        "A start imports what the first answer needs; 3 % more than is recorded is refused. The"
        " rest is loaded when the client pauses, or within 2 s.",
        "test_a_start_imports_hardly_more_modules_than_are_recorded",
        "test_three_percent_more_modules_or_instructions_are_too_many",
        "test_usual_arguments_are_read_without_argparse_and_mean_the_same",
        "test_modules_are_loaded_when_the_client_pauses",
        "test_modules_are_loaded_after_a_time_although_the_client_never_pauses",
    ),
    _promise.proven(
        "process:descriptors",
        "The process serves over pipes, sockets, files and closed descriptors.",
        "test_it_serves_over_a_socket_pair_as_node_hands_it",
        "test_it_serves_over_one_socket_for_both_directions",
        "test_it_serves_from_a_file_into_a_file",
        "test_descriptors_that_are_closed_at_the_start_harm_nothing",
        "test_a_child_process_of_a_handler_inherits_no_descriptor_of_ours",
    ),
    _promise.proven(
        "process:ready",
        "`system.ready` is the first line.",
        "test_stdio_20_the_first_line_is_ready_with_all_that_a_client_needs",
    ),
    _promise.proven(
        "process:lines",
        "Lines are cut and bounded however their bytes arrive.",
        "test_any_chunking_gives_the_same_lines",
        "test_no_byte_is_held_but_those_of_an_unfinished_line",
        "test_the_limit_is_the_last_length_that_passes",
    ),
    _promise.proven(
        "process:end",
        "At EOF, a signal, system.shutdown, system.exit or the parent's death accepted"
        " requests are answered before the end.",
        "test_stdio_02_a_signal_lets_what_was_read_be_answered",
        "test_stdio_02_what_was_accepted_before_the_request_to_end_is_answered",
        "test_stdio_02_all_that_stands_before_an_exit_in_the_same_write_is_done",
        "test_the_process_answers_as_the_scenario_says",
        "test_stdio_01_the_process_ends_with_a_parent_named_by_its_number",
    ),
    _promise.proven(
        "process:instance",
        "One process serves a database, which a lock file ensures.",
        "test_the_file_says_who_holds_it_and_since_when",
        "test_a_second_lock_is_refused_naming_the_holder",
        "test_the_lock_dies_with_a_killed_process",
    ),
    _promise.proven(
        "process:depth",
        "Depth is counted before any decoding; a RecursionError never reaches the wire.",
        "test_depth_is_that_of_a_scan_a_character_at_a_time",
        "test_params_that_nest_too_deep_are_told_with_their_id",
        "test_depth_elsewhere_is_one_invalid_request_without_id",
    ),
]

_DISPATCHER = [
    _promise.proven(
        "dispatcher:table",
        "One table of methods from typed params and results.",
        "test_a_method_has_params_of_its_own_named_after_it",
        "test_params_refuse_unknown_members_at_every_depth",
        "test_a_fault_in_a_declaration_is_found_at_import",
    ),
    _promise.proven(
        "dispatcher:lanes",
        "The direct lane and the jsonrpcserver lane give the same answers.",
        "test_both_lanes_give_the_same_answers_and_events",
        "test_every_method_is_served_the_same_at_its_simplest",
        "test_we_answer_as_jsonrpcserver_does",
        "test_where_we_differ_from_jsonrpcserver_the_specification_wins",
    ),
    _promise.proven(
        "dispatcher:specification",
        "Every example of the JSON-RPC 2.0 specification; batches; by-position params.",
        "test_every_example_of_the_specification_is_answered_as_it_says",
        "test_a_batch_is_one_line_in_order_and_its_members_fail_alone",
        "test_by_position_and_by_name_give_the_same_params",
    ),
    _promise.proven(
        "dispatcher:errors",
        "Errors have the codes and slugs of the contract, exit codes and suggestions for"
        " mistyped names.",
        "test_codes_and_slugs_are_those_of_the_protocol",
        "test_every_error_occurs_in_a_scenario_or_is_listed_here",
        "test_stdio_20_a_file_that_cannot_be_served_is_refused_untouched",
        "test_wrong_usage_ends_with_two_and_says_why",
    ),
    _promise.proven(
        "dispatcher:silence",
        "Nothing of an exception's text is on the wire.",
        "test_nothing_of_an_exception_reaches_the_wire",
        "test_a_secret_in_an_exception_stays_on_stderr",
    ),
    _promise.proven(
        "dispatcher:long",
        "Long methods run in a pool, send `$/progress` and stop at `$/cancelRequest`.",
        "test_events_of_a_long_method_leave_step_by_step_and_its_last_after_the_answer",
        "test_a_running_long_method_is_cancelled_and_answered_once",
        "test_a_long_method_that_ends_before_its_submission_returns_is_answered_once",
        "test_a_long_request_cancelled_before_its_turn_never_starts",
        "test_at_most_so_many_run_at_once_and_they_begin_in_order",
        "test_progress_never_falls_and_ends_with_the_whole",
    ),
]

_STORE = [
    _promise.proven(
        "store:bursts",
        "Requests that wait together share one connection, transaction and COMMIT.",
        "test_what_waits_together_is_one_transaction_and_answered_in_order",
        "test_a_failing_member_is_undone_alone_and_burns_no_number",
        "test_a_burst_ends_at_its_bound",
        "test_a_burst_that_only_reads_begins_no_transaction",
    ),
    _promise.proven(
        "store:codec",
        "Bodies are stored as gzip with their hash and come back byte for byte.",
        "test_what_is_packed_comes_back",
        "test_every_flipped_bit_is_damage_or_the_same_body",
        "test_a_body_of_any_kind_is_stored_as_it_was_sent",
        "test_a_body_comes_back_byte_for_byte",
    ),
    _promise.proven(
        "store:schema",
        "A new file has every table of the schema and is private.",
        "test_a_new_file_is_ours_whole_and_private",
        "test_the_commented_schema_makes_the_tables_of_a_fresh_database",
    ),
    _promise.proven(
        "store:search",
        "Search finds words and parts of words in headers.",
        "test_queries",
        "test_a_hit_in_the_name_comes_before_one_in_the_description",
        "test_no_hit_comes_twice_when_words_and_trigrams_both_find_it",
    ),
    _promise.proven(
        "store:legacy",
        "A file of the customer's first program, in every shape, is migrated with nothing lost.",
        "test_every_shape_of_a_legacy_file_is_migrated",
        "test_the_old_content_is_kept_with_the_runs_that_have_no_workflow",
        "test_the_copy_before_a_migration_is_the_old_file_and_private",
    ),
    _promise.proven(
        "store:swap",
        "A replacement of the file that is stopped anywhere leaves the old or the new file.",
        "test_the_new_file_is_in_place_and_the_old_one_kept",
        "test_stopped_at_any_step_the_next_start_has_the_old_or_the_new_file",
        "test_an_interrupted_replacement_is_finished_first",
    ),
]

_METHODS = [
    _promise.proven(
        "methods:all",
        "Every method is called, and every notification sent, in a conversation with the real"
        " process; ready, the first list of 50 and a live change take two requests.",
        "test_every_method_is_called_in_a_scenario",
        "test_every_notification_occurs_in_a_scenario",
        "test_the_process_answers_as_the_scenario_says",
    ),
    _promise.proven(
        "methods:rules-of-save",
        "A save compares the expected revision, writes nothing when nothing changed,"
        " protects full bodies and archived workflows.",
        "test_a_save_creates_then_changes_then_writes_nothing",
        "test_expected_revision_is_compare_and_set",
        "test_an_archived_workflow_refuses_content",
        "test_save_many_saves_none_when_one_fails",
        "test_save_many_with_skip_saves_the_others_when_one_fails",
    ),
    _promise.proven(
        "methods:audit",
        "An audit entry is in the savepoint of its act; events follow COMMIT without gaps,"
        " can be replayed, and dropped ones are counted.",
        "test_events_stream_from_the_start_in_order_without_gaps",
        "test_between_two_subscriptions_numbers_rise_and_none_is_left_out",
        "test_a_replay_tells_what_was_missed_and_then_goes_live",
        "test_a_reader_that_stops_loses_events_but_no_answer_and_can_fill_the_gap",
    ),
    _promise.proven(
        "methods:audited",
        "Every method that changes something leaves its entries in the act's own transaction, and"
        " no other does; what cannot be logged does not happen.",
        "test_every_method_is_an_act_or_changes_nothing",
        "test_an_act_writes_its_entries_and_emits_each_as_an_event",
        "test_an_act_whose_entry_cannot_be_written_does_not_happen",
        "test_a_refused_act_writes_no_entry_and_changes_nothing",
        "test_every_action_that_is_logged_is_in_the_list_of_actions",
    ),
    _promise.proven(
        "methods:check",
        "system.check finds what is wrong, names a cure that works, and can be cancelled.",
        "test_a_finding_is_reported_once_and_its_sql_cures_it",
        "test_a_finding_names_its_row_and_a_method_cures_it",
        "test_a_check_that_damage_ends_is_a_finding_and_the_others_still_run",
        "test_a_check_that_is_cancelled_stops_and_leaves_no_trace",
        "test_a_cancel_reaches_into_a_statement",
    ),
    _promise.proven(
        "methods:bad-input",
        "For every method a wrong type, missing, unknown, too long or too deep param is -32602"
        " with its path, and the database is unchanged.",
        "test_every_fault_of_every_param_is_reported_with_its_path_and_changes_nothing",
        "test_the_faults_are_of_every_kind",
    ),
    _promise.proven(
        "methods:foreign-files",
        "Files that are foreign, newer or not SQLite are refused untouched.",
        "test_a_file_that_is_refused_is_untouched",
        "test_a_foreign_file_is_refused_unchanged",
        "test_a_newer_database_is_refused_unchanged",
    ),
]

_PEOPLE = [
    _promise.proven(
        "contract:generated",
        "rpc.discover, the openrpc command and the files of schema/ agree and are fresh.",
        "test_openrpc_prints_the_published_contract_byte_for_byte",
        "test_the_document_has_the_form_of_openrpc",
        "test_no_generated_file_is_stale",
    ),
    _promise.proven(
        "contract:frozen",
        "What a version of the contract has published, each later one of its major version keeps.",
        "test_what_was_published_cannot_be_lost",
        "test_a_later_contract_may_gain",
        "test_the_contract_of_now_has_all_that_was_published",
    ),
    _promise.proven(
        "contract:client",
        "A typed Python client, through which process tests speak.",
        "test_the_python_client_needs_the_standard_library_alone",
        "test_stdio_13_after_a_kill_the_client_gets_every_event_it_missed",
    ),
    _promise.proven(
        "people:readme",
        "A README under 150 lines whose conversation is replayed.",
        "test_the_conversation_of_the_readme_is_what_the_process_says",
        "test_the_readme_stays_under_150_lines",
        "test_the_python_snippet_of_the_readme_runs",
    ),
    _promise.proven(
        "people:commands",
        "The commands demo, call, doctor, --version and --help work.",
        "test_the_demo_works_twice_on_one_database",
        "test_call_answers_with_one_line_of_json_in_a_pipe",
        "test_doctor_finds_a_foreign_file_and_says_so",
        "test_help_names_every_command_and_an_example",
    ),
    _promise.proven(
        "proof:parents",
        "A Node and a Rust parent spawn it, talk, kill and restart it.",
        "test_a_node_parent_spawns_talks_kills_and_restarts",
        "test_a_rust_parent_spawns_talks_kills_and_restarts",
    ),
    _promise.proven(
        "proof:corpus",
        "Every file of the corpus comes back byte for byte.",
        "test_every_file_of_the_corpus_comes_back_byte_for_byte",
    ),
    _promise.proven(
        "proof:models",
        "Models made by hypothesis agree with the store, and acknowledged saves survive kill -9.",
        "TestWorkflows",
        "TestSlowReader",
        "test_acknowledged_saves_survive_kill_9",
    ),
    _promise.proven(
        "proof:requirements",
        "Every requirement names tests that exist, and every test that names a requirement"
        " is listed.",
        "test_every_named_test_exists_once",
        "test_a_requirement_is_proven_or_owed_and_never_both",
        "test_every_test_that_names_a_requirement_is_listed_by_it",
    ),
    _promise.proven(
        "proof:layers",
        "Import contracts hold; files and functions stay short.",
        "test_imports_point_one_way_and_each_library_has_one_door",
        "test_no_file_is_too_long_to_keep_in_mind",
        "test_no_function_is_too_long_for_a_screen",
    ),
    _promise.proven(
        "proof:start",
        "No heavy library is imported before the first answer.",
        "test_the_first_answer_costs_no_heavy_import",
    ),
    _promise.proven(
        "runs:interrupted",
        "A run that outlives kills of the process ends with its true duration, under every"
        " retention; a waiting run is not interrupted; an interrupted one is no failure.",
        "test_a_run_that_outlives_three_kills_ends_as_success_with_its_true_duration",
        "test_retention_spares_an_interrupted_run_for_seven_days",
        "test_a_waiting_run_goes_on_over_a_restart_and_its_duration_includes_the_wait",
        "test_an_interrupted_run_is_no_failure_in_the_figures",
        "test_a_restore_marks_the_runs_that_were_running_but_not_those_that_waited",
    ),
    _promise.proven(
        "runs:finish",
        "The end of a run is recorded whatever is wrong with its texts.",
        "test_the_end_of_a_run_is_recorded_whatever_is_wrong_with_its_texts",
        "test_an_error_message_is_cut_or_repaired_and_the_answer_says_so",
        "test_a_summary_of_any_size_ends_the_run",
    ),
    _promise.proven(
        "runs:changed",
        "Every change to a run is told, its progress once a second.",
        "test_every_change_to_a_run_is_told_with_the_newest_entry",
        "test_of_the_progress_of_a_run_the_newest_is_told_once_a_second",
    ),
    _promise.proven(
        "runs:days",
        "Days of figures are those of an IANA time zone, also where clocks change.",
        "test_a_run_is_of_its_own_day_on_both_sides_of_a_change_of_clocks",
        "test_every_time_is_of_one_day_also_where_clocks_change_at_midnight",
        "test_an_unknown_time_zone_is_refused_by_its_member",
    ),
]

REQUIREMENTS = [*_PROCESS, *_DISPATCHER, *_STORE, *_METHODS, *_PEOPLE]

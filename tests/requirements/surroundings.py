"""What holds whatever happens around the process: its parent, its files and the machine's limits.

One list for each area, so that each can grow by itself.
"""

from tests.requirements.requirement import Source

_around = Source("surroundings")

LINES = [
    _around.proven(
        "control",
        "A cancel and an exit are recognised in every form that JSON-RPC allows.",
        "test_a_cancel_is_recognised_in_any_form",
        "test_an_exit_is_recognised_in_any_form",
        "test_an_exit_of_another_version_of_json_rpc_is_none",
    ),
    _around.proven(
        "wiped_lines",
        "No copy of a secret stays in memory, however its line is spelled, and none of a line that"
        " cannot be decoded.",
        "test_a_secret_leaves_memory_however_its_line_is_spelled",
    ),
]

SECRETS = [
    _around.proven(
        "cancelled_try",
        "A passphrase that is being tried is counted, throttled and logged whatever is cancelled;"
        " a right one does what was asked.",
        "test_a_wrong_passphrase_is_counted_throttled_and_logged_although_its_request_is_cancelled",
        "test_a_right_passphrase_does_what_was_asked_although_its_request_is_cancelled",
        "test_the_end_of_the_process_does_not_save_a_try",
    ),
    _around.proven(
        "uncounted_try",
        "A wrong passphrase is throttled also where the file cannot count it.",
        "test_a_wrong_passphrase_that_the_file_cannot_count_is_throttled_all_the_same",
    ),
    _around.proven(
        "rollback",
        "Rows of the vault that another program puts back, all together or slots alone, are"
        " tampered for unlock, for writes and for audit.verify.",
        "test_a_vault_put_back_as_it_was_before_a_write_is_tampered",
        "test_a_vault_put_back_by_a_second_program_is_tampered_for_unlock_and_verify",
        "test_an_old_slot_put_back_alone_opens_nothing",
        "test_a_vault_put_back_is_found_after_its_entries_were_pruned",
        "test_a_vault_that_is_put_back_is_not_accepted_by_a_later_checkpoint",
        "test_what_was_put_back_can_be_given_up",
    ),
    _around.proven(
        "keychain",
        "A keychain that is locked, silent, killed or absent holds up no other request, is told in"
        " time, can be cancelled, and leaves no item behind.",
        "test_a_real_keychain_unlocks_after_a_rekey_and_a_restart",
        "test_a_job_that_waits_for_a_person_takes_no_other_jobs_place",
        "test_a_job_that_replaces_the_file_does_not_wait_for_one_that_waits_for_a_person",
        "test_a_locked_keychain_without_a_prompt_is_reported_at_once_and_can_be_retried",
        "test_while_a_keychain_is_silent_every_other_request_goes_on",
        "test_a_silent_keychain_is_waited_for_until_the_cancel",
        "test_a_keychain_that_is_killed_during_a_call_can_be_tried_again",
        "test_an_item_that_is_written_after_its_request_was_given_up_is_removed",
        "test_an_item_that_the_keychain_writes_late_is_removed_by_the_call_that_wrote_it",
        "test_a_bus_that_accepts_and_never_answers_costs_seconds_and_holds_nothing",
        "test_an_absent_bus_is_told_at_once",
    ),
    _around.proven(
        "rollback_false_alarm",
        "A restore of secrets, a log of an earlier version, and damage are no rollback.",
        "test_secrets_restored_while_their_own_root_key_is_unlocked_are_not_a_rollback",
        "test_a_log_of_an_earlier_version_unlocks_and_is_guarded_from_then_on",
        "test_damage_to_a_slot_or_to_the_newest_checkpoint_is_not_taken_for_a_rollback",
    ),
]

FILES = [
    _around.proven(
        "lost_log",
        "A write-ahead log that is removed, replaced or cut off while it is served takes nothing"
        " along that was acknowledged before or after, as far as it can be noticed.",
        "test_no_acknowledged_save_is_lost_with_a_log_that_was_removed_or_replaced",
        "test_a_backup_and_every_read_are_whole_after_the_log_was_removed_or_replaced",
        "test_saves_that_meet_a_reader_of_the_lost_log_are_refused_or_kept",
        "test_a_log_that_was_cut_off_destroys_nothing_more_and_a_backup_has_everything",
        "test_a_checkpoint_by_another_program_is_not_taken_for_a_cut",
        "test_a_start_without_the_log_of_a_killed_process_says_so_and_checks",
    ),
    _around.proven(
        "log_room",
        "Soon after a start and after a purge the write-ahead log has room that commits write over;"
        " neither a crash, another program nor a full disk makes anything be lost by it.",
        "test_the_log_gets_room_soon_after_the_start_and_again_after_a_purge",
        "test_commits_write_over_the_room",
        "test_a_purge_leaves_no_deleted_text_in_the_room",
        "test_another_program_finds_all_after_a_crash_at_any_point",
        "test_a_power_loss_while_the_log_gets_room_loses_nothing",
        "test_nothing_is_written_while_another_connection_writes",
        "test_a_log_that_was_cut_off_is_not_lengthened",
        "test_a_disk_without_room_keeps_what_it_has",
        "test_the_log_grows_in_pauses_in_steps_and_not_while_a_request_waits",
        "test_the_log_gets_room_again_after_it_was_emptied",
    ),
    _around.proven(
        "lost_transaction",
        "Nothing is written by itself after SQLite has undone the transaction that it was part of.",
        "test_a_batch_writes_nothing_after_a_read_within_it_has_lost_its_transaction",
    ),
    _around.proven(
        "one_file",
        "One process serves a file, by whatever names it is reached and whatever removes its lock"
        " file; several names are reported.",
        "test_a_file_that_is_served_is_refused_by_whatever_name",
        "test_a_file_that_took_the_place_of_the_served_one_is_refused_by_whatever_name",
        "test_another_program_that_reads_and_writes_does_not_loosen_the_locks",
        "test_a_lock_file_that_was_removed_is_there_again_after_the_next_save",
        "test_a_second_name_is_reported_while_the_file_is_served_and_at_the_next_start",
        "test_the_lock_of_the_file_ends_with_its_process",
        "test_doctor_warns_of_a_file_with_several_names_and_sees_its_server_without_a_lock_file",
    ),
]

ROWS = [
    _around.proven(
        "rows",
        "A damaged cell ends no list: it goes on and marks the row.",
        "test_a_list_goes_on_and_marks_a_damaged_row",
    ),
    _around.proven(
        "columns",
        "A damaged cell of any column causes no unknown error; system.check finds it, and saving"
        " over it, deleting it or a recovery mends it.",
        "test_a_damaged_workflow_is_found_and_saved_over_deleted_or_recovered",
        "test_a_damaged_cell_of_any_column_causes_no_unknown_error_and_is_recovered",
        "test_every_damage_of_every_column_causes_no_unknown_error_in_a_real_process",
    ),
]

WHOLE_FILE = [
    _around.proven(
        "whole_file",
        "What replaces the database file runs alone: it waits without a thread, reports that, can"
        " be cancelled, gives up after 30 s; meanwhile other long requests are refused.",
        "test_a_job_that_replaces_the_file_waits_without_a_thread_and_then_runs_alone",
        "test_other_jobs_are_refused_while_one_replaces_the_file_or_waits_to",
        "test_a_job_that_has_waited_too_long_is_refused_and_does_not_block_others",
        "test_a_job_that_waits_can_be_cancelled",
        "test_a_job_that_gives_way_is_cancelled_by_one_that_replaces_the_file",
        "test_a_compaction_waits_for_a_long_request_and_others_are_refused_meanwhile",
        "test_a_compaction_that_waits_is_answered_at_the_end_of_input",
        "test_a_restore_beside_any_long_request_brings_back_its_backup",
    ),
    _around.proven(
        "scratch",
        "Each job works in files of its own, which it removes; the next start removes the rest.",
        "test_jobs_at_the_same_time_have_folders_of_their_own_and_leave_nothing",
        "test_what_a_killed_process_left_is_removed_at_the_start",
        "test_a_symbolic_link_in_the_folders_place_is_neither_emptied_nor_used",
        "test_two_verifications_at_once_find_sound_backups_sound",
        "test_two_backups_at_once_are_two_backups",
    ),
    _around.proven(
        "same_bytes",
        "What takes the place of the database is by its hash what was examined and finished.",
        "test_a_staged_file_that_was_changed_after_it_was_finished_replaces_nothing",
        "test_a_backup_that_is_changed_after_it_was_examined_is_not_put_in_place",
    ),
    _around.proven(
        "ready_at_once",
        "The new file serves at once, and ping while it is made.",
        "test_a_save_right_after_the_file_was_replaced_is_done_beside_a_long_read",
        "test_a_job_whose_answer_is_handed_over_neither_refuses_nor_delays_the_next_one",
        "test_ping_is_answered_while_the_file_is_replaced",
    ),
    _around.proven(
        "pairs",
        "No answer of two requests under way at once is contradicted by an independent reader.",
        "test_sixty_pairs_of_requests_are_answered_as_an_independent_reader_finds_the_file",
        "test_two_thousand_pairs_of_requests_are_answered_as_an_independent_reader_finds_the_file",
    ),
]

PARENT = [
    _around.proven(
        "python_variables",
        "Variables that a host has set for another Python change no answer and no end.",
        "test_the_same_is_answered_whatever_the_environment_says_to_python",
        "test_docstrings_are_restored_while_another_thread_loads_modules",
        "test_no_statements_are_read_from_stdin_where_python_is_told_to_inspect",
    ),
    _around.proven(
        "isolated",
        "Started by `python -I -m sidecar` it serves even where PYTHONHOME names nothing.",
        "test_started_as_an_isolated_program_it_serves_whatever_the_variables_are",
    ),
    _around.proven(
        "no_home",
        "A user without a folder is told in one line of JSON how to name a database; no relative"
        " folder is used.",
        "test_a_user_without_a_folder_is_told_how_to_name_a_database",
        "test_the_list_of_users_names_the_folder_where_home_does_not",
        "test_a_relative_folder_for_user_data_is_ignored",
    ),
    _around.proven(
        "descriptors",
        "stdin, stdout and stderr may be in non-blocking mode and made by another user: EAGAIN is"
        " never an end.",
        "test_all_is_answered_over_descriptors_in_non_blocking_mode",
        "test_a_silent_host_on_non_blocking_stdin_is_waited_for",
        "test_the_log_goes_on_after_a_non_blocking_stderr_was_full",
        "test_stdout_that_another_user_made_is_served",
    ),
    _around.proven(
        "byte_order_mark",
        "A byte order mark before the first line is skipped.",
        "test_a_byte_order_mark_before_the_first_line_is_skipped",
    ),
    _around.proven(
        "signals",
        "Every signal that would end the process ends it in order, also one that was blocked when"
        " it was started; signals at the same time are one request.",
        "test_every_signal_that_ends_a_process_ends_it_in_order",
        "test_a_hangup_that_was_ignored_at_the_start_stays_so",
        "test_ctrl_c_and_the_hosts_own_signal_right_after_it_are_one_request",
        "test_signals_at_the_same_time_are_one_request_to_end",
    ),
    _around.proven(
        "stopped",
        "The limits of the end stand still while the process is stopped.",
        "test_the_time_limit_of_the_end_stands_still_while_the_process_is_stopped",
    ),
    _around.proven(
        "early_death",
        "The process ends with a host that died before it could look.",
        "test_it_ends_with_a_host_that_died_before_it_could_look",
        "test_a_process_that_leads_a_session_is_not_taken_for_orphaned",
    ),
    _around.proven(
        "companions",
        "A named pipe where a file beside the database belongs, or for the log without a reader, is"
        " refused and not waited for.",
        "test_a_named_pipe_for_the_log_is_refused_without_a_reader_and_used_with_one",
        "test_a_named_pipe_beside_the_database_is_refused_and_not_waited_for",
        "test_a_link_to_a_named_pipe_is_no_file_either",
    ),
    _around.proven(
        "long_name",
        "A name of a database that leaves no room for those of its companions is refused.",
        "test_a_name_too_long_for_its_companions_is_refused_with_its_length",
    ),
    _around.proven(
        "passphrase_descriptor",
        "The passphrase on a descriptor is one line, awaited for a limited time and not after the"
        " host has died.",
        "test_one_line_is_the_passphrase_although_the_descriptor_stays_open",
        "test_a_descriptor_that_gives_no_line_is_waited_for_a_limited_time",
        "test_no_passphrase_is_waited_for_after_the_host_has_died",
    ),
    _around.proven(
        "shared_folders",
        "Folders that a client synchronises, and those that another machine may write, are warned"
        " of.",
        "test_the_folders_of_less_usual_clients_are_warned_of",
        "test_a_folder_of_any_name_is_recognised_by_what_the_client_left_in_it",
        "test_every_file_system_that_another_machine_may_write_is_warned_of",
        "test_a_file_system_on_a_disk_is_not_warned_of",
    ),
]

COMMANDS = [
    _around.proven(
        "byte_for_byte",
        "`sim-sidecar call` sends and prints every body byte for byte.",
        "test_a_body_goes_through_call_byte_for_byte",
        "test_params_on_stdin_may_stand_on_many_lines_and_keep_their_numbers",
        "test_a_param_that_is_no_json_is_refused",
    ),
    _around.proven(
        "whole_output",
        "A command prints its whole output or ends with a failure.",
        "test_a_slow_reader_of_a_non_blocking_pipe_gets_everything",
        "test_a_full_disk_is_never_a_success",
        "test_params_from_a_non_blocking_stdin_are_waited_for",
    ),
    _around.proven(
        "words",
        "A database may have a name like an option, and no escape sequence among the words reaches"
        " the terminal.",
        "test_a_database_may_have_a_name_that_looks_like_an_option",
        "test_no_escape_sequence_among_the_words_reaches_the_terminal",
    ),
]

BACKUPS = [
    _around.proven(
        "shared_folder",
        "Processes, databases and other programs in one folder of backups take no file from each"
        " other: names are taken without replacing any, and partial files carry their owner's id.",
        "test_two_processes_in_one_folder_of_backups_make_whole_backups_of_their_own",
        "test_a_name_that_another_process_takes_meanwhile_is_left_to_it",
        "test_partial_files_of_others_are_never_removed",
    ),
    _around.proven(
        "own_names",
        "Nothing is exported onto a name of the database's own files, and no backups go there.",
        "test_nothing_is_exported_onto_a_name_of_the_databases_own_files",
        "test_own_names_are_found_through_a_link_to_the_folder",
    ),
    _around.proven(
        "unmounted",
        "A folder of backups that has lost its marker, as on a drive that is not mounted, is not"
        " written to but warned of, until a person accepts it.",
        "test_a_folder_that_has_lost_its_marker_is_not_written_to_but_warned_of",
        "test_with_its_marker_again_the_folder_is_used_again",
        "test_a_person_is_refused_once_and_then_marks_the_folder_again",
        "test_setting_the_folder_marks_it_again",
        "test_a_restore_does_not_forget_that_a_folder_was_marked",
    ),
    _around.proven(
        "foreign_objects",
        "Tables, indexes, views and triggers of other programs make no backup useless: it is made"
        " without them, they are named in the answer, a warning and the check, and it is restored.",
        "test_a_database_with_foreign_objects_is_backed_up_and_restored_without_them",
        "test_foreign_objects_are_warned_of_once",
    ),
    _around.proven(
        "maker_reads",
        "A backup that a restore would refuse is not made.",
        "test_a_database_whose_own_table_was_altered_is_not_backed_up_in_vain",
    ),
    _around.proven(
        "meaning",
        "A backup is held to the values that the methods accept, in what the program itself goes"
        " by; in the served file such a value is found by the check and stops no backup.",
        "test_a_backup_with_a_value_that_no_method_accepts_is_refused",
        "test_an_impossible_value_of_the_program_itself_is_found_and_stops_no_backup",
    ),
    _around.proven(
        "guards",
        "A restore leaves the settings of backups, retention and locking as they are; a dry run"
        " tells every other change of settings.",
        "test_settings_that_guard_the_user_stay_and_other_changes_are_told_before",
    ),
]

WIRE = [
    _around.proven(
        "replaced_program",
        "An app that replaces the folder of the program stops nothing that runs.",
        "test_after_its_modules_are_loaded_it_answers_as_ever_without_the_program_on_disk",
        "test_what_cannot_be_loaded_is_refused_and_the_process_goes_on",
        "test_every_module_that_a_function_imports_is_loaded_before_it_is_needed",
    ),
    _around.proven(
        "batch_room",
        "A member of a batch whose answer does not fit leaves no effect and has its own error; a"
        " long one does not begin without room; the memory of a batch is bounded.",
        "test_a_member_whose_answer_does_not_fit_is_undone_and_has_its_own_error",
        "test_a_long_member_is_not_begun_without_room_for_its_answer",
        "test_a_small_batch_of_large_answers_takes_little_memory_and_time",
        "test_stdio_07_a_batch_of_large_answers_has_an_error_where_one_does_not_fit",
    ),
    _around.proven(
        "delivered",
        "Delivered writes are done also when stdout is not read: short writes and deletes run after"
        " the host has gone, reads and secrets do not; exit code and stderr tell what did not run.",
        "test_what_a_host_has_written_before_it_went_is_done",
        "test_deletes_are_done_and_reads_are_not_started_when_stdout_has_no_reader",
        "test_a_secret_is_not_read_when_stdout_has_no_reader",
        "test_stdio_12_a_closed_stdout_ends_it_while_answers_wait",
    ),
    _around.proven(
        "slow_reader",
        "A slow reader gets whole lines at the end; one that stops is given up after 10 s.",
        "test_a_slow_reader_gets_every_line_whole_after_the_end_of_input",
        "test_stdio_11_the_end_of_input_is_seen_while_stdout_is_not_read",
        "test_a_closed_outbox_keeps_only_the_line_that_is_begun",
        "test_the_rest_of_an_unread_line_is_dropped",
    ),
    _around.proven(
        "ending_holder",
        "A start waits up to 12 s for a process that is ending, then reports that it is.",
        "test_a_start_waits_for_a_process_that_is_ending",
        "test_a_process_that_takes_long_to_end_is_reported_as_ending",
    ),
]

SYSTEM = [
    _around.proven(
        "out_of_resources",
        "Where the system gives too little memory, too few threads or open files, each request that"
        " needs more gets an error of its own, and what was acknowledged stays.",
        "test_too_little_memory_is_a_typed_error_of_each_request_that_needs_more",
        "test_too_few_open_files_are_a_typed_error_of_each_request_that_needs_more",
        "test_without_a_further_thread_long_requests_are_refused_until_there_is_one",
    ),
]

REQUIREMENTS = [
    *BACKUPS, *COMMANDS, *FILES, *LINES, *PARENT, *ROWS, *SECRETS, *SYSTEM, *WHOLE_FILE, *WIRE
]  # fmt: skip

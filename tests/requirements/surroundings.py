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
        "test_a_locked_keychain_that_can_ask_nobody_is_told_at_once_and_can_be_tried_again",
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

REQUIREMENTS = [*LINES, *SECRETS, *FILES, *ROWS, *WHOLE_FILE]

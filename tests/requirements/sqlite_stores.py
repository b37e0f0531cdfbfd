"""Twenty-five behaviours of programs that keep a person's data in one SQLite file.

Each was chosen after the documentation of SQLite and public reports of lost data.
"""

from tests.requirements.requirement import Source

_sqlite = Source("sqlite")

REQUIREMENTS = [
    _sqlite.proven(
        "01",
        "Saving keeps runs, created_at and the row's key; the revision rises by one.",
        "test_design_mistake_01_a_save_keeps_runs_and_created_at_and_the_index",
        "test_a_save_creates_then_changes_then_writes_nothing",
    ),
    _sqlite.proven(
        "02",
        "The index equals the content after any sequence of saves and deletes.",
        "TestWorkflows",
    ),
    _sqlite.proven(
        "03",
        "An acknowledged write survives kill -9.",
        "test_acknowledged_saves_survive_kill_9",
        "test_acknowledged_saves_survive_four_hundred_kills",
    ),
    _sqlite.proven(
        "04",
        "An acknowledged write survives power loss (crash VFS).",
        "test_at_full_no_power_loss_loses_or_tears_an_acknowledged_write",
        "test_at_full_many_power_losses_lose_nothing",
        "test_at_normal_power_losses_lose_some_writes_which_proves_the_test",
    ),
    _sqlite.proven(
        "05",
        "A power loss leaves no part of a save.",
        "test_at_full_no_power_loss_loses_or_tears_an_acknowledged_write",
        "test_the_file_after_a_power_loss_is_served_by_the_next_start",
    ),
    _sqlite.proven(
        "06:burst",
        "An I/O error leaves the old state, is reported, and the next request works.",
        "test_an_io_error_within_a_burst_undoes_all_of_it_and_says_so",
        "test_after_a_failed_commit_the_connection_is_new_and_the_next_request_works",
    ),
    _sqlite.proven(
        "06:sweep",
        "An error of any operation of any write leaves the old state and is reported.",
        "test_any_failing_operation_is_reported_with_its_outcome_and_loses_nothing",
        "test_every_operation_fails_once",
    ),
    _sqlite.proven(
        "07",
        "A false corruption error never triggers recovery.",
        "test_any_failing_operation_is_reported_with_its_outcome_and_loses_nothing",
    ),
    _sqlite.proven(
        "08:unknown",
        "A failed COMMIT answers outcome unknown to the whole burst.",
        "test_when_the_commit_fails_the_whole_burst_is_told_that_its_outcome_is_unknown",
    ),
    _sqlite.proven(
        "08:repeat",
        "Repeating by the same id after it is safe.",
        "test_any_failing_operation_is_reported_with_its_outcome_and_loses_nothing",
    ),
    _sqlite.proven(
        "09",
        "A full disk: database_full, reads work, room again heals without a restart.",
        "test_a_disk_that_has_room_again_needs_no_restart",
        "test_sqlite_09_a_really_full_disk_is_reported_and_read_from",
        "test_on_a_full_disk_reads_and_deletes_work_and_then_saves_again",
    ),
    _sqlite.proven(
        "10",
        "A place that cannot be written: a clear error, nothing created.",
        "test_a_folder_that_cannot_be_written_is_named",
        "test_a_file_that_cannot_be_written_is_refused",
        "test_stdio_20_a_place_that_cannot_be_written_is_refused",
    ),
    _sqlite.proven(
        "11",
        "A second process is refused within a second; the first goes on.",
        "test_stdio_19_a_second_process_is_refused_and_told_who_holds_the_database",
    ),
    _sqlite.proven(
        "12",
        "A foreign lock: busy, retryable, within the time-out.",
        "test_sqlite_12_a_foreign_lock_is_busy_in_bounded_time_and_reads_go_on",
    ),
    _sqlite.proven(
        "13",
        "A missing, empty or short file where one was: no byte changed, recovery_required.",
        "test_a_lost_file_is_not_created_again",
        "test_a_lost_database_is_not_created_again",
        "test_a_file_that_is_refused_is_untouched",
    ),
    _sqlite.proven(
        "14:foreign",
        "What is no database, or not ours, gets its own error and stays untouched.",
        "test_a_file_that_is_refused_is_untouched",
        "test_a_foreign_file_is_refused_unchanged",
    ),
    _sqlite.proven(
        "14:corruptors",
        "Every kind of corrupted file is refused or served as far as it can be read.",
        "test_a_file_that_is_refused_is_untouched",
        "test_confirmed_damage_makes_the_process_read_only_and_is_reported",
        "test_a_start_that_cannot_write_for_damage_serves_what_can_be_read",
        "test_an_index_that_cannot_be_rebuilt_is_recovered_without_loss",
        "test_a_damaged_body_is_one_bad_workflow_and_an_older_revision_brings_it_back",
        "test_a_file_of_which_nothing_can_be_read_stays_unchanged",
        "test_recovery_loses_the_rows_of_the_page_alone_and_keeps_the_damaged_file",
        "test_a_schema_that_cannot_be_read_is_refused_and_untouched",
    ),
    _sqlite.proven(
        "15",
        "Byte flips anywhere: an error or right data, never a crash.",
        "test_a_flipped_bit_gives_an_error_or_the_right_data",
        "test_five_hundred_flipped_bits_give_errors_or_the_right_data",
    ),
    _sqlite.proven(
        "16",
        "A newer version is refused with newer_schema, unchanged.",
        "test_a_newer_database_is_refused_unchanged",
        "test_design_mistake_08_an_unknown_newer_version_is_refused_and_untouched",
    ),
    _sqlite.proven(
        "17:legacy",
        "A file of the first program migrates in every shape; stopped or killed anywhere it is"
        " old or new.",
        "test_every_shape_of_a_legacy_file_is_migrated",
        "test_stopped_at_any_step_the_next_start_finishes",
        "test_really_killed_the_old_or_the_new_file_is_there",
    ),
    _sqlite.proven(
        "17:faults",
        "A failing operation during a migration of such a file loses nothing.",
        "test_whichever_operation_of_a_start_fails_the_next_start_has_everything",
        "test_every_operation_of_a_start_fails_once",
    ),
    _sqlite.proven(
        "18",
        "A migration never loses child rows.",
        "test_a_rebuild_keeps_child_rows_and_keys",
        "test_a_step_that_loses_something_is_undone",
    ),
    _sqlite.proven(
        "19",
        "An edited shipped migration is found out.",
        "test_an_edited_step_is_found_out",
        "test_an_edited_migration_is_found_out_and_nothing_stays_open",
    ),
    _sqlite.proven(
        "20",
        "A backup under writes ends in one pass and equals a snapshot.",
        "test_sqlite_20_a_backup_under_writes_ends_and_is_one_moment",
    ),
    _sqlite.proven(
        "21",
        "A backup that fails leaves no listed file and the old ones.",
        "test_sqlite_21_whatever_fails_no_backup_is_listed_and_the_old_ones_stay",
        "test_a_cancelled_backup_leaves_nothing",
        "test_files_left_by_a_killed_process_are_removed",
    ),
    _sqlite.proven(
        "22",
        "Every listed backup restores; damaged ones are refused.",
        "test_only_whole_backups_are_listed",
        "test_everything_is_as_it_was_when_the_backup_was_made",
        "test_every_flipped_bit_is_refused",
        "test_every_truncation_is_refused",
        "test_a_page_that_was_overwritten_is_refused",
    ),
    _sqlite.proven(
        "23:swap",
        "A replacement stopped or killed anywhere ends old or new.",
        "test_stopped_at_any_step_the_next_start_has_the_old_or_the_new_file",
        "test_a_real_kill_leaves_a_plan_that_is_finished",
    ),
    _sqlite.proven(
        "23:restore",
        "A restore killed anywhere ends old or new.",
        "test_sqlite_23_a_restore_really_killed_leaves_the_old_or_the_new_database",
        "test_a_cancelled_restore_changes_nothing",
        "test_a_swap_that_fails_leaves_the_old_database_served",
    ),
    _sqlite.proven(
        "24",
        "Retention of backups never deletes what it must keep.",
        "test_sqlite_24_no_plan_deletes_what_must_stay_or_more_than_it_must",
        "test_nothing_is_deleted_while_the_newest_backup_is_dated_in_the_future",
    ),
    _sqlite.proven(
        "25",
        "Deleted secrets leave no bytes after 2 s.",
        "test_sqlite_25_a_deleted_key_leaves_no_byte",
    ),
]

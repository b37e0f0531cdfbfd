"""What is promised about acknowledged writes, migrations, backups and recovery."""

from tests.requirements.requirement import Source

_promise = Source("durability")

REQUIREMENTS = [
    _promise.proven(
        "power",
        "With synchronous=FULL a power loss costs no acknowledged write; with NORMAL it"
        " does, which shows that the test works.",
        "test_at_full_no_power_loss_loses_or_tears_an_acknowledged_write",
        "test_at_full_many_power_losses_lose_nothing",
        "test_at_normal_power_losses_lose_some_writes_which_proves_the_test",
        "test_the_file_after_a_power_loss_is_served_by_the_next_start",
    ),
    _promise.proven(
        "sweep",
        "When any operation of any write fails, the error has the outcome, the repeat by"
        " the same id is"
        " safe, nothing acknowledged is lost, false corruption is told from real.",
        "test_any_failing_operation_is_reported_with_its_outcome_and_loses_nothing",
        "test_every_operation_fails_once",
        "test_damage_met_by_a_request_is_a_failure_until_it_is_confirmed",
        "test_after_an_unclean_end_a_sound_file_is_checked_and_served",
    ),
    _promise.proven(
        "replacement",
        "When the replacement of the file fails and the process continues, later saves are kept.",
        "test_a_replacement_that_fails_is_called_off_and_nothing_saved_later_is_lost",
        "test_a_plan_that_cannot_be_taken_back_makes_the_file_read_only",
    ),
    _promise.proven(
        "moved",
        "No write is acknowledged that goes into a file without a name.",
        "test_no_write_into_a_file_without_a_name_is_acknowledged",
    ),
    _promise.proven(
        "readers",
        "A reader that could not be opened does not block exclusive use of the file.",
        "test_a_reader_that_could_not_be_opened_does_not_block_exclusive_access",
    ),
    _promise.proven(
        "migrations:copies",
        "A migration makes a verified copy first, and is done wholly or not at all when the"
        " process is killed.",
        "test_the_copy_before_a_migration_is_the_old_file_and_private",
        "test_really_killed_the_old_or_the_new_file_is_there",
    ),
    _promise.proven(
        "migrations:kept",
        "Real files of every version and every shape of the first program are kept as test data.",
        "test_there_are_samples_of_every_shape_of_a_legacy_file",
        "test_a_sample_is_opened_with_all_its_rows",
        "test_there_are_a_database_and_a_backup_of_every_earlier_version",
        "test_a_database_of_every_version_has_its_work_history_and_keys",
        "test_a_backup_of_every_version_is_restored_with_its_keys",
    ),
    _promise.proven(
        "migrations:faults",
        "A kill or a failing operation at any point of a start, an import or a migration"
        " loses nothing.",
        "test_whichever_operation_of_a_start_fails_the_next_start_has_everything",
        "test_every_operation_of_a_start_fails_once",
        "test_a_real_kill_at_a_statement_leaves_the_old_or_the_new_version",
        "test_a_real_kill_at_any_statement_leaves_the_old_or_the_new_version",
    ),
    _promise.proven(
        "migrations:edited",
        "An edited shipped migration is detected; a newer file is refused, its bytes unchanged.",
        "test_an_edited_step_is_found_out",
        "test_a_newer_file_is_refused_unchanged",
    ),
    _promise.proven(
        "migrations:downgrade",
        "The refusal of a newer file names the copy and the version to go back to.",
        "test_a_newer_version_tells_the_way_back",
    ),
    _promise.proven(
        "backups",
        "A backup is one moment of the database, checked and read back before it gets its"
        " name; old ones are deleted by a plan.",
        "test_a_backup_is_the_whole_database_as_sqlite_reads_it",
        "test_a_backup_that_cannot_be_logged_is_not_there",
        "test_a_backup_is_made_on_the_interval_and_only_when_something_has_changed",
        "test_a_failing_backup_is_reported_once_and_an_old_newest_backup_with_it",
    ),
    _promise.proven(
        "restore",
        "A restore works whether or not the present file opens; secrets and audit log are"
        " carried over.",
        "test_everything_is_as_it_was_when_the_backup_was_made",
        "test_a_restore_continues_the_current_log_and_is_logged",
        "test_a_database_that_does_not_open_is_replaced_and_its_file_is_kept",
        "test_under_the_same_root_key_the_log_goes_on_sealed_from_its_first_entry",
        "test_a_hostile_frame_takes_no_memory",
        "test_a_dry_run_reports_which_keys_would_open",
    ),
    _promise.proven(
        "restore:faults",
        "A failing disk does not reject a backup; each failing operation of a restore"
        " leaves the old or the new database.",
        "test_whichever_operation_fails_a_restore_leaves_the_old_database_or_the_new_one",
        "test_every_operation_of_a_restore_fails_once",
        "test_a_backup_comes_back_whichever_page_of_the_live_file_is_damaged",
        "test_after_a_log_that_cannot_be_read_no_number_is_used_again",
    ),
    _promise.proven(
        "damage:read-only",
        "After confirmed damage writes are refused, reads are served and a warning is sent.",
        "test_confirmed_damage_makes_the_process_read_only_and_is_reported",
        "test_a_start_that_cannot_write_for_damage_serves_what_can_be_read",
        "test_an_unconfirmed_suspicion_is_not_called_a_clean_end",
    ),
    _promise.proven(
        "damage:alone",
        "A damaged body affects one workflow; damaged indexes are rebuilt.",
        "test_a_damaged_body_is_one_bad_workflow_and_an_older_revision_brings_it_back",
        "test_a_search_index_that_lost_its_rows_is_rebuilt",
        "test_an_ordinary_index_that_lacks_rows_is_found_once_by_a_full_check",
        "test_an_index_that_cannot_be_rebuilt_is_recovered_without_loss",
    ),
    _promise.proven(
        "damage:recover",
        "A recovery loses only what cannot be read, keeps the damaged file, and fills gaps"
        " from a backup.",
        "test_recovery_loses_the_rows_of_the_page_alone_and_keeps_the_damaged_file",
        "test_the_rest_of_a_file_that_was_cut_off_is_recovered",
        "test_a_dry_run_leaves_no_file_beside_the_database",
        "test_backups_in_the_folder_that_the_settings_name_fill_the_gaps_too",
        "test_a_gap_is_never_filled_from_another_database",
        "test_doctor_reports_what_a_killed_recovery_left_and_the_next_start_removes_it",
        "test_a_database_that_does_not_open_is_reported_with_its_cure",
        "test_a_sound_file_recovers_to_itself",
        "test_a_file_of_which_nothing_can_be_read_stays_unchanged",
        "test_a_file_that_is_not_ours_is_not_recovered",
        "test_lost_rows_come_from_a_backup_except_those_deleted_since",
    ),
    _promise.proven(
        "damage:people",
        "The command `recover` shows what it would do, does it when confirmed, and deletes"
        " nothing.",
        "test_without_a_yes_recover_shows_what_could_be_rescued_and_changes_nothing",
        "test_with_a_yes_the_damaged_file_is_kept_and_the_new_one_is_served",
        "test_recovering_a_missing_database_is_refused",
    ),
    _promise.proven(
        "full:heals",
        "On a full disk reads and deletes work; with free space again saves work without a"
        " restart.",
        "test_on_a_full_disk_reads_and_deletes_work_and_then_saves_again",
        "test_saves_do_not_use_the_space_that_is_reserved_for_deletes",
        "test_space_that_others_free_is_used",
        "test_on_a_full_disk_keys_backups_and_old_entries_can_be_deleted",
    ),
    _promise.proven(
        "people",
        "The commands backup, restore, verify, recover and doctor report in plain words.",
        "test_a_backup_is_made_verified_and_restored",
        "test_what_cannot_be_read_comes_from_the_newest_backup",
        "test_results_of_backup_commands_are_described_in_plain_words",
    ),
    _promise.proven(
        "proof:endurance",
        "Memory, descriptors and threads do not grow over many requests.",
        "test_no_object_and_no_file_is_held_longer_than_its_request",
        "test_memory_descriptors_and_threads_stay_what_they_were",
    ),
    _promise.proven(
        "proof:torture",
        "A long run of operations, kills and faults loses nothing against a model, and a"
        " loss would be reported.",
        "test_a_short_storm_loses_nothing",
        "test_a_loss_is_seen",
    ),
]

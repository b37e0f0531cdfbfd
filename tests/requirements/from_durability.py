"""Issue 5, sentence by sentence: nothing is ever lost."""

from tests.requirements.requirement import Source

_issue = Source("durability", "issue 5")

REQUIREMENTS = [
    _issue.proven(
        "power",
        "Acknowledged means on disk, also in a power loss.",
        "test_at_full_no_power_loss_costs_or_tears_an_acknowledged_write",
        "test_at_normal_power_losses_do_cost_some_which_proves_the_test",
        "test_what_a_power_loss_leaves_is_served_by_the_next_start",
    ),
    _issue.proven(
        "sweep",
        "Whichever operation fails, the answer says what became of it and a repeat is safe.",
        "test_whichever_operation_fails_is_told_with_its_outcome_and_costs_nothing",
        "test_whichever_operation_of_a_start_fails_the_next_start_has_everything",
    ),
    _issue.proven(
        "migrations",
        "Copies first, wholly or not at all, edited and newer ones found.",
        "test_the_copy_before_a_migration_is_the_old_file_and_private",
        "test_an_edited_step_is_found_out",
        "test_a_newer_file_is_refused_unchanged",
        "test_really_killed_the_old_or_the_new_file_is_there",
    ),
    _issue.proven(
        "backups",
        "One moment, checked, read back, named last; kept by a plan.",
        "test_a_backup_is_the_whole_database_as_sqlite_reads_it",
        "test_a_backup_that_cannot_be_logged_is_not_there",
        "test_it_backs_up_on_the_interval_and_only_when_something_has_changed",
        "test_a_failing_backup_is_told_once_and_its_age_with_it",
    ),
    _issue.proven(
        "restore",
        "With and without a file that opens; secrets and log carried over.",
        "test_everything_is_as_it_was_when_the_backup_was_made",
        "test_the_log_of_now_goes_on_and_says_what_was_done",
        "test_a_database_that_does_not_open_is_replaced_and_kept_aside",
        "test_under_the_same_root_key_the_log_goes_on_sealed_from_its_first_entry",
        "test_a_hostile_frame_takes_no_memory",
    ),
    _issue.proven(
        "damage",
        "Confirmed, then read only; salvaged, never deleted.",
        "test_confirmed_damage_makes_the_process_read_only_and_is_told",
        "test_recovery_loses_the_rows_of_the_page_alone_and_keeps_the_damaged_file",
        "test_on_a_full_disk_reads_and_deletes_work_and_then_saves_again",
    ),
    _issue.proven(
        "people",
        "backup, restore, verify, recover and doctor in plain words.",
        "test_a_backup_is_made_looked_at_and_gone_back_to",
        "test_what_cannot_be_read_comes_from_the_newest_backup",
        "test_what_came_of_it_is_told_in_plain_words",
    ),
    _issue.proven(
        "torture",
        "A storm of writes, backups, restores, rotations, kills and faults loses nothing.",
        "test_a_short_storm_loses_nothing",
    ),
]

"""Issue 5, sentence by sentence: durability, migrations, start and damage."""

from tests.requirements.requirement import Source

_issue = Source("safety", "issue 5")

REQUIREMENTS = [
    _issue.proven(
        "durability:power",
        "Power loss: 0 lost in FULL; losses in NORMAL prove the test.",
        "test_at_full_no_power_loss_costs_or_tears_an_acknowledged_write",
        "test_at_full_many_power_losses_cost_nothing",
        "test_at_normal_power_losses_do_cost_some_which_proves_the_test",
        "test_what_a_power_loss_leaves_is_served_by_the_next_start",
    ),
    _issue.proven(
        "durability:sweep",
        "Operation N fails in every write path: the outcome is told, the repeat by the same id is"
        " safe, nothing acknowledged is lost, false corruption is told from real.",
        "test_whichever_operation_fails_is_told_with_its_outcome_and_costs_nothing",
        "test_every_operation_fails_once",
        "test_damage_met_by_a_request_is_a_failure_until_it_is_confirmed",
        "test_after_an_unclean_end_a_sound_file_is_looked_at_and_served",
    ),
    _issue.proven(
        "durability:replacement",
        "A replacement that fails while the process goes on costs nothing saved later.",
        "test_a_replacement_that_fails_is_called_off_and_nothing_saved_later_is_lost",
        "test_a_plan_that_cannot_be_taken_back_makes_the_file_read_only",
    ),
    _issue.proven(
        "durability:readers",
        "A reader that cannot be opened keeps nobody from having the file to himself.",
        "test_a_reader_that_could_not_be_opened_is_in_nobodys_way",
    ),
    _issue.proven(
        "migrations:kept",
        "Real files of every shape of the seed are kept and migrate with their rows.",
        "test_there_are_kept_files_of_every_shape_of_the_seed",
        "test_a_kept_file_is_opened_with_all_its_rows",
    ),
    _issue.proven(
        "migrations:faults",
        "Kill points and the fault sweep over a start, an import and a migration.",
        "test_whichever_operation_of_a_start_fails_the_next_start_has_everything",
        "test_every_operation_of_a_start_fails_once",
        "test_a_real_kill_at_a_statement_leaves_the_old_or_the_new_version",
        "test_a_real_kill_at_any_statement_leaves_the_old_or_the_new_version",
    ),
    _issue.proven(
        "migrations:edited",
        "An edited shipped migration is detected; a newer file is refused, its bytes unchanged.",
        "test_an_edited_step_is_found_out",
        "test_a_newer_file_is_refused_unchanged",
    ),
    _issue.proven(
        "migrations:downgrade",
        "The way back is told in words: which copy, which version.",
        "test_a_newer_version_tells_the_way_back",
    ),
    _issue.proven(
        "damage:read-only",
        "Confirmed damage: writes are refused, reads go on, a warning is told.",
        "test_confirmed_damage_makes_the_process_read_only_and_is_told",
        "test_a_start_that_cannot_write_for_damage_serves_what_can_be_read",
        "test_an_unconfirmed_suspicion_is_not_called_a_clean_end",
    ),
    _issue.proven(
        "damage:alone",
        "One damaged body is one bad workflow; damaged indexes are made anew.",
        "test_a_damaged_body_is_one_bad_workflow_and_an_older_revision_brings_it_back",
        "test_a_search_index_that_lost_its_rows_is_made_anew",
        "test_a_plain_index_that_lacks_rows_is_found_once_in_full",
        "test_an_index_that_cannot_be_mended_is_recovered_without_a_loss",
    ),
    _issue.proven(
        "damage:recover",
        "Recovery loses what cannot be read alone, keeps the damaged file, takes from a backup.",
        "test_recovery_loses_the_rows_of_the_page_alone_and_keeps_the_damaged_file",
        "test_a_sound_file_recovers_to_itself",
        "test_a_file_of_which_nothing_can_be_read_is_left_alone",
        "test_a_file_that_is_not_ours_is_not_recovered",
        "test_what_is_lost_comes_from_a_backup_but_for_what_was_deleted_since",
    ),
    _issue.proven(
        "damage:people",
        "The command shows first, does it when told to, and deletes nothing.",
        "test_without_a_yes_it_tells_what_could_be_saved_and_changes_nothing",
        "test_with_a_yes_the_damaged_file_is_kept_and_the_new_one_is_served",
        "test_a_database_that_is_not_there_is_said_to_be_missing",
    ),
    _issue.proven(
        "full:heals",
        "A full disk: reads and deletes work, and room heals without a restart.",
        "test_on_a_full_disk_reads_and_deletes_work_and_then_saves_again",
        "test_what_only_adds_does_not_eat_the_room_of_those_who_delete",
        "test_room_made_elsewhere_is_enough",
    ),
    _issue.proven(
        "proof:torture",
        "Acts, kills and faults against a model: 0 losses, and a loss would be seen.",
        "test_a_short_storm_loses_nothing",
        "test_a_loss_is_seen",
    ),
]

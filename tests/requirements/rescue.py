"""What holds where the database is missing, cut off or damaged."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "rescue:serves",
        "Where the database is missing, cut off or damaged the process serves what brings it back,"
        " says why, and changes nothing by itself.",
        "test_a_rescue_says_why_and_changes_nothing_by_itself",
        "test_in_a_rescue_each_method_is_served_or_says_what_is_required",
        "test_whichever_page_is_destroyed_the_process_serves_and_the_backup_comes_back",
    ),
    _promise.proven(
        "rescue:new",
        "A path without a trace of an earlier database is new, also beside another database.",
        "test_backups_of_another_database_in_the_folder_do_not_prevent_a_new_one",
        "test_a_missing_file_is_new_and_its_folder_is_made_private",
    ),
    _promise.proven(
        "rescue:listed",
        "Backups are listed on the command line also where there is no database.",
        "test_backups_are_listed_newest_first_also_without_a_database",
    ),
    _promise.proven(
        "rescue:ends",
        "A restore or a recovery ends the rescue, and everything is served.",
        "test_a_restore_ends_the_rescue_and_everything_is_served",
        "test_a_recovery_ends_the_rescue_and_keeps_the_damaged_file",
    ),
    _promise.proven(
        "rescue:begin_new",
        "A new beginning deletes nothing, and is refused while the database is sound.",
        "test_a_new_beginning_keeps_what_was_there",
        "test_the_log_of_a_missing_file_is_kept_too",
        "test_the_staged_file_of_an_unreadable_plan_is_kept",
        "test_a_sound_database_is_never_set_aside",
    ),
    _promise.proven(
        "rescue:kills",
        "A rescue killed at any step is a rescue still, or is done.",
        "test_a_rescue_killed_at_any_step_of_the_swap_is_one_still_or_is_done",
    ),
    _promise.proven(
        "rescue:lock",
        "One process serves a database, in a rescue too.",
        "test_a_rescue_holds_the_lock_of_the_database",
    ),
    _promise.proven(
        "rescue:lost",
        "A recovery tells lost rows only where rows were.",
        "test_a_recovery_tells_lost_rows_only_where_rows_were",
        "test_where_nothing_can_be_read_the_rows_of_the_backup_are_told_as_lost",
    ),
]

"""The fifteen worst failures reported of programs that store workflows."""

from tests.requirements.requirement import Source

_stores = Source("stores")

REQUIREMENTS = [
    _stores.proven(
        "01:can-shrink",
        "The file can shrink: incremental vacuum is on from the first table.",
        "test_a_new_file_is_ours_whole_and_private",
        "test_the_new_file_can_shrink_and_is_sound",
    ),
    _stores.proven(
        "01:shrinks",
        "A prune returns disk space.",
        "test_stores_01_a_prune_returns_disk_space",
        "test_the_file_gets_smaller",
    ),
    _stores.proven(
        "02",
        "A lost key never makes a new one over ciphertext.",
        "test_security_13_no_root_key_is_drawn_over_keys_that_it_cannot_open",
        "test_security_13_a_lost_item_is_reported_and_the_recovery_code_unlocks",
    ),
    _stores.proven(
        "03",
        "A migration deletes nothing and is never half applied.",
        "test_a_rebuild_keeps_child_rows_and_keys",
        "test_a_step_that_loses_something_is_undone",
        "test_a_real_kill_at_a_statement_leaves_the_old_or_the_new_version",
    ),
    _stores.proven(
        "04",
        "A stale save does not overwrite newer work; same content is no conflict.",
        "test_expected_revision_is_compare_and_set",
        "test_an_update_compares_the_expected_revision",
    ),
    _stores.proven(
        "05:empty",
        "An empty body does not replace a full one without force.",
        "test_an_empty_body_needs_force_over_a_full_one",
    ),
    _stores.proven(
        "05:history",
        "A replaced revision comes back byte for byte; those of runs are never pruned.",
        "test_stores_05_every_replaced_revision_comes_back_byte_for_byte",
        "test_a_revert_is_a_new_revision_with_all_of_the_old_content",
        "test_a_group_that_a_run_refers_to_stays",
    ),
    _stores.proven(
        "06",
        "Damage is reported as an error, never as an empty list; no new file is made where"
        " one was.",
        "test_a_damaged_body_is_reported",
        "test_a_lost_database_is_not_created_again",
    ),
    _stores.proven(
        "06:lists",
        "A damaged workflow is marked in lists, and their pages go on after it.",
        "test_pages_of_a_list_lose_and_repeat_nothing_although_a_key_is_damaged",
        "test_pages_by_name_go_on_after_a_workflow_with_a_damaged_id",
        "test_pages_of_several_tags_go_on_after_a_workflow_with_a_damaged_time",
        "test_pages_of_runs_go_on_after_a_run_with_a_damaged_start",
    ),
    _stores.proven(
        "07",
        "A backup holds the whole database; a restore mixes no old with new data.",
        "test_a_backup_is_the_whole_database_as_sqlite_reads_it",
        "test_everything_is_as_it_was_when_the_backup_was_made",
        "test_the_safety_backup_restores_what_was_replaced",
    ),
    _stores.proven(
        "08",
        "A restore elsewhere says what becomes of secrets.",
        "test_secrets_of_another_database_keep_the_store_id_they_are_sealed_for",
        "test_a_dry_run_reports_everything_and_changes_nothing",
        "test_a_backup_without_secrets_removes_them_only_when_requested",
    ),
    _stores.proven(
        "09",
        "No run stays running for ever, no finished run is marked crashed.",
        "test_design_mistake_11_a_run_left_running_by_a_dead_process_is_closed_at_the_start",
    ),
    _stores.proven(
        "10:plans",
        "Lists are searches by index without sorting.",
        "test_every_live_list_is_a_search_without_sorting",
        "test_counts_walk_narrow_indexes_without_sorting",
    ),
    _stores.proven(
        "10:million",
        "The run page at a million runs: by index, whatever the filters, without sorting.",
        "test_stores_10_every_page_of_runs_is_a_search_without_sorting",
    ),
    _stores.proven(
        "10:screens",
        "A list can be filtered by any of several tags, ordered by the last run and counted;"
        " its pages lose and repeat nothing.",
        "test_a_list_by_several_tags_has_each_workflow_that_has_one_of_them_once",
        "test_pages_join_to_the_whole_list_even_among_equal_keys",
        "test_workflows_are_listed_by_their_last_run_and_those_without_one_last",
        "test_a_list_is_counted_as_far_as_the_limit_of_totals",
        "test_the_total_of_a_list_is_counted_by_index",
        "test_the_workflows_of_a_rare_tag_or_category_are_found_by_it_and_sorted",
        "test_get_many_reads_headers_alone_when_bodies_are_not_asked_for",
    ),
    _stores.proven(
        "10:many",
        "Several workflows are archived, categorised and tagged in one transaction, with a result"
        " for each.",
        "test_update_many_changes_each_workflow_and_reports_each_id",
        "test_update_many_unarchives_before_and_archives_after_the_other_changes",
        "test_update_many_leaves_a_workflow_alone_that_would_have_too_many_tags",
    ),
    _stores.proven(
        "11",
        "Bodies and summaries have limits with errors of their own.",
        "test_a_body_has_a_greatest_size",
        "test_save_many_limits_the_size_of_all_bodies_together",
        "test_stores_11_a_large_summary_is_kept_to_its_limit_with_its_true_size",
    ),
    _stores.proven(
        "12",
        "Requests share a transaction with a savepoint each, and succeed only after COMMIT.",
        "test_what_waits_together_is_one_transaction_and_answered_in_order",
        "test_a_failing_member_is_undone_alone_and_burns_no_number",
        "test_the_first_to_write_is_undone_by_rolling_back_and_later_ones_alone",
        "test_when_the_commit_fails_the_whole_burst_is_told_that_its_outcome_is_unknown",
    ),
    _stores.proven(
        "13",
        "No backup, export, log or version text has a secret.",
        "test_no_byte_of_a_secret_is_in_a_backup_unless_it_was_asked_for",
        "test_security_18_a_planted_value_is_in_no_text_at_the_debug_level",
    ),
    _stores.owed("14", "An import says per item what it did.", "later (import and export)"),
    _stores.proven(
        "15",
        "Two processes, an older program or the wrong path are refused by name.",
        "test_stdio_19_a_second_process_is_refused_and_told_who_holds_the_database",
        "test_a_newer_database_is_refused_unchanged",
        "test_a_foreign_file_is_refused_unchanged",
    ),
    _stores.proven(
        "runner-up",
        "Any text is a valid query.",
        "test_any_text_is_a_valid_query",
        "test_long_and_hostile_queries",
    ),
]

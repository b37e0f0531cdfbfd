"""Issue 3, sentence by sentence: the library."""

from tests.requirements.requirement import Source

_issue = Source("library", "issue 3")

REQUIREMENTS = [
    _issue.proven(
        "search:bodies",
        "Names, prompts and notes inside bodies are found, in every tool's shape, bounded.",
        "test_queries_reach_into_bodies",
        "test_names_prompts_and_notes_are_said_whatever_the_tool",
        "test_text_is_bounded_in_each_string_and_in_all",
        "test_any_json_has_some_text",
        "test_a_hit_inside_says_so_and_shows_the_line",
    ),
    _issue.proven(
        "search:order",
        "Header hits come first; pages join over all stages.",
        "test_pages_join_over_all_stages",
        "test_what_is_replaced_is_no_longer_found",
        "test_a_search_finds_what_the_same_burst_saved_before_it_and_not_after",
    ),
    _issue.proven(
        "search:indexes",
        "A wrong index is found and made anew; a disk that takes none lets one search.",
        "test_a_search_index_that_is_wrong_is_found_and_made_anew",
        "test_a_disk_that_takes_no_index_still_lets_one_search",
    ),
    _issue.proven(
        "search:relevance",
        "Known answers stand high.",
        "test_made_workflows_are_found_by_title_and_by_what_is_inside",
        "test_real_workflows_are_found_by_title_and_by_what_is_inside",
    ),
    _issue.proven(
        "revisions:history",
        "History, get by revision, revert and diff.",
        "test_history_lists_the_current_revision_first_then_what_it_replaced",
        "test_an_earlier_revision_is_what_was_saved_byte_for_byte",
        "test_a_revert_is_a_new_revision_with_all_of_the_old_content",
        "test_diff_tells_nodes_and_the_names_of_their_settings",
        "test_a_setting_is_told_by_name_in_every_shape",
        "TestHistory",
    ),
    _issue.proven(
        "revisions:retention",
        "Pruned by count in whole groups; what a run refers to is kept.",
        "test_pruning_goes_by_whole_groups_beyond_the_newest",
        "test_a_group_that_a_run_refers_to_stays",
        "test_revisions_beyond_the_setting_go_and_are_audited",
    ),
    _issue.proven(
        "revisions:check",
        "A damaged revision is found, with all that are lost with it.",
        "test_a_damaged_revision_is_a_finding_that_names_all_that_are_lost_with_it",
        "test_a_key_frame_that_is_gone_loses_each_that_leaned_on_it",
        "test_a_damaged_body_is_told_with_the_revision_that_shares_it",
    ),
    _issue.proven(
        "runs:figures",
        "Figures of runs, without touching summaries.",
        "test_figures_are_those_of_the_runs",
        "test_days_begin_where_the_client_lives",
    ),
    _issue.proven(
        "runs:retention",
        "Prune by age, count and bytes; pins; settings applied by themselves.",
        "test_pruning_by_age_spares_the_young_the_running_and_the_pinned",
        "test_pruning_by_count_keeps_the_newest_of_each_workflow",
        "test_pruning_by_bytes_keeps_the_newest_that_fit",
        "test_what_is_pinned_counts_but_is_not_in_the_way_of_the_bytes_asked_for",
        "test_large_runs_go_in_more_steps",
        "test_large_runs_and_revisions_go_in_steps_first",
        "test_on_a_full_disk_large_summaries_can_go",
        "test_a_cancelled_prune_has_deleted_whole_batches",
        "test_a_setting_prunes_by_itself_and_says_so",
        "TestRuns",
    ),
    _issue.proven(
        "space:compact",
        "The file is written anew by swap, or not at all.",
        "test_a_compacted_file_is_smaller_and_keeps_everything",
        "test_a_cancelled_compaction_changes_nothing",
        "test_meanwhile_others_are_told_of_the_maintenance",
    ),
    _issue.proven(
        "trash:purge",
        "The trash empties after its days; deleted leaves no byte; a reader in the way is told.",
        "test_the_trash_is_emptied_after_its_days",
        "test_what_is_taken_out_of_the_trash_while_it_is_emptied_stays",
        "test_nothing_of_what_was_deleted_is_left",
        "test_a_reader_in_the_way_is_told_and_the_wish_stays",
    ),
    _issue.proven(
        "warnings",
        "Disk, folder and clock are warned of.",
        "test_a_disk_nearly_full_is_told_once_until_it_has_room_again",
        "test_a_folder_that_a_client_synchronises_is_told",
        "test_a_clock_that_jumps_is_told",
    ),
    _issue.proven(
        "people",
        "Commands for people: tables on a terminal, JSON in a pipe.",
        "test_a_terminal_shows_tables",
        "test_search_finds_by_what_is_inside",
    ),
]

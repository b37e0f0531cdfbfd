"""The rules of form that the whole contract keeps: one spelling for one thing."""

from tests.requirements.requirement import Source

_rule = Source("spelling")

REQUIREMENTS = [
    _rule.proven(
        "null",
        "A param that may be left out may also be null, with the same meaning; in workflows.update"
        " null clears.",
        "test_null_means_the_same_as_leaving_a_param_out_but_where_it_clears",
        "test_the_contract_says_that_null_is_accepted_where_a_param_may_be_left_out",
        "test_a_null_means_that_the_member_is_left_out_at_any_depth_and_by_position",
        "test_null_members_of_items_are_as_if_they_were_left_out",
        "test_null_clears_in_an_update_but_a_name_stays",
        "test_a_description_is_kept_until_another_or_an_empty_one",
    ),
    _rule.proven(
        "pages",
        "Every list is paged by limit and cursor, and answers items and next_cursor.",
        "test_whatever_answers_items_of_a_growing_list_is_paged_in_one_way",
        "test_pages_of_every_list_join_to_the_whole",
        "test_pages_join_to_the_whole_log",
        "test_a_cursor_binds_the_filters_and_the_direction",
    ),
    _rule.proven(
        "prunes",
        "Prunes take older_than_ms, keep_last, dry_run and where bytes make sense max_bytes; one of"
        " the first three at least.",
        "test_every_prune_takes_the_same_params",
        "test_a_prune_without_a_criterion_is_refused",
        "test_a_prune_deletes_what_either_criterion_names_and_a_dry_run_only_counts",
    ),
    _rule.proven(
        "nouns",
        "A single thing is answered under its noun; rows are counted by the nouns of the wire.",
        "test_whatever_gets_a_single_thing_answers_it_under_its_noun",
        "test_no_name_of_a_table_or_an_old_spelling_is_in_the_contract",
        "test_a_number_is_called_by_what_it_counts",
    ),
    _rule.proven(
        "secrets",
        "The state of the secrets has one vocabulary in ready, info, status and notifications.",
        "test_the_state_of_the_secrets_has_one_vocabulary",
    ),
    _rule.proven(
        "settings",
        "A setting of an app with the new name of one of ours survives under another name.",
        "test_a_setting_of_an_app_with_the_new_name_of_ours_survives_and_is_told",
    ),
    _rule.proven(
        "did_you_mean",
        "An unknown method, param or setting is answered with the most similar known name.",
        "test_an_unknown_member_is_answered_with_the_most_similar_one",
        "test_an_unknown_setting_is_answered_with_the_most_similar_one",
    ),
]

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
        "did_you_mean",
        "An unknown method, param or setting is answered with the most similar known name.",
        "test_an_unknown_member_is_answered_with_the_most_similar_one",
        "test_an_unknown_setting_is_answered_with_the_most_similar_one",
    ),
]

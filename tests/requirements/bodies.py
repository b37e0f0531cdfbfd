"""What holds for every body, whatever numbers, characters and depth it has."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "bodies:bytes",
        "A body is stored byte for byte as it was sent; size and hash are of these bytes, also in a"
        " file of the first program.",
        "test_a_body_of_any_kind_is_stored_as_it_was_sent",
        "test_a_body_is_moved_byte_for_byte",
        "test_a_backup_with_a_body_of_any_kind_is_restored",
    ),
    _promise.proven(
        "bodies:line",
        "In an answer raw U+2028, U+2029 and CR are written otherwise, with the same value, and"
        " what can be saved fits into an answer.",
        "test_a_body_of_any_kind_is_answered_on_one_line_with_the_same_value",
        "test_a_body_counts_with_the_escapes_that_an_answer_needs",
        "test_get_many_ends_before_escapes_make_its_answer_too_large",
    ),
    _promise.proven(
        "bodies:numbers",
        "Numbers that a double does not hold, of any length, are compared and searched and are"
        " never called damage.",
        "test_whatever_can_be_saved_is_read_compared_and_searched",
        "test_a_number_is_a_double_where_that_holds_it_and_else_its_own_text",
        "test_two_numbers_of_different_value_differ",
        "test_a_body_of_any_kind_is_found_compared_reverted_and_no_damage",
        "test_a_difference_that_no_double_shows_is_reported",
        "test_numbers_that_python_does_not_hold_are_received_as_infinite",
    ),
    _promise.proven(
        "bodies:depth",
        "A stored value nests up to 512 levels, counted in the value alone, in every method and in"
        " a batch; a deeper one is refused by its path, and no depth ends the process.",
        "test_the_deepest_value_is_stored_wherever_it_stands",
        "test_a_value_one_level_deeper_is_refused_wherever_it_stands",
        "test_an_item_that_nests_too_deep_is_skipped_alone",
        "test_a_hostile_depth_is_answered_with_the_request_s_id",
        "test_the_deepest_body_comes_back_and_is_compared_and_found",
    ),
    _promise.proven(
        "bodies:json",
        "What is no JSON never enters by a backup, so that every answer is a line of JSON.",
        "test_a_body_that_would_break_the_line_is_refused",
        "test_a_summary_that_is_no_json_is_refused",
        "test_a_summary_that_was_cut_without_quotes_is_answered_as_a_string",
    ),
]

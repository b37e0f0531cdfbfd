"""What `sim-sidecar inspect` promises."""

from tests.requirements.requirement import Source

_promise = Source("inspector")

REQUIREMENTS = [
    _promise.proven(
        "copy",
        "It looks at a copy: original and app are left alone, nothing is migrated or left behind.",
        "test_looking_changes_no_file_beside_the_original",
        "test_the_app_goes_on_beside_it_and_a_new_copy_shows_what_it_did",
        "test_what_a_crashed_process_left_in_its_log_is_copied_and_stays_there",
        "test_an_older_file_is_shown_and_not_migrated",
        "test_nothing_is_left_when_it_ends",
    ),
    _promise.proven(
        "through",
        "Between a host and its sidecar every byte, exit code and signal passes unchanged.",
        "test_bytes_and_exit_code_are_those_of_the_command",
        "test_half_a_line_is_passed_on_at_once",
        "test_a_sidecar_answers_and_ends_as_without_the_inspector",
        "test_a_signal_reaches_the_command_once_and_its_end_comes_back",
        "test_a_signal_of_the_terminal_reaches_the_command_once",
        "test_a_command_that_is_killed_ends_the_inspector_by_the_same_signal",
        "test_an_inspector_that_is_killed_takes_the_command_with_it",
        "test_a_host_that_reads_no_more_is_noticed_by_the_command",
        "test_a_command_that_reads_no_more_is_noticed_by_the_host",
        "test_a_descriptor_that_the_host_hands_down_reaches_the_command",
        "test_a_command_that_cannot_start_is_told_as_a_shell_does",
    ),
    _promise.proven(
        "frames",
        "Frames of both ways are shown with their times, and memory is bounded.",
        "test_both_ways_are_shown_with_their_times_and_events",
        "test_a_long_frame_is_cut_and_still_known",
        "test_the_oldest_frames_are_dropped",
    ),
    _promise.proven(
        "secrets",
        "Passphrases, keys and recovery codes are never kept and never shown.",
        "test_a_secret_passes_and_is_not_shown",
        "test_secret_params_are_hidden",
        "test_a_secret_in_any_other_form_is_hidden",
        "test_answers_with_secrets_are_hidden_and_others_are_not",
    ),
    _promise.proven(
        "strangers",
        "Other hosts, origins, tokens, paths and methods of HTTP are refused.",
        "test_two_hosts_or_none_are_refused",
        "test_what_the_browser_calls_another_site_is_refused",
        "test_a_token_anywhere_else_than_in_its_header_is_none",
        "test_each_inspector_has_a_token_of_its_own",
        "test_only_the_files_of_the_page_are_served",
        "test_other_methods_of_http_are_refused",
        "test_a_body_of_another_kind_or_size_is_refused",
        "test_every_answer_forbids_inline_script_frames_and_keeping",
        "test_the_page_has_no_script_or_style_in_line_and_no_eval",
        "test_the_page_asks_nobody_but_the_inspector",
    ),
    _promise.proven(
        "writes",
        "Without --write no call can change anything.",
        "test_each_method_is_known_to_read_or_to_need_leave",
        "test_what_can_change_something_is_refused_without_write",
        "test_an_unknown_method_is_refused_like_one_that_writes",
        "test_with_write_the_file_itself_is_changed_and_its_events_are_seen",
        "test_with_write_a_database_that_an_app_serves_is_refused",
    ),
    _promise.proven(
        "page",
        "Every view works in a browser, in light and dark, with the keyboard alone and for a screen"
        " reader; axe finds nothing.",
        "test_every_view_shows_what_it_is_for_in_light_and_dark",
        "test_everything_is_reached_and_seen_with_the_keyboard_alone",
        "test_with_write_a_form_changes_the_database_and_its_event_comes",
        "test_frames_of_a_host_are_copied_and_sent_again",
        "test_an_empty_database_a_missing_token_and_the_end_are_told",
    ),
    _promise.proven(
        "bundle",
        "The page is the bundle of its sources, with the licences of all its parts.",
        "test_the_bundle_was_made_of_these_sources",
        "test_the_bundle_made_again_has_the_same_bytes",
        "test_the_licence_of_each_bundled_package_is_there_in_full",
        "test_the_packages_of_the_page_are_parts_with_their_licences",
        "test_the_lock_names_no_registry",
    ),
]

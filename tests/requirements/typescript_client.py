"""What a host in TypeScript or JavaScript can rely on."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "typescript:contract",
        "The TypeScript client calls every method and receives every notification; its types are"
        " those of the contract, strictly.",
        "test_the_typescript_client_calls_every_method_and_receives_every_notification",
        "test_the_errors_of_the_typescript_client_are_told_apart_by_slug",
        "test_the_typescript_client_yields_the_pages_of_a_list",
        "test_lines_of_the_typescript_client_end_in_lf_alone",
    ),
    _promise.proven(
        "typescript:page",
        "Its core runs in a web page, over a transport of the page's own.",
        "test_the_core_of_the_typescript_client_needs_nothing_of_node",
    ),
    _promise.proven(
        "typescript:small",
        "Its part that is written by hand is small, and a host takes at most 15 lines.",
        "test_the_hand_written_part_of_the_typescript_client_stays_small",
        "test_the_example_of_the_typescript_client_is_a_host_in_fifteen_lines",
    ),
    _promise.proven(
        "typescript:calls",
        "A call can be cancelled, and its time-out counts silence.",
        "test_progress_starts_the_timeout_of_the_typescript_client_afresh",
        "test_an_abort_signal_cancels_a_call_of_the_typescript_client",
    ),
    _promise.proven(
        "typescript:supervisor",
        "Over kills of the process each call is settled once, and each audit entry is given once"
        " and in order.",
        "test_a_kill_amid_a_thousand_calls_settles_each_call_of_the_typescript_client_once",
        "test_the_typescript_supervisor_fills_the_gap_of_an_overflow",
        "test_the_typescript_supervisor_tells_that_an_older_database_was_put_back",
        "test_the_typescript_supervisor_of_a_host_that_starts_again_continues_after_an_entry",
        "test_a_callback_that_throws_does_not_stop_the_typescript_client",
    ),
    _promise.proven(
        "typescript:starts",
        "A start that fails says why, a crash loop ends, and after each start secrets are unlocked"
        " and runs handed over.",
        "test_a_start_that_fails_tells_its_slug_through_the_typescript_client",
        "test_a_program_that_never_serves_is_a_failed_start_of_the_typescript_client",
        "test_the_typescript_supervisor_gives_up_on_a_crash_loop",
        "test_the_typescript_supervisor_unlocks_after_each_start",
        "test_the_typescript_supervisor_hands_over_the_runs_that_a_kill_interrupted",
    ),
    _promise.proven(
        "typescript:program",
        "It finds the program by a variable, in the package of the platform, beside the app or on"
        " PATH, in this order; its package names those of all platforms.",
        "test_the_package_of_the_typescript_client_chooses_among_those_of_the_platforms",
        "test_the_typescript_client_finds_the_program_in_each_place",
    ),
    _promise.proven(
        "clients:hostile",
        "The supervisors of all languages meet a program that misbehaves in the same way: short"
        " lives and silent starts, closed or flooded pipes, answers that are none, unknown names,"
        " overflows, refused replays, replaced databases, callbacks that throw or never return.",
        "test_a_process_that_misbehaves_is_met_in_the_same_way_in_all_languages",
    ),
    _promise.proven(
        "hosts:tried",
        "The hosts in Node, the shell and Electron do what their pages say; in Electron a page may"
        " call and is told no more than it needs.",
        "test_the_host_in_node_saves_lists_searches_and_renames",
        "test_the_host_in_the_shell_saves_and_lists_over_one_pipe",
        "test_the_electron_host_fits_the_types_of_electron_and_lets_a_page_do_only_what_it_may",
        "test_every_host_has_a_page_that_says_how_long_it_took",
    ),
]

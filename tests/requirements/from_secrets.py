"""Issue 4, sentence by sentence: keys and the sealed log."""

from tests.requirements.requirement import Source

_issue = Source("secrets", "issue 4")

REQUIREMENTS = [
    _issue.proven(
        "methods",
        "The method table of security.md, whole, with the states each method needs.",
        "test_secrets_are_set_up_once_and_unlocked_then",
        "test_a_lock_forgets_and_an_unlock_brings_back",
        "test_before_set_up_and_while_locked_only_little_works",
        "test_exactly_one_way_in_is_wanted",
        "test_a_key_is_kept_shown_by_its_end_compared_and_deleted",
    ),
    _issue.proven(
        "slots",
        "Passphrase, keychain and recovery code each open the same root key; the last stays.",
        "test_the_secret_and_no_other_opens_it",
        "test_a_recovery_code_opens_everything_and_the_last_slot_stays",
        "test_one_item_of_44_characters_opens_everything",
    ),
    _issue.proven(
        "values",
        "Any text comes back as it was; bounds are told.",
        "test_any_text_comes_back_as_it_was",
        "test_escapes_of_the_line_are_those_of_json",
        "test_what_is_no_text_is_refused_naming_the_field",
        "test_as_many_keys_are_kept_as_are_allowed",
    ),
    _issue.proven(
        "ephemeral",
        "Ephemeral keys are in no file and end with the lock.",
        "test_an_ephemeral_vault_is_in_memory_alone_and_ends_with_its_lock",
    ),
    _issue.proven(
        "headless",
        "An inherited descriptor unlocks at the start.",
        "test_an_inherited_descriptor_unlocks_at_the_start",
    ),
    _issue.proven(
        "legacy",
        "Rows of an older program show as to be entered again.",
        "test_what_an_older_program_sealed_shows_as_to_be_entered_again",
    ),
    _issue.proven(
        "renewal",
        "Rotation, rekey, the upgrade of the derivation.",
        "test_a_rekey_replaces_everything_and_ends_recovery_codes",
        "test_a_data_key_is_replaced_by_itself_when_it_is_old_or_much_used",
        "test_a_slot_cheaper_than_today_is_written_anew_at_an_unlock",
    ),
    _issue.proven(
        "audit:sealed",
        "Checkpoints, a start that moves, exports that another tool checks.",
        "test_while_locked_only_order_and_ends_are_looked_at",
        "test_the_last_thirty_days_always_stay",
        "test_an_export_holds_every_entry_and_another_tool_checks_its_signature",
        "test_a_log_whose_root_key_is_gone_begins_anew_where_it_ends",
    ),
    _issue.proven(
        "process",
        "No socket, no core, not dumpable; no value in a word of ours.",
        "test_the_process_opens_no_socket",
        "test_what_is_no_secret_is_left",
        "test_a_passphrase_that_is_a_word_of_ours_leaves_the_names_programs_go_by",
    ),
    _issue.proven(
        "words",
        "Formats byte by byte, with vectors that another language verifies.",
        "test_another_language_verifies_every_vector",
    ),
    _issue.proven(
        "people",
        "Commands ask on the terminal, never by an argument.",
        "test_on_a_terminal_it_asks_and_does_not_show_what_is_typed",
        "test_a_wrong_passphrase_and_a_missing_one_are_told",
        "test_the_log_is_listed_verified_and_exported",
    ),
]

"""What the methods of secrets and the sealed audit log promise."""

from tests.requirements.requirement import Source

_promise = Source("secrets")

REQUIREMENTS = [
    _promise.proven(
        "methods",
        "The method table of security.md, whole, with the states each method needs.",
        "test_secrets_are_set_up_once_and_unlocked_then",
        "test_a_lock_forgets_and_an_unlock_brings_back",
        "test_before_set_up_and_while_locked_only_little_works",
        "test_exactly_one_way_in_is_wanted",
        "test_a_key_is_kept_shown_by_its_end_compared_and_deleted",
    ),
    _promise.proven(
        "slots",
        "Passphrase, keychain and recovery code each open the same root key; the last stays.",
        "test_the_secret_and_no_other_opens_it",
        "test_a_recovery_code_opens_everything_and_the_last_slot_stays",
        "test_one_item_of_44_characters_opens_everything",
    ),
    _promise.proven(
        "values",
        "Any text comes back as it was; bounds are told.",
        "test_any_text_comes_back_as_it_was",
        "test_escapes_of_the_line_are_those_of_json",
        "test_what_is_no_text_is_refused_naming_the_field",
        "test_as_many_keys_are_kept_as_are_allowed",
    ),
    _promise.proven(
        "ephemeral",
        "Ephemeral keys are in no file and end with the lock.",
        "test_an_ephemeral_vault_is_in_memory_alone_and_ends_with_its_lock",
    ),
    _promise.proven(
        "headless",
        "An inherited descriptor unlocks at the start.",
        "test_an_inherited_descriptor_unlocks_at_the_start",
    ),
    _promise.proven(
        "legacy",
        "Rows of an older program show as to be entered again.",
        "test_what_an_older_program_sealed_shows_as_to_be_entered_again",
    ),
    _promise.proven(
        "renewal",
        "Rotation, rekey, the upgrade of the derivation.",
        "test_a_rekey_replaces_everything_and_ends_recovery_codes",
        "test_a_data_key_is_replaced_by_itself_when_it_is_old_or_much_used",
        "test_a_slot_cheaper_than_today_is_written_anew_at_an_unlock",
    ),
    _promise.proven(
        "ways",
        "A lost way to unlock is replaced by another; with none left, keys are given up.",
        "test_who_forgot_the_passphrase_sets_a_new_one_with_the_recovery_code",
        "test_a_vault_of_a_keychain_gets_a_passphrase_for_another_computer",
        "test_a_new_computers_keychain_takes_the_place_of_the_old_ones",
        "test_when_nothing_unlocks_any_more_the_keys_can_be_given_up_and_entered_again",
        "test_nothing_is_given_up_that_the_person_was_not_told_of",
    ),
    _promise.proven(
        "lock",
        "A lock locks whatever the disk and the methods under way do, and nothing is told wrongly.",
        "test_on_a_full_disk_a_lock_locks_and_says_so",
        "test_a_lock_leaves_no_key_whatever_keeps_the_file_from_being_written",
        "test_a_lock_that_comes_while_an_unlock_is_under_way_is_not_undone_by_it",
        "test_keys_go_in_time_also_while_another_program_keeps_the_log_from_being_written",
        "test_a_lock_while_checkpoints_are_opened_does_not_make_them_look_forged",
        "test_an_export_that_is_locked_before_it_is_signed_is_refused_and_gone",
    ),
    _promise.proven(
        "refusals",
        "Refused requests are logged; of one kind within a second together, with a count.",
        "test_refusals_of_one_kind_within_a_second_are_one_entry_and_a_count",
        "test_what_was_counted_is_told_when_the_process_ends",
        "test_every_wrong_passphrase_is_an_entry",
    ),
    _promise.proven(
        "odd",
        "Rows that a flipped bit has made odd are tampered rows; a key is no provider's name.",
        "test_a_row_of_no_form_that_was_ever_written_is_tampered_and_can_be_deleted",
        "test_an_odd_label_of_a_slot_is_shown_and_in_nobodys_way",
        "test_a_key_where_a_providers_name_belongs_is_refused_and_in_no_file",
    ),
    _promise.proven(
        "audit:sealed",
        "Checkpoints, a start that moves, exports that another tool checks.",
        "test_while_locked_only_order_and_ends_are_looked_at",
        "test_the_last_thirty_days_always_stay",
        "test_an_export_holds_every_entry_and_another_tool_checks_its_signature",
        "test_a_log_whose_root_key_is_gone_begins_anew_where_it_ends",
        "test_who_takes_the_sealed_start_away_does_not_get_his_own_log_sealed",
        "test_a_number_in_the_state_row_has_nothing_deleted_and_hides_nothing",
        "test_a_log_put_back_to_a_copy_and_gone_on_with_is_found_by_the_anchor_kept_outside",
        "test_an_export_of_a_log_that_somebody_changed_says_so_where_it_is_signed",
    ),
    _promise.proven(
        "process",
        "No socket, no core, not dumpable; no value in a word of ours.",
        "test_the_process_opens_no_socket",
        "test_what_is_no_secret_is_left",
        "test_a_passphrase_that_is_a_word_of_ours_leaves_the_names_programs_go_by",
    ),
    _promise.proven(
        "words",
        "Formats byte by byte, with vectors that another language verifies.",
        "test_another_language_verifies_every_vector",
    ),
    _promise.proven(
        "people",
        "Commands ask on the terminal, never by an argument.",
        "test_a_terminal_is_asked_and_does_not_show_what_is_typed",
        "test_a_wrong_passphrase_and_a_missing_one_are_reported",
        "test_the_log_is_listed_verified_and_exported",
    ),
]

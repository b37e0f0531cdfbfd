"""What the methods of secrets and the sealed audit log promise."""

from tests.requirements.requirement import Source

_promise = Source("secrets")

REQUIREMENTS = [
    _promise.proven(
        "methods",
        "Every method of secrets is there, with the states it needs.",
        "test_secrets_are_set_up_once_and_unlocked_afterwards",
        "test_a_lock_forgets_the_keys_and_an_unlock_restores_them",
        "test_methods_that_need_keys_are_refused_before_set_up_and_while_locked",
        "test_exactly_one_of_the_ways_to_unlock_must_be_given",
        "test_a_key_is_stored_listed_by_its_end_compared_and_deleted",
    ),
    _promise.proven(
        "slots",
        "Passphrase, keychain and recovery code each open the same root key; the last key"
        " slot cannot be removed.",
        "test_only_its_secret_opens_a_slot",
        "test_a_recovery_code_unlocks_and_the_last_slot_cannot_be_removed",
        "test_one_item_of_44_characters_opens_everything",
    ),
    _promise.proven(
        "values",
        "Any text can be a secret and comes back unchanged; a text over the bound is refused.",
        "test_any_text_comes_back_as_it_was",
        "test_escapes_of_the_line_are_those_of_json",
        "test_a_value_that_is_no_text_is_refused_with_its_path",
        "test_no_more_keys_are_stored_than_allowed",
    ),
    _promise.proven(
        "ephemeral",
        "Ephemeral keys are in no file and end with the lock.",
        "test_ephemeral_secrets_are_only_in_memory_and_end_with_a_lock",
    ),
    _promise.proven(
        "headless",
        "An inherited descriptor unlocks at the start.",
        "test_an_inherited_descriptor_unlocks_at_the_start",
    ),
    _promise.proven(
        "legacy",
        "Keys sealed by the customer's first program are listed as keys to enter again.",
        "test_keys_that_an_older_program_sealed_are_listed_as_enter_again",
    ),
    _promise.proven(
        "renewal",
        "Data keys rotate, the root key can be replaced, and a cheap key derivation is upgraded.",
        "test_a_rekey_replaces_everything_and_ends_recovery_codes",
        "test_an_old_or_much_used_data_key_is_rotated_automatically",
        "test_an_unlock_rewrites_a_slot_that_costs_less_than_a_new_one",
    ),
    _promise.proven(
        "ways",
        "A lost passphrase is replaced with another key slot; when no slot opens, the keys"
        " can be given up.",
        "test_a_forgotten_passphrase_is_replaced_with_the_recovery_code_as_proof",
        "test_a_passphrase_is_added_where_only_a_keychain_unlocks",
        "test_the_keychain_of_a_new_computer_replaces_the_old_one",
        "test_when_nothing_unlocks_the_keys_can_be_reset_and_entered_again",
        "test_a_reset_is_refused_unless_the_number_of_lost_keys_is_right",
    ),
    _promise.proven(
        "lock",
        "secrets.lock locks whatever the disk and other requests do, and its answer is true.",
        "test_on_a_full_disk_a_lock_locks_and_reports_it",
        "test_a_lock_wipes_the_keys_whatever_prevents_writing_the_file",
        "test_an_unlock_that_is_running_does_not_undo_a_lock",
        "test_keys_are_wiped_at_the_deadline_although_the_log_cannot_be_written",
        "test_a_lock_during_a_verification_does_not_make_checkpoints_appear_forged",
        "test_an_export_is_refused_and_removed_when_a_lock_comes_before_its_signature",
    ),
    _promise.proven(
        "refusals",
        "Refused requests are logged; those of one kind within a second are counted in one entry.",
        "test_refusals_of_one_kind_within_a_second_are_one_entry_and_a_count",
        "test_counted_refusals_are_logged_when_the_process_ends",
        "test_every_wrong_passphrase_is_an_entry",
    ),
    _promise.proven(
        "odd",
        "A damaged row of secrets is reported as tampered; a key given as a provider's name"
        " is refused.",
        "test_a_malformed_row_is_tampered_and_can_be_deleted",
        "test_a_label_that_is_no_utf_8_does_not_prevent_the_unlock",
        "test_a_key_where_a_providers_name_belongs_is_refused_and_in_no_file",
    ),
    _promise.proven(
        "audit:sealed",
        "The log is sealed by checkpoints, can be pruned, and its export is verified by"
        " another tool.",
        "test_while_locked_only_order_and_ends_are_verified",
        "test_entries_of_the_last_thirty_days_are_never_pruned",
        "test_an_export_holds_every_entry_and_another_tool_checks_its_signature",
        "test_a_log_without_its_root_key_is_verified_from_its_end_on",
        "test_a_log_without_its_sealed_start_is_not_sealed_as_if_it_were_sound",
        "test_a_forged_number_in_the_state_row_deletes_and_hides_nothing",
        "test_a_log_set_back_to_an_older_copy_is_found_by_an_anchor_kept_outside",
        "test_an_export_of_a_log_that_was_changed_says_so_in_its_signed_header",
    ),
    _promise.proven(
        "process",
        "The process opens no socket, writes no core and cannot be attached to; no text it"
        " writes has a secret.",
        "test_the_process_opens_no_socket",
        "test_text_without_a_secret_is_unchanged",
        "test_names_that_programs_rely_on_are_not_redacted",
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

"""Twenty-five behaviours of programs that keep keys and an audit log.

Each was chosen after password managers, keychains and the reports of their faults.
"""

from tests.requirements.requirement import Source

_security = Source("security")

REQUIREMENTS = [
    _security.proven(
        "01",
        "No file holds the value of a secret in any spelling.",
        "test_security_01_no_file_holds_a_value_in_any_spelling",
    ),
    _security.proven(
        "02",
        "A sealed value copied to another row is tampered.",
        "test_security_02_a_record_copied_to_another_row_is_tampered",
        "test_a_record_opens_for_no_other_provider_store_or_length",
    ),
    _security.proven(
        "03",
        "An old row that was put back, an added row and a removed row are reported as tampered.",
        "test_security_03_after_any_change_by_another_program_no_key_is_answered",
        "test_the_state_root_changes_with_every_field_it_covers",
        "test_after_every_key_is_deleted_new_keys_can_be_stored",
    ),
    _security.proven(
        "04",
        "No flipped bit of a record or slot is accepted.",
        "test_security_04_no_flipped_bit_of_a_slot_is_accepted",
        "test_security_04_no_flipped_bit_of_a_record_is_accepted",
        "test_security_04_no_flipped_bit_of_a_wrapped_data_key_is_accepted",
        "test_a_data_key_changed_while_locked_keeps_everything_locked",
    ),
    _security.proven(
        "05",
        "A wrong passphrase and a damaged slot are told apart.",
        "test_security_05_damage_and_a_wrong_secret_are_different_errors",
        "test_security_05_a_damaged_slot_is_not_a_wrong_passphrase",
    ),
    _security.proven(
        "06",
        "Key derivation outside the policy is refused at no cost.",
        "test_security_06_a_cost_out_of_bounds_is_refused_before_anything_is_derived",
        "test_an_unlock_rewrites_a_slot_that_costs_less_than_a_new_one",
    ),
    _security.proven(
        "07",
        "The fourth wrong try is throttled, also after a respawn.",
        "test_security_07_after_three_wrong_passphrases_each_further_try_waits_twice_as_long",
        "test_security_07_a_refused_try_derives_nothing_and_a_restart_keeps_the_wait",
        "test_security_07_a_clock_that_was_wrong_and_is_set_back_makes_no_wait_longer",
    ),
    _security.proven(
        "08",
        "Ping is answered during an unlock; one derivation at a time.",
        "test_security_08_ping_is_answered_during_unlocks_that_derive_one_at_a_time",
    ),
    _security.proven(
        "09",
        "A passphrase change killed anywhere leaves one that works.",
        "test_security_09_a_passphrase_change_killed_at_any_moment_leaves_one_that_works",
        "test_security_09_a_passphrase_change_changes_no_record",
        "test_a_set_up_killed_at_any_moment_is_complete_or_absent",
    ),
    _security.proven(
        "10",
        "A rotation killed anywhere leaves every value readable.",
        "test_security_10_a_rotation_killed_at_any_moment_leaves_every_value_readable",
        "test_security_10_a_hundred_kills_during_each",
        "test_security_10_after_a_rotation_the_old_data_key_is_in_no_file",
    ),
    _security.proven(
        "11",
        "A keychain failing at any step leaves the store openable.",
        "test_security_11_a_rekey_that_fails_at_the_keychain_changes_nothing",
        "test_security_11_a_rekey_that_is_rolled_back_leaves_one_item_until_the_next_unlock",
        "test_security_11_after_a_rekey_removing_the_old_item_is_retried",
    ),
    _security.proven(
        "12",
        "A missing keychain is always reported.",
        "test_security_12_a_keychain_that_does_not_store_is_reported",
        "test_security_12_a_keychain_that_hangs_times_out",
        "test_security_12_nothing_that_the_environment_names_is_imported",
    ),
    _security.proven(
        "13",
        "No new root key is made while there is ciphertext that it cannot open.",
        "test_security_13_no_root_key_is_drawn_over_keys_that_it_cannot_open",
        "test_security_13_a_lost_item_is_reported_and_the_recovery_code_unlocks",
        "test_security_13_another_keychain_than_that_of_the_slot_is_reported",
    ),
    _security.proven(
        "14",
        "key_hash is keyed, differs by store and provider.",
        "test_security_14_key_hash_is_keyed_and_differs_by_store_and_provider",
        "test_security_14_a_rotation_keeps_the_fingerprints",
    ),
    _security.proven(
        "15",
        "All nonces differ; lengths are padded.",
        "test_security_15_salt_and_nonce_differ_each_time",
        "test_security_15_equal_values_give_different_records_and_lengths_are_hidden",
    ),
    _security.proven(
        "16",
        "Lock: no key in memory; only secrets reset the idle timer.",
        "test_security_16_only_use_of_secrets_delays_the_idle_lock",
        "test_use_does_not_delay_the_absolute_lock",
        "test_wiped_keys_are_zeros",
    ),
    _security.proven(
        "17",
        "No copy of a value in memory after lock and 200 requests.",
        "test_security_17_no_value_stays_in_memory_and_after_lock_no_key",
        "test_security_17_no_process_may_attach_and_no_core_is_written",
        "test_a_dumpable_process_never_holds_a_key",
    ),
    _security.proven(
        "18:errors",
        "A value planted in an error path of our own reaches no answer and no event.",
        "test_a_secret_in_an_exception_stays_on_stderr",
        "test_nothing_of_an_exception_reaches_the_wire",
        "test_a_fault_is_told_by_its_path_without_the_value",
        "test_no_error_of_ours_repeats_a_value",
    ),
    _security.proven(
        "18:redaction",
        "Secrets are redacted in errors, log lines, audit details and progress.",
        "test_security_18_a_planted_value_is_in_no_text_at_the_debug_level",
        "test_security_18_known_shapes_and_the_secrets_of_a_request_are_redacted",
        "test_security_18_a_result_is_never_redacted",
    ),
    _security.proven(
        "19:unsealed",
        "Every change of the audit log is found at its place and with its reason.",
        "test_security_19_every_change_of_the_log_is_found_at_its_entry",
        "test_security_19_a_tail_cut_off_is_truncated",
        "test_security_19_a_tail_cut_off_with_its_state_is_found_without_its_key",
        "test_security_19_an_older_copy_is_rolled_back",
        "test_security_19_an_older_copy_that_went_on_is_forked",
    ),
    _security.proven(
        "19:sealed",
        "The same holds for a sealed log and a person who can write the file.",
        "test_security_19_every_change_of_a_sealed_log_is_found",
        "test_security_19_a_tail_cut_with_its_state_and_anchors_is_found",
        "test_security_19_keys_read_from_the_file_do_not_forge_entries_after_a_checkpoint",
        "TestLog",
    ),
    _security.proven(
        "20",
        "A use of a secret that cannot be logged is refused.",
        "test_security_20_a_key_is_not_answered_when_that_cannot_be_logged",
        "test_an_act_whose_entry_cannot_be_written_does_not_happen",
    ),
    _security.proven(
        "21",
        "After a prune the log verifies, and an older anchor is reported as pruned.",
        "test_security_21_the_entries_left_by_a_prune_verify_and_an_older_anchor_is_pruned",
        "test_security_21_a_locked_or_tampered_log_is_not_pruned",
        "test_a_prune_that_was_killed_between_its_steps_is_finished_by_a_chore",
    ),
    _security.proven(
        "22",
        "At most 20 us an entry; 100 000 verified within 1 s: measured by bench/audit.py.",
        "test_a_sound_sealed_log_is_ok_and_says_which_entries_were_written_unsealed",
    ),
    _security.proven(
        "23",
        "After the purge no window of deleted text is left.",
        "test_nothing_of_what_was_deleted_is_left",
        "test_a_kill_amid_a_purge_leaves_the_wish_and_the_next_one_finds_all",
    ),
    _security.proven(
        "24",
        "Every hostile backup is rejected, live file unchanged.",
        "test_security_24_a_hostile_database_is_refused",
        "test_a_hostile_frame_is_refused_in_little_memory",
        "test_a_hostile_frame_takes_no_memory",
        "test_a_body_that_would_break_the_line_is_refused",
        "test_a_manifest_that_contradicts_its_database_is_refused",
    ),
    _security.proven(
        "25:files",
        "Files are private; a symlinked or foreign data file is refused.",
        "test_every_file_we_make_is_private",
        "test_a_symbolic_link_is_refused",
        "test_somebody_elses_file_is_refused",
    ),
    _security.proven(
        "25:restore",
        "A restore killed anywhere is old or new.",
        "test_sqlite_23_a_restore_really_killed_leaves_the_old_or_the_new_database",
    ),
]

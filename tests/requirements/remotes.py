"""What remotes promise: sealed backups and the log beyond one machine."""

from tests.requirements.requirement import Source

_promise = Source("remotes")

REQUIREMENTS = [
    _promise.proven(
        "sealing",
        "What leaves the machine is sealed in the age v1 format, which other tools open; any"
        " change of it is found.",
        "test_what_is_sealed_is_opened_and_has_the_foretold_size",
        "test_the_tool_age_opens_what_is_sealed_here",
        "test_what_the_tool_age_seals_is_opened_here",
        "test_rage_opens_what_is_sealed_here_and_the_other_way_round",
        "test_the_test_vectors_of_age_are_opened_or_refused",
        "test_every_flipped_bit_is_found",
        "test_every_cut_at_a_chunk_and_every_addition_is_found",
        "test_nothing_in_a_remote_can_be_read_without_a_key",
    ),
    _promise.proven(
        "contract",
        "A folder and an object store take the same: objects are created once, read, listed and"
        " deleted.",
        "test_an_object_is_created_once_read_listed_and_deleted",
        "test_an_object_that_was_written_by_a_broken_try_counts_as_written",
        "test_a_remote_passes_its_own_test_and_is_left_as_it_was",
    ),
    _promise.proven(
        "push",
        "A push sends backups with their secrets, the audit log and the key slots, each once.",
        "test_a_push_sends_everything_once_and_then_only_what_is_new",
        "test_what_was_pushed_is_listed_verified_and_fetched",
        "test_a_large_backup_goes_in_parts_and_comes_back_whole",
        "test_old_backups_are_deleted_where_they_take_more_than_allowed",
    ),
    _promise.proven(
        "restore",
        "On a new machine the recovery code alone brings everything back; the passphrase does so"
        " only by choice.",
        "test_a_new_machine_gets_everything_with_the_recovery_code_alone",
        "test_the_passphrase_opens_a_remote_only_by_choice",
        "test_a_rekey_opens_what_was_pushed_before_and_seals_with_a_new_identity",
        "test_a_new_machine_gets_the_backup_before_where_the_newest_is_damaged",
        "test_a_new_machine_takes_no_older_backup_while_the_remote_fails",
    ),
    _promise.proven(
        "log",
        "A log that was changed, or put back, is found by comparison with what was pushed.",
        "test_a_log_that_was_changed_or_put_back_is_found_by_the_remote",
        "test_a_log_that_was_put_back_is_behind_its_copy_in_the_remote",
    ),
    _promise.proven(
        "hostile",
        "What a remote gives back is compared with what was signed before it is used.",
        "test_a_flipped_bit_of_a_backup_is_found_before_it_is_used",
        "test_swapped_chunks_are_found",
        "test_another_key_opens_nothing",
        "test_a_flipped_bit_of_any_object_is_found",
        "test_a_cut_object_is_found_without_reading_it",
        "test_swapped_heads_and_objects_are_found",
        "test_a_missing_object_is_found",
        "test_an_object_of_enormous_size_is_not_read",
        "test_heads_that_are_enormous_or_empty_are_no_heads",
        "test_what_is_invented_beside_the_objects_does_no_harm",
        "test_a_head_that_another_key_has_signed_is_no_head",
        "test_after_a_reset_of_the_secrets_what_was_pushed_earlier_is_reported_as_not_verifiable",
        "test_a_head_that_was_forged_with_the_public_key_is_no_head",
        "test_nothing_is_brought_from_a_remote_without_a_sound_backup",
        "test_a_new_machine_uses_nothing_of_a_remote_that_was_changed_at_random",
        "test_a_recipient_of_low_order_is_refused",
        "test_a_damaged_start_of_a_large_object_is_found_and_the_next_is_read",
        "test_names_and_kinds_of_files_that_no_device_writes_do_not_disturb",
        "test_nothing_is_written_or_deleted_through_a_link_in_a_folder",
        "test_pruning_deletes_nothing_but_parts_of_backups",
        "test_who_changes_the_url_in_the_file_gets_nothing_sent",
    ),
    _promise.proven(
        "rollback",
        "An earlier state of the remote, and a copy of the database that writes under the same"
        " name, are told; the device goes on under a new name.",
        "test_what_was_pushed_before_a_restore_on_the_same_machine_still_opens",
        "test_a_remote_that_was_rolled_back_is_told_and_gets_everything_again",
        "test_a_copy_that_writes_under_the_same_name_is_told_and_the_second_gets_a_new_one",
    ),
    _promise.proven(
        "kills",
        "A push goes on after the courier or the serving process was killed at any step, and over"
        " connections that are slow or break.",
        "test_a_push_goes_on_after_a_courier_has_ended_at_any_step",
        "test_a_push_goes_on_after_the_serving_process_was_killed_at_any_step",
        "test_what_a_killed_courier_left_unfinished_is_removed_after_an_hour",
        "test_the_courier_ends_with_the_process_that_started_it",
        "test_a_push_over_connections_that_break_is_whole_in_the_end",
        "test_a_slow_connection_only_takes_its_time",
        "test_a_push_that_is_cancelled_ends_soon_and_goes_on_later",
    ),
    _promise.proven(
        "warnings",
        "Each kind of failure is told once by a slug of its own; offline pushes are tried ever more"
        " seldom.",
        "test_a_refusal_is_told_by_its_own_slug_once",
        "test_what_a_store_says_is_understood_by_status_and_code_alone",
        "test_a_broken_connection_is_offline",
        "test_a_full_folder_is_told_as_full",
        "test_while_offline_pushes_are_tried_ever_more_seldom_and_told_once",
        "test_without_a_recovery_code_there_is_no_remote_and_no_push",
    ),
    _promise.proven(
        "automatic",
        "Pushes by time need unlocked secrets, send all that is due, and can be switched off;"
        " automatic backups have the sealed secrets where a remote is set.",
        "test_a_push_by_time_needs_unlocked_secrets_and_sends_all_that_is_due",
        "test_pushes_by_time_can_be_switched_off_and_the_log_left_out",
        "test_an_automatic_backup_has_the_secrets_where_a_remote_is_set",
    ),
    _promise.proven(
        "credentials",
        "Credentials are sealed in the file and in no answer, and none come from the environment.",
        "test_credentials_are_in_no_file_and_no_answer",
        "test_what_a_store_repeats_of_a_request_is_never_shown",
        "test_nothing_of_the_environment_reaches_a_store",
        "test_a_push_opens_no_socket_in_the_serving_process_and_does_not_delay_its_end",
    ),
    _promise.proven(
        "command",
        "A person sets a remote, pushes, and restores on a new machine from the command line.",
        "test_the_walk_of_the_readme_brings_everything_to_a_new_machine",
        "test_what_an_act_of_remotes_has_no_use_for_is_refused",
        "test_a_backup_and_a_remote_cannot_both_be_restored",
    ),
]

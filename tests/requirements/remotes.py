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
        "test_old_backups_are_deleted_where_they_take_more_than_allowed",
    ),
    _promise.proven(
        "restore",
        "On a new machine the recovery code alone brings everything back; the passphrase does so"
        " only by choice.",
        "test_a_new_machine_gets_everything_with_the_recovery_code_alone",
        "test_the_passphrase_opens_a_remote_only_by_choice",
        "test_a_rekey_opens_what_was_pushed_before_and_seals_with_a_new_identity",
    ),
    _promise.proven(
        "log",
        "A log that was changed, or put back, is found by comparison with what was pushed.",
        "test_a_log_that_was_changed_or_put_back_is_found_by_the_remote",
    ),
    _promise.proven(
        "hostile",
        "What a remote gives back is compared with what was signed before it is used.",
        "test_a_flipped_bit_of_a_backup_is_found_before_it_is_used",
        "test_swapped_chunks_are_found",
        "test_another_key_opens_nothing",
        "test_a_recipient_of_low_order_is_refused",
    ),
]

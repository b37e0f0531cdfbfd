"""What a host that follows the changes of the database can rely on."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "following:secrets",
        "`secrets.changed` tells every change of the state of the secrets, with its reason and the"
        " number of its audit entry.",
        "test_setting_up_locking_unlocking_and_resetting_are_told",
        "test_what_does_not_change_the_state_is_not_told",
        "test_secrets_in_memory_are_ephemeral_and_a_lock_ends_them",
        "test_each_automatic_lock_is_told_with_its_reason",
        "test_a_lock_that_no_entry_could_be_written_for_is_told_without_one",
        "test_an_unlock_that_fails_and_drops_the_keys_is_told",
        "test_a_restore_that_replaces_the_secrets_is_told",
        "test_a_recovery_that_keeps_the_secrets_changes_no_state",
        "test_a_recovery_that_cannot_read_the_secrets_is_told",
    ),
    _promise.proven(
        "following:idle",
        "The lock after a time without use comes within a second of its time, whatever runs.",
        "test_a_chore_that_waits_for_none_runs_while_another_runs",
        "test_the_idle_lock_is_told_within_a_second_of_its_time",
        "test_a_deadline_that_passes_during_an_unlock_does_not_refuse_it",
    ),
    _promise.proven(
        "following:settings",
        "`settings.changed` tells a deletion from null.",
        "test_a_deletion_is_told_apart_from_null",
    ),
    _promise.proven(
        "following:numbers",
        "Where the numbers of entries begin again, or a notification without an entry is dropped,"
        " no entry is left out and none but those since the last one is asked for again.",
        "test_a_log_that_begins_again_is_told_from_its_first_entry",
        "test_a_dropped_warning_sends_the_reader_back_to_the_last_entry_only",
    ),
    _promise.proven(
        "following:entries",
        "A change notification names its audit entry.",
        "test_a_change_names_an_entry_of_its_act",
    ),
    _promise.proven(
        "following:progress",
        "Progress never falls, neither the units done nor their share of the whole.",
        "test_the_progress_of_a_long_method_never_falls",
        "test_the_progress_of_a_long_method_that_reads_never_falls",
    ),
    _promise.proven(
        "following:counts",
        "A restore answers the rows there are after it.",
        "test_the_counts_are_those_after_the_restore",
    ),
    _promise.proven(
        "following:recipe",
        "A host that was away replays the log, takes the ids and asks for what it shows: over kills"
        " of the host and of the process it shows what an independent reader finds in the file.",
        "test_hosts_that_are_killed_and_started_again_show_what_the_file_holds",
        "test_hosts_follow_a_thousand_changes_over_thirty_kills",
        "test_few_acts_have_a_host_in_python_ask_for_everything_again",
    ),
    _promise.proven(
        "following:pages",
        "The recipes for hosts are replayed through the process, and the page of changes for"
        " clients is of the protocol's version.",
        "test_the_process_answers_as_the_recipe_says",
        "test_every_recipe_has_a_conversation",
        "test_the_newest_version_of_the_page_is_that_of_the_protocol",
    ),
]

"""Twelve mistakes in the code of the customer's design document that must not be made here.

The document proposes SQL and Rust for every table and operation. Each mistake was reproduced
from its text; each has a test that names it. schema/design.md lists them with all that the
document promises.
"""

from tests.requirements.requirement import Source

_mistake = Source("mistake")

REQUIREMENTS = [
    _mistake.proven(
        "01",
        "A save keeps the runs, created_at and the search index: an upsert, not a replace.",
        "test_design_mistake_01_a_save_keeps_runs_and_created_at_and_the_index",
    ),
    _mistake.proven(
        "02",
        "The search index hangs on an explicit key that a rebuild and VACUUM keep.",
        "test_design_mistake_02_a_rebuilt_table_keeps_the_keys_the_search_index_hangs_on",
        "test_design_mistake_02_search_is_right_after_a_rebuild_and_a_vacuum",
    ),
    _mistake.proven(
        "03",
        "Durations are milliseconds.",
        "test_design_mistake_03_times_are_milliseconds_and_durations_need_not_be_whole_seconds",
    ),
    _mistake.proven(
        "04",
        "No text is stored that is never read.",
        "test_design_mistake_04_no_column_is_stored_that_is_never_read",
        "test_design_mistake_04_all_that_is_indexed_is_searched",
    ),
    _mistake.proven(
        "05",
        "A copy of the database ends, whatever its size, and holds no writer by pausing.",
        "test_design_mistake_05_a_copy_is_one_statement_without_pauses",
    ),
    _mistake.proven(
        "06",
        "No unkeyed hash of a key is stored: keys cannot be confirmed or linked.",
        "test_design_mistake_06_no_hash_of_a_key_is_moved",
    ),
    _mistake.proven(
        "07",
        "Deleted text is gone from the indexes, the WAL and the statistics.",
        "test_design_mistake_07_a_deleted_text_is_gone_from_indexes_log_and_statistics",
    ),
    _mistake.proven(
        "08",
        "An unknown newer version is refused.",
        "test_design_mistake_08_an_unknown_newer_version_is_refused_and_untouched",
    ),
    _mistake.proven(
        "09",
        "A file swapped in beside an old WAL reads as the new one.",
        "test_design_mistake_09_a_file_swapped_in_beside_an_old_wal_reads_as_the_new_one",
    ),
    _mistake.proven(
        "10",
        "The audit entry is written in the act's own transaction.",
        "test_design_mistake_10_an_act_whose_entry_cannot_be_written_does_not_happen",
    ),
    _mistake.proven(
        "11",
        "A run of a dead process is closed at the start.",
        "test_design_mistake_11_a_run_left_running_by_a_dead_process_is_closed_at_the_start",
    ),
    _mistake.proven(
        "12",
        "An acknowledged save survives power loss: synchronous is FULL.",
        "test_design_mistake_12_every_commit_is_on_disk_before_it_is_answered",
    ),
]

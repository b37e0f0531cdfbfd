"""What the customer's design document promises, what keeps it here, and where the product departs.

The document ("V2 Database Design: Optimized SQLite with Security") describes tables, operations
and goals of a local database, with SQL and Rust for each. The product keeps its promises and not
always its letter. `build/design_page.py` renders this list as schema/design.md.
"""

from typing import NamedTuple

from tests.requirements.requirement import Requirement, Source

_design = Source("design")


class Promise(NamedTuple):
    """One sentence of the document, and how it is kept."""

    section: str
    """Heading of the document."""
    says: str
    """What the document says, in short."""
    here: str
    """What keeps it here."""
    tests: tuple[str, ...]
    """Tests that show it."""
    departure: str | None = None
    """What differs from the letter and why; None where the letter is kept."""


_CONFIGURATION = "Database configuration"
_TABLES = "Core tables"
_SECURITY_TABLES = "Security tables"
_COMPRESSION = "Data compression strategy"
_OPERATIONS = "Database operations layer"
_QUERIES = "Query optimization"
_BACKUP = "Backup and recovery"
_MIGRATION = "Data migration support"
_PERFORMANCE = "Performance characteristics"
_SECURITY = "Security features"
_MAINTENANCE = "Maintainability benefits"

PROMISES = [
    Promise(
        _CONFIGURATION,
        "WAL, foreign keys, secure_delete, a cache of 64 MB and temporary data in memory.",
        "Each is set on every connection and read back; `system.info` shows them.",
        ("test_info_shows_a_pragma_as_the_live_connection_has_it",),
        "The 64 MB cache is that of the shared connection; short-lived readers have a small one,"
        " since several of them may be open at once.",
    ),
    Promise(
        _CONFIGURATION,
        "ACID: transactions and data integrity.",
        "`synchronous=FULL`, one transaction a burst, in which each request is undone by itself; a"
        " request is acknowledged after its COMMIT.",
        (
            "test_design_mistake_12_every_commit_is_on_disk_before_it_is_answered",
            "test_at_full_no_power_loss_loses_or_tears_an_acknowledged_write",
        ),
        "The document leaves `synchronous` at the library's default; with NORMAL an acknowledged"
        " save does not survive a power loss (mistake 12).",
    ),
    Promise(
        _CONFIGURATION,
        "One portable file holds the whole database.",
        "After an orderly end the database is one file; `-wal` and `-shm` exist while it is open.",
        ("test_a_closed_database_leaves_one_file_and_its_marker",),
        "A few small files stand beside it: the lock, a marker that a database was there, and"
        " space held in reserve for a full disk.",
    ),
    Promise(
        _TABLES,
        "workflows: a gzip-compressed JSON blob with name, description, tags, category and"
        " timestamps.",
        "`workflows.save`, `get`, `list`, `update`, `delete`; a body comes back byte for byte.",
        (
            "test_a_save_creates_then_changes_then_writes_nothing",
            "test_any_gzip_reader_opens_it",
            "test_a_body_comes_back_byte_for_byte",
        ),
        "The body stands in a table of its own beside the header row, so that lists read no"
        " bodies; times are milliseconds; an explicit INTEGER PRIMARY KEY is what the search index"
        " refers to (mistake 2).",
    ),
    Promise(
        _TABLES,
        "search_text, a generated column for search.",
        "Search reads the indexed columns themselves.",
        (
            "test_design_mistake_04_no_column_is_stored_that_is_never_read",
            "test_design_mistake_04_all_that_is_indexed_is_searched",
        ),
        "Left out: nothing in the document reads it, and ALTER TABLE cannot add a STORED generated"
        " column (mistake 4).",
    ),
    Promise(
        _TABLES,
        "workflows_fts, a full-text index kept in sync by triggers.",
        "`workflows.search` over name, description and tags, over parts of words, and over the"
        " text inside bodies.",
        (
            "test_a_hit_names_its_fields_and_has_a_snippet",
            "test_queries_find_words_in_bodies",
            "TestWorkflows",
        ),
        "The indexes follow a save in a pause or before the next search and not by triggers: half"
        " of the pages of a save were theirs. What is pending is a row of the save's own"
        " transaction.",
    ),
    Promise(
        _TABLES,
        "runs: status, times, duration, summary, error, blocks, tokens and API calls, removed with"
        " their workflow.",
        "`runs.start`, `progress`, `finish`, `list`, `stats`.",
        (
            "test_a_finished_run_has_every_value_of_its_finish",
            "test_a_delete_deletes_the_runs_and_returns_their_number",
            "test_design_mistake_03_times_are_milliseconds_and_durations_need_not_be_whole_seconds",
        ),
        "`duration_ms` is measured on a monotonic clock: computed from whole seconds it is always"
        " a multiple of 1000 (mistake 3). A run that was running when the process died is closed"
        " (mistake 11).",
    ),
    Promise(
        _TABLES,
        "settings with value_type string, number, boolean or json, and seven defaults.",
        "`settings.*`; the defaults are there in a new file.",
        (
            "test_a_new_database_has_every_default_and_its_version",
            "test_a_key_with_a_default_keeps_its_type",
        ),
        "The document keeps the version of the tables as a setting; here `schema_version` is"
        " answered from the file's header and cannot be set.",
    ),
    Promise(
        _SECURITY_TABLES,
        "secrets: an encrypted value, a hash of the key and timestamps.",
        "`secrets.*`: sealed under a root key that a passphrase, the system's keychain or a"
        " recovery code opens.",
        (
            "test_a_key_is_stored_listed_by_its_end_compared_and_deleted",
            "test_security_14_key_hash_is_keyed_and_differs_by_store_and_provider",
        ),
        "The library `cryptography` takes the place of Tauri Stronghold, which Python cannot use."
        " The hash is keyed: an unkeyed SHA-256 lets a thief confirm and link keys (mistake 6).",
    ),
    Promise(
        _SECURITY_TABLES,
        "access_log: an entry for every security event, with indexes by time and by action.",
        "`audit.*`: entries chained by a message authentication code, streamed as events,"
        " verified by `audit.verify`.",
        (
            "test_an_act_writes_its_entries_and_emits_each_as_an_event",
            "test_entries_are_filtered_by_all_that_is_given_and_times_are_half_open",
            "test_design_mistake_10_an_act_whose_entry_cannot_be_written_does_not_happen",
        ),
        "The entry is written in the transaction of its act; the document writes it afterwards"
        " (mistake 10). `key_access`, `key_update` and `workflow_export` keep their names.",
    ),
    Promise(
        _COMPRESSION,
        "JSON to gzip to BLOB, 60 to 80 % smaller.",
        "Measured on 448 real workflow files: the database is 43 % of their compact JSON, with all"
        " search indexes; `system.stats` reports the sizes.",
        (
            "test_what_is_packed_comes_back",
            "test_every_file_of_the_corpus_comes_back_byte_for_byte",
            "test_stats_report_how_the_files_bytes_are_used",
        ),
    ),
    Promise(
        _OPERATIONS,
        "One connection behind a mutex.",
        "One shared connection behind one lock; long methods read through short-lived connections"
        " of their own.",
        ("test_what_waits_together_is_one_transaction_and_answered_in_order",),
    ),
    Promise(
        _OPERATIONS,
        "save_workflow by INSERT OR REPLACE.",
        "An upsert that changes the row in place.",
        ("test_design_mistake_01_a_save_keeps_runs_and_created_at_and_the_index",),
        "REPLACE deletes the row first: the cascade removes the run history, `created_at` is"
        " reset and the search index keeps stale rows (mistake 1).",
    ),
    Promise(
        _OPERATIONS,
        "Prepared statements and batches in transactions.",
        "The driver caches prepared statements; requests that wait together share a transaction;"
        " bulk methods write in short transactions.",
        (
            "test_a_burst_ends_at_its_bound",
            "test_save_many_saves_none_when_one_fails",
        ),
    ),
    Promise(
        _QUERIES,
        "Indexes for the common queries by category, time, name, workflow and status.",
        "Every list is a search by index without sorting, at a million runs too.",
        (
            "test_every_live_list_is_a_search_without_sorting",
            "test_stores_10_every_page_of_runs_is_a_search_without_sorting",
        ),
        "The indexes are covering ones with the sort key at the end, so they differ in columns.",
    ),
    Promise(
        _BACKUP,
        "Automated backups through SQLite's backup API, compressed and validated.",
        "`backups.create` and the automatic backup: one moment of the database, checked, packed"
        " with zstd, read back and then named.",
        (
            "test_a_backup_is_made_on_the_interval_and_only_when_something_has_changed",
            "test_a_backup_is_the_whole_database_as_sqlite_reads_it",
            "test_design_mistake_05_a_copy_is_one_statement_without_pauses",
        ),
        "The copy is one step: five pages each 100 ms need 500 s for 100 MB, and from a second"
        " connection the copy restarts at every write (mistake 5).",
    ),
    Promise(
        _BACKUP,
        "Restore with validation and transaction safety.",
        "`backups.restore`: examined first, then swapped in by a plan that a killed process"
        " finishes or undoes.",
        (
            "test_everything_is_as_it_was_when_the_backup_was_made",
            "test_sqlite_23_a_restore_really_killed_leaves_the_old_or_the_new_database",
            "test_design_mistake_09_a_file_swapped_in_beside_an_old_wal_reads_as_the_new_one",
        ),
        "A transaction around a file copy restores nothing, and a file swapped in beside an old"
        " `-wal` reads as the old data (mistake 9). Secrets and the audit log of now are kept.",
    ),
    Promise(
        _MIGRATION,
        "Versioned migrations 0 to 1 to 2 and so on.",
        "Numbered steps, each one transaction with its version, after a verified copy.",
        (
            "test_steps_are_taken_in_order_and_told",
            "test_the_copy_before_a_migration_is_the_old_file_and_private",
            "test_design_mistake_08_an_unknown_newer_version_is_refused_and_untouched",
        ),
        "The version stands in the file's header (`user_version`); a newer one is refused, which"
        " the document's default arm accepts (mistake 8).",
    ),
    Promise(
        _PERFORMANCE,
        "Save under 10 ms, load under 5 ms, search under 50 ms over 1000 workflows, a page of runs"
        " under 20 ms.",
        "Measured by `tests/bench`: 1.4, 0.4, 24 and 0.4 ms (95 of 100) on two cores, at 100 000"
        " workflows and a million runs 2.0, 0.4, 24 and 0.4 ms.",
        ("test_every_live_list_is_a_search_without_sorting",),
        "Times are not asserted in the test suite, since they depend on the machine; the shape of"
        " the queries is.",
    ),
    Promise(
        _PERFORMANCE,
        "The database is about half the size of uncompressed JSON.",
        "43 % of the compact JSON of 448 real files, with search indexes and revisions.",
        ("test_stats_report_how_the_files_bytes_are_used",),
    ),
    Promise(
        _SECURITY,
        "Secure deletion.",
        "Two seconds after a delete no byte of the text is left in the file, its indexes or its"
        " write-ahead log.",
        (
            "test_nothing_of_what_was_deleted_is_left",
            "test_design_mistake_07_a_deleted_text_is_gone_from_indexes_log_and_statistics",
        ),
        "`secure_delete` alone does not reach the full-text tables, the WAL and the statistics: a"
        " purge follows each delete (mistake 7).",
    ),
    Promise(
        _SECURITY,
        "All inputs are validated and sanitized.",
        "Every method has typed params; unknown members, wrong types and values out of bounds are"
        " refused with the path of the member.",
        (
            "test_every_fault_of_every_param_is_reported_with_its_path_and_changes_nothing",
            "test_params_refuse_unknown_members_at_every_depth",
        ),
        "Text is validated and stored as it is; it is made harmless where it is shown.",
    ),
    Promise(
        _SECURITY,
        "Parameterised queries only.",
        "SQL stands in `sidecar/store` alone and is never built from values.",
        ("test_any_text_is_a_valid_query",),
    ),
    Promise(
        _MAINTENANCE,
        "Clear structure and a self-documenting schema.",
        "`schema/database.sql` is the commented schema; a test holds a fresh file to it.",
        ("test_the_commented_schema_makes_the_tables_of_a_fresh_database",),
    ),
]

REQUIREMENTS: list[Requirement] = [
    _design.proven(f"{number:02}", each.says, *each.tests)
    for number, each in enumerate(PROMISES, start=1)
]

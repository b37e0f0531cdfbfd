"""The 25 behaviours of ../shared/research/security.md, section 7: with secrets and the purge."""

from tests.requirements.requirement import Source

_security = Source("security", "security behaviour")
_SECRETS = "issue 4 (secrets)"
_AUDIT = "issue 4 (sealed audit chain)"

REQUIREMENTS = [
    _security.owed("01", "No file holds the value of a secret in any spelling.", _SECRETS),
    _security.owed("02", "A sealed value copied to another row is tampered.", _SECRETS),
    _security.owed("03", "An old row put back, a row added or taken is tampered.", _SECRETS),
    _security.owed("04", "No flipped bit of a record or slot is accepted.", _SECRETS),
    _security.owed("05", "A wrong passphrase and a damaged slot are told apart.", _SECRETS),
    _security.owed("06", "Key derivation outside the policy is refused at no cost.", _SECRETS),
    _security.owed("07", "The fourth wrong try is throttled, also after a respawn.", _SECRETS),
    _security.owed("08", "Ping is answered during an unlock; one derivation at a time.", _SECRETS),
    _security.owed("09", "A passphrase change killed anywhere leaves one that works.", _SECRETS),
    _security.owed("10", "A rotation killed anywhere leaves every value readable.", _SECRETS),
    _security.owed("11", "A keychain failing at any step leaves the store openable.", _SECRETS),
    _security.owed("12", "A keychain that is none is never a silent success.", _SECRETS),
    _security.owed("13", "No key is made over ciphertext it cannot open.", _SECRETS),
    _security.owed("14", "key_hash is keyed, differs by store and provider.", _SECRETS),
    _security.owed("15", "All nonces differ; lengths are padded.", _SECRETS),
    _security.owed("16", "Lock: no key in memory; only secrets reset the idle timer.", _SECRETS),
    _security.owed("17", "No copy of a value in memory after lock and 200 requests.", _SECRETS),
    _security.proven(
        "18:errors",
        "A value planted in an error path of our own reaches no answer and no event.",
        "test_a_secret_in_an_exception_stays_on_stderr",
        "test_nothing_of_an_exception_reaches_the_wire",
        "test_a_fault_is_told_by_its_path_without_the_value",
        "test_no_error_of_ours_repeats_a_value",
    ),
    _security.owed("18:redaction", "Redaction where security.md puts it.", _SECRETS),
    _security.proven(
        "19:unsealed",
        "Every change of the audit log is found at its place and with its reason.",
        "test_security_19_every_change_of_the_log_is_found_at_its_place",
        "test_security_19_a_tail_cut_off_is_truncated",
        "test_security_19_a_tail_cut_off_with_its_state_is_found_without_its_key",
        "test_security_19_an_older_copy_is_rolled_back",
        "test_security_19_an_older_copy_that_went_on_is_forked",
    ),
    _security.owed("19:sealed", "The same by somebody who can write the file.", _AUDIT),
    _security.owed("20", "What cannot be audited does not happen: secrets refused.", _AUDIT),
    _security.owed("21", "Prune, then verify; an older anchor says pruned.", _AUDIT),
    _security.owed("22", "At most 20 us an entry; 100 000 verified within 1 s.", _AUDIT),
    _security.proven(
        "23",
        "After the purge no window of deleted text is left.",
        "test_nothing_of_what_was_deleted_is_left",
        "test_a_kill_amid_a_purge_leaves_the_wish_and_the_next_one_finds_all",
    ),
    _security.owed(
        "24", "Every hostile backup is rejected, live file unchanged.", "issue 5 (restore)"
    ),
    _security.proven(
        "25:files",
        "Files are private; a symlinked or foreign data file is refused.",
        "test_every_file_we_make_is_private",
        "test_a_symbolic_link_is_refused",
        "test_somebody_elses_file_is_refused",
    ),
    _security.owed("25:restore", "A restore killed anywhere is old or new.", "issue 5 (restore)"),
]

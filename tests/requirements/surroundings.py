"""What holds whatever happens around the process: its parent, its files and the machine's limits.

One list for each area, so that each can grow by itself.
"""

from tests.requirements.requirement import Source

_around = Source("surroundings")

SECRETS = [
    _around.proven(
        "cancelled_try",
        "A passphrase that is being tried is counted, throttled and logged whatever is cancelled;"
        " a right one does what was asked.",
        "test_a_wrong_passphrase_is_counted_throttled_and_logged_although_its_request_is_cancelled",
        "test_a_right_passphrase_does_what_was_asked_although_its_request_is_cancelled",
        "test_the_end_of_the_process_does_not_save_a_try",
    ),
    _around.proven(
        "uncounted_try",
        "A wrong passphrase is throttled also where the file cannot count it.",
        "test_a_wrong_passphrase_that_the_file_cannot_count_is_throttled_all_the_same",
    ),
]

REQUIREMENTS = [*SECRETS]

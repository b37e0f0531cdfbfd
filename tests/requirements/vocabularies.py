"""What the contract says of the names that it uses, of errors, and of how the process ends."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "vocabularies:closed",
        "Each name that an answer or a notification uses is of a vocabulary of the contract, with"
        " a sentence, and is used somewhere.",
        "test_a_vocabulary_explains_each_of_its_values_in_order",
        "test_members_with_the_name_of_a_vocabulary_are_typed_by_one",
        "test_a_vocabulary_is_a_component_that_its_users_refer_to",
        "test_every_value_is_used",
    ),
    _promise.proven(
        "vocabularies:settings",
        "Each setting that the product goes by is described with its type, range, default and"
        " effect; those that only the app uses are marked.",
        "test_every_setting_with_a_default_is_described",
    ),
    _promise.proven(
        "vocabularies:errors",
        "The data of each error has a schema, and an error is raised with no other members.",
        "test_the_contract_has_a_schema_of_the_data_of_each_error",
        "test_every_member_that_an_error_is_raised_with_is_described",
        "test_every_member_that_is_described_is_given_somewhere",
    ),
    _promise.proven(
        "vocabularies:ends",
        "The lines on stderr that a host may read and the exit codes are described.",
        "test_the_lines_of_stderr_and_the_exit_codes_are_described",
        "test_a_start_can_fail_with_each_error_that_has_an_exit_code_of_its_own",
    ),
    _promise.proven(
        "vocabularies:notifications",
        "A notification is described as a method is.",
        "test_a_notification_is_described_as_a_method_is",
    ),
]

"""What holds of the packages that are shipped."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "packages:own_command",
        "A command starts a serving process of the same package, with the same meaning of -O, -OO,"
        " -B, -s, -E and -I.",
        "test_a_command_serves_by_the_package_that_it_runs_from",
        "test_a_child_ignores_the_variables_that_the_command_was_told_to_ignore",
        "test_an_isolated_command_serves_by_the_installed_package",
        "test_a_child_writes_no_bytecode_when_the_command_was_told_to_write_none",
        "test_a_child_runs_without_assertions_and_docstrings_as_the_command_does",
    ),
]

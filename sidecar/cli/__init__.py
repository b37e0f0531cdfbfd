"""The commands for people: everything but serving, each in a file of its name.

This is the only package that imports rich. A serving process loads nothing of it.
"""

from sidecar.cli.parser import explain_serving, main
from sidecar.cli.streams import finish, make_whole

__all__ = ["explain_serving", "run"]


def run(words: list[str]) -> int:
    """Run one command with streams that deliver what is written, and return its exit code.

    Raises:
        OSError: the output could not be written.
    """
    make_whole()
    try:
        code = main(words)
    except SystemExit as ended:  # argparse has printed the help, or why the words are wrong
        code = ended.code if isinstance(ended.code, int) else 0
    finish()
    return code

"""Python runs this at its start where this folder is in PYTHONPATH: gives the product other limits.

SIM_TEST_LIMITS has them as NAME=NUMBER, with blanks between. What is started is the product with
this one difference.
"""

import os

if given := os.environ.get("SIM_TEST_LIMITS"):
    try:
        from sidecar import limits
    except ImportError:  # a Python that is about something else
        pass
    else:  # before any module is imported that copies them
        pairs = (each.partition("=") for each in given.split())
        vars(limits).update((name, int(number)) for name, _, number in pairs)

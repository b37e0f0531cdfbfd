"""Everything that was asked for, with the tests that prove it or the capability that owes it."""

from tests.requirements import (
    from_durability,
    from_ecosystem,
    from_issue,
    from_library,
    from_secrets,
    from_security,
    from_seed,
    from_sqlite,
    from_stdio,
    from_stores,
)
from tests.requirements.requirement import Requirement

REQUIREMENTS: list[Requirement] = [
    *from_issue.REQUIREMENTS,
    *from_library.REQUIREMENTS,
    *from_secrets.REQUIREMENTS,
    *from_durability.REQUIREMENTS,
    *from_seed.REQUIREMENTS,
    *from_stdio.REQUIREMENTS,
    *from_sqlite.REQUIREMENTS,
    *from_security.REQUIREMENTS,
    *from_stores.REQUIREMENTS,
    *from_ecosystem.REQUIREMENTS,
]

NUMBERED = {"seed": 12, "stdio": 20, "sqlite": 25, "security": 25, "stores": 15, "ecosystem": 20}
"""How many numbered entries each source has."""

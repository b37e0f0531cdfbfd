"""Every statement of behaviour, with the tests that prove it or the capability that owes it."""

from tests.requirements import (
    bodies,
    design_document,
    durability,
    following,
    inspector,
    library,
    mistakes,
    packages,
    process_and_methods,
    python_client,
    rescue,
    rust_client,
    secret_stores,
    secrets_and_log,
    spelling,
    sqlite_stores,
    stdio_programs,
    surroundings,
    typescript_client,
    usability,
    vocabularies,
    workflow_stores,
)
from tests.requirements.requirement import Requirement

REQUIREMENTS: list[Requirement] = [
    *process_and_methods.REQUIREMENTS,
    *library.REQUIREMENTS,
    *secrets_and_log.REQUIREMENTS,
    *durability.REQUIREMENTS,
    *design_document.REQUIREMENTS,
    *mistakes.REQUIREMENTS,
    *stdio_programs.REQUIREMENTS,
    *sqlite_stores.REQUIREMENTS,
    *secret_stores.REQUIREMENTS,
    *workflow_stores.REQUIREMENTS,
    *usability.REQUIREMENTS,
    *surroundings.REQUIREMENTS,
    *following.REQUIREMENTS,
    *spelling.REQUIREMENTS,
    *vocabularies.REQUIREMENTS,
    *bodies.REQUIREMENTS,
    *rescue.REQUIREMENTS,
    *rust_client.REQUIREMENTS,
    *packages.REQUIREMENTS,
    *python_client.REQUIREMENTS,
    *typescript_client.REQUIREMENTS,
    *inspector.REQUIREMENTS,
]

NUMBERED = {
    "design": len(design_document.PROMISES),
    "mistake": 12,
    "stdio": 20,
    "sqlite": 25,
    "security": 25,
    "stores": 15,
    "ecosystem": 20,
}
"""How many numbered entries each source has."""

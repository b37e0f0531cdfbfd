"""Long methods beside each other and beside writes: no answer is one that the file contradicts."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.process.child_process import Child, forked
from tests.process.pair_acts import LONG, LONG_AND_SHORT, draw_pairs
from tests.process.pairs import Reader, World

pytestmark = pytest.mark.usefixtures("usual_limits")

SEED = 20_261_129


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve a database with sixty workflows, twenty runs and one backup."""
    database, reader = tmp_path_factory.mktemp("world") / "sim.db", Reader()
    with closing(Child(forked("--database", database, "--no-events")).wait_ready()) as child:
        yield World(child, database, reader)
    reader.close()


def judge(world: World, seed: int, names: tuple[str, str]) -> list[str]:
    """Run the acts of these names; return what the reader contradicts."""
    first, second = names
    return world.judge(seed, (LONG_AND_SHORT[first], LONG_AND_SHORT[second]))


def run_pairs(world: World, count: int) -> None:
    """Run so many pairs; fail with all that the reader contradicts."""
    wrong = [
        f"pair {number}, {names}: {text}"
        for number, names in enumerate(draw_pairs(SEED, count))
        for text in judge(world, SEED + number, names)
    ]
    assert not wrong, "\n".join(wrong)
    assert list(world.database.parent.glob("*.scratch")) == []


def test_sixty_pairs_of_requests_are_answered_as_an_independent_reader_finds_the_file(
    world: World,
) -> None:
    run_pairs(world, 60)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_thousand_pairs_of_requests_are_answered_as_an_independent_reader_finds_the_file(
    world: World,
) -> None:
    run_pairs(world, 2000)


@pytest.mark.parametrize("other", [name for name in LONG if name != "restore"])
def test_a_restore_beside_any_long_request_brings_back_its_backup(world: World, other: str) -> None:
    wrong = [
        text
        for seed, names in enumerate([("restore", other), (other, "restore"), ("restore", other)])
        for text in judge(world, seed, names)
    ]
    assert wrong == []

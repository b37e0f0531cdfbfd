"""The settings that the program goes by: which values they take, and which it falls back from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.errors import InvalidParams
from sidecar.store import settings
from tests.harness import Bench, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("key", settings.NUMBERS)
def test_a_setting_that_the_program_uses_takes_whole_numbers_up_to_its_bound(
    bench: Bench, key: str
) -> None:
    most = settings.NUMBERS[key].maximum

    for value in (0, most):
        assert bench.call("settings.set", key=key, value=value)["value"] == value
        assert settings.number(bench.store.db, key) == value
    for text in ("-1", str(most + 1), "1.0", "1e1", "9" * 5000):
        params = f'{{"key":"{key}","value":{text}}}'.encode()
        with pytest.raises(InvalidParams):
            bench.call_json("settings.set", params)
    assert bench.call("settings.get", key=key)["setting"]["value"] == most


@pytest.mark.parametrize(
    ("text", "kept"),
    [("7", 7), ("0", 0), ("-0", 0), ('"weekly"', 50), ("-1", 50), ("1.5", 50), ("1" * 5000, 50),
     ("null", 50), ("not json", 50)],
)  # fmt: skip
def test_a_legacy_value_under_such_a_key_is_used_only_if_it_is_valid(
    bench: Bench, text: str, kept: int
) -> None:
    with bench.store.writing() as db:
        settings.put(db, settings.Setting("revision_keep_count", text, "string", None, 1))

    assert settings.number(bench.store.db, "revision_keep_count") == kept

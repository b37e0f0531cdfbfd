"""The pages of every list that has no other test of its pages."""

from pathlib import Path
from typing import Any

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar.errors import InvalidParams
from tests.harness import Bench
from tests.made_workflows import save
from tests.vault_benches import secret_bench

LISTS = [
    "settings.list",
    "workflows.tags",
    "workflows.categories",
    "secrets.list",
    "backups.list",
]


def fill(bench: Bench) -> None:
    """Make at least four of everything that is listed."""
    for n in range(4):
        save(bench, f"w{n}", tags=[f"t{n}", "all"], category=f"c{n}")
        bench.call("settings.set", key=f"own.{n}", value=n)
    bench.call("secrets.initialize", passphrase="open sesame")
    for n in range(4):
        bench.call("secrets.set", provider=f"p{n}", value=f"sk-live-{n}")
        bench.call("backups.create", label=str(n))


def all_pages(bench: Bench, name: str, limit: int) -> list[Any]:
    """Return the items of all pages of a list."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        page = bench.call(name, limit=limit, cursor=cursor)
        assert 0 < len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def test_pages_of_every_list_join_to_the_whole(tmp_path: Path) -> None:
    with secret_bench(tmp_path) as bench:
        fill(bench)

        for name in LISTS:
            whole = bench.call(name, limit=500)["items"]
            assert len(whole) >= 4
            for limit in (1, 3, len(whole)):
                assert all_pages(bench, name, limit) == whole, (name, limit)
            bench.refused(InvalidParams, name, cursor="AAAA")

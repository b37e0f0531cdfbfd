"""`python -m tests.bench.audit`: what an audit entry costs, and what verifying many takes.

An entry is compared with the plain INSERT of the same row, each in transactions of one and of
fifty, on the same file at the product's durability; medians of five rounds of 1 000.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar.store.audit.log import append_entry, chain_head
from sidecar.store.audit.verify import verify_chain
from sidecar.store.connection import Store
from tests.harness import Bench
from tests.vault_benches import secret_bench

ROUNDS, ENTRIES, MANY = 5, 1000, 100_000
DETAILS = '{"revision":3,"created":false}'


def timed(store: Store, group: int, act: Callable[[int], object]) -> float:
    """Microseconds an act, in transactions of so many."""
    began = time.perf_counter()
    for first in range(0, ENTRIES, group):
        with store.writing():
            for number in range(first, first + group):
                act(number)
    return (time.perf_counter() - began) / ENTRIES * 1e6


def costs(bench: Bench, group: int) -> tuple[float, float]:
    """Medians of a plain INSERT and of an entry."""
    db = bench.store.db
    db.execute(
        "CREATE TABLE IF NOT EXISTS plain (seq INTEGER PRIMARY KEY, action TEXT, resource TEXT,"
        " at INTEGER, details TEXT, mac BLOB) STRICT"
    )
    for column in ("at", "action", "resource"):
        db.execute(f"CREATE INDEX IF NOT EXISTS plain_{column} ON plain ({column})")

    def insert(number: int) -> None:
        db.execute(
            "INSERT INTO plain (action, resource, at, details, mac) VALUES (?, ?, ?, ?, ?)",
            ("workflow_save", f"w{number}", 1_700_000_000_000, DETAILS, bytes(32)),
        )

    def append(number: int) -> None:
        append_entry(db, 1_700_000_000_000, "workflow_save", f"w{number}", DETAILS)

    plain, chained = [], []
    for _ in range(ROUNDS):
        plain.append(timed(bench.store, group, insert))
        chained.append(timed(bench.store, group, append))
    return statistics.median(plain), statistics.median(chained)


def main() -> None:
    """Measure and print."""
    write = sys.stdout.write
    with tempfile.TemporaryDirectory() as folder, secret_bench(Path(folder)) as bench:
        for group in (1, 50):
            plain, chained = costs(bench, group)
            write(
                f"entry, {group:2} a transaction: {chained:6.1f} us, plain insert {plain:6.1f} us,"
                f" over it {chained - plain:5.1f} us\n"
            )
        bench.call("secrets.initialize", passphrase="open sesame")
        with bench.store.writing():
            while chain_head(bench.store.db).seq < MANY:
                bench.context.audit("workflow_save", "w1", revision=3, created=False)
        keys = bench.vault.keys
        opener = keys.open_for_audit if keys else None
        began = time.perf_counter()
        verdict = verify_chain(bench.store.db, None, lambda _done, _total: None, opener)
        spent_s = time.perf_counter() - began
        write(f"verify of {verdict.verified_to} entries: {spent_s:.2f} s, {verdict.status}\n")


if __name__ == "__main__":
    main()

"""Workflows are found by title and by inner text, and are among the first hits."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench import relevance
from tests.harness import open_bench
from tests.test_corpus import CORPUS

MADE: list[tuple[str, str, str]] = [
    ("Invoice intake", "mail", "Read each invoice and file it by the number of its supplier."),
    ("Greenhouse watch", "sensor", "Open a window when the air gets warmer than thirty degrees."),
    ("Support answers", "agent", "Answer questions of customers from the handbook, politely."),
    ("Lead research", "agent", "Find the company behind an address and guess how large it is."),
    ("Daily digest", "mail", "Collect the headlines of the morning into one short letter."),
    ("Backup photos", "drive", "Copy new pictures from the camera to a folder named by the day."),
    ("Standup notes", "chat", "Summarise what everybody said and list what is blocked."),
    ("Price alert", "webhook", "Tell me in the chat when a watched product becomes cheaper."),
]


def workflows() -> list[dict[str, Any]]:
    """Workflows written for this test, in the shapes of several tools."""
    found = []
    for number, (name, kind, text) in enumerate(MADE):
        node = {"id": "n", "name": f"Step {number}", "type": kind, "parameters": {"text": text}}
        block = {
            "id": "n",
            "name": f"Step {number}",
            "type": kind,
            "subBlocks": {"t": {"value": text}},
        }
        data = {"nodes": [node]} if number % 2 else {"state": {"blocks": {"n": block}}}
        found.append({"id": f"w{number}", "name": name, "data": data})
    return found


def test_made_workflows_are_found_by_title_and_by_what_is_inside(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        relevance.fill(bench, workflows())

        rates = relevance.survey(bench, workflows())

    assert {name: (each.at_1, each.at_10) for name, each in rates.items() if each.asked} == {
        "title, 2 words": (1.0, 1.0),
        "inside, 3 words": (1.0, 1.0),
        "inside, 5 words": (1.0, 1.0),
        "inside, phrase": (1.0, 1.0),
    }


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"there are no workflow files in {CORPUS}")
def test_real_workflows_are_found_by_title_and_by_what_is_inside(tmp_path: Path) -> None:
    real = relevance.of_folder(CORPUS)
    with open_bench(tmp_path) as bench:
        relevance.fill(bench, real)

        rates = relevance.survey(bench, real)

    assert rates["title, 3 words"].at_10 > 0.95
    assert rates["inside, 5 words"].at_10 > 0.85
    assert rates["inside, phrase"].at_1 > 0.9

"""The conversations of schema/recipes.md, replayed through the real process like the scenarios."""

import re
from pathlib import Path

import pytest

from tests.scenarios.talk import ROOT
from tests.scenarios.test_scenarios import replay

pytestmark = pytest.mark.usefixtures("cheap_keys")

PAGE = (ROOT / "schema" / "recipes.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^## (.+?)\n.*?^```\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("title", "script"), RECIPES, ids=[title for title, _ in RECIPES])
def test_the_process_answers_as_the_recipe_says(title: str, script: str, tmp_path: Path) -> None:
    del title

    replay(script.splitlines(), tmp_path)


def test_every_recipe_has_a_conversation() -> None:
    assert [title for title, _ in RECIPES] == re.findall(r"^## (.+)$", PAGE, re.MULTILINE)

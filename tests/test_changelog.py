"""The page of changes for clients is of the version that the program speaks."""

import re
from pathlib import Path

from sidecar import limits

PAGE = Path(__file__).parents[1] / "schema" / "CHANGELOG.md"


def test_the_newest_version_of_the_page_is_that_of_the_protocol() -> None:
    versions = re.findall(r"^## (\d+)\.(\d+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    ordered = sorted(versions, key=lambda each: (int(each[0]), int(each[1])), reverse=True)
    assert ".".join(versions[0]) == limits.PROTOCOL_VERSION
    assert versions == ordered

"""Programs that misbehave in place of the process: the clients of all languages do the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients import rust_builds
from tests.clients.hostile_peers import CASES, expected, told, without_later_ready
from tests.clients.node_programs import (
    CLIENT,
    NO_TYPESCRIPT,
    NO_TYPESCRIPT_REASON,
    NODE,
    compile_typescript,
)

LANGUAGES = ["python", "typescript", "rust"]
RUN_S = 120
"""The bound of all cases, which run at once and take a tenth of it."""

pytestmark = pytest.mark.timeout(rust_builds.BUILD_S)


@pytest.fixture(scope="module", params=LANGUAGES)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what the hosts of a language saw; one program runs all cases at once."""
    folder = tmp_path_factory.mktemp("hostile")
    cases = told(str(folder))
    path = folder / "cases"
    path.write_text(json.dumps(cases), encoding="utf-8")
    if request.param == "python":
        return reported(folder, sys.executable, "-m", "tests.clients.hostile_host", str(path))
    if request.param == "typescript":
        if NO_TYPESCRIPT:
            pytest.skip(NO_TYPESCRIPT_REASON)
        compile_typescript(CLIENT / "test")
        return reported(folder, str(NODE), str(CLIENT / "test" / "dist" / "hostile.js"), str(path))
    words = ("hostile::", "--nocapture", "--quiet")
    program = str(rust_builds.built()["process"])
    return reported(folder, program, *words, SIM_TEST_HOSTILE=str(path))


def reported(folder: Path, *command: str, **variables: str) -> Any:
    """Run a program and return what it prints of the cases, each in a line of its own."""
    output = folder / "output"
    variables = {**os.environ, **variables}
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, cwd=rust_builds.ROOT, env=variables)
        try:
            process.wait(RUN_S)
        except subprocess.TimeoutExpired:  # the cases that have ended are told all the same
            process.kill()
            process.wait()
    found: dict[str, Any] = {}
    for line in output.read_text("utf-8").splitlines():
        if line.startswith('{"'):
            found |= json.loads(line)
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_process_that_misbehaves_is_met_in_the_same_way_in_all_languages(
    name: str, seen: Any
) -> None:
    found = seen.get(name)
    wanted = expected(CASES[name])
    if found is not None and wanted["states"].count("down") > 2:
        found["states"] = without_later_ready(found["states"])

    assert found == wanted

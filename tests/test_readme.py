"""Tests that replay the README's conversation and shell command with the real process."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVE = [sys.executable, "-m", "sidecar", "serve"]


def matches(expected: Any, actual: Any) -> bool:
    """Return whether two JSON values are equal, where `…` equals any value."""
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            matches(value, actual[name]) for name, value in expected.items()
        )
    return bool(expected == actual)


def test_the_conversation_of_the_readme_is_what_the_process_says() -> None:
    found = re.search(r"```conversation\n(.*?)```", README, re.DOTALL)
    assert found is not None
    lines = found[1].splitlines()
    sent = [line[2:] for line in lines if line.startswith("> ")]
    expected = [json.loads(line[2:]) for line in lines if line.startswith("< ")]
    process = subprocess.Popen(
        [*SERVE, "--ephemeral"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    got: list[Any] = []
    requests = iter(sent)
    for answer in expected:
        if answer.get("id") is not None:
            process.stdin.write(next(requests).encode() + b"\n")
            process.stdin.flush()
        got.append(json.loads(process.stdout.readline()))
    process.stdin.close()
    code = process.wait(60)
    process.stdout.close()

    assert all(matches(*pair) for pair in zip(expected, got, strict=True)), got
    assert len(lines) <= 15
    assert code == 0


def test_the_shell_line_of_the_readme_answers() -> None:
    found = re.search(r"^echo '(.*?)' \| sim-sidecar serve --ephemeral$", README, re.MULTILINE)
    assert found is not None
    done = subprocess.run(
        [*SERVE, "--ephemeral"],
        input=found[1].encode() + b"\n",
        capture_output=True,
        timeout=120,
        check=True,
        cwd=ROOT,
    )

    assert [json.loads(line).get("id") for line in done.stdout.splitlines()] == [None, 1, None]


def test_the_python_snippet_of_the_readme_runs(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    program = found[1].replace('["sim-sidecar",', f'[{sys.executable!r}, "-m", "sidecar",')
    client = str(ROOT / "schema" / "clients" / "python")
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([client, str(ROOT)])},
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "my.db").exists()


def test_the_readme_stays_under_150_lines() -> None:
    assert len(README.splitlines()) < 150

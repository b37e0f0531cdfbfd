"""Tests of the options of `serve`."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import astuple

from sidecar import config
from sidecar.arguments import parse_serve


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(config.DATABASE_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


def test_without_options_it_serves_the_users_database_with_events() -> None:
    got = parse_serve([])

    assert got.database == config.default_database()
    assert got.database is not None
    assert got.database.name == "sim.db"
    assert got.database.parent.name == "sim-sidecar"
    assert (got.parent_pid, got.events, got.log_level, got.log_file) == (
        None, True, "warning", None,
    )  # fmt: skip


def test_the_environment_names_the_database_where_no_option_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(config.DATABASE_VARIABLE, "/tmp/named.db")

    assert parse_serve([]).database == Path("/tmp/named.db")
    assert parse_serve(["--database", "other.db"]).database == Path("other.db")
    assert parse_serve(["--ephemeral"]).database is None


@pytest.mark.parametrize(
    ("platform", "variable", "value"),
    [("linux", "XDG_DATA_HOME", "/data"), ("win32", "LOCALAPPDATA", "/local")],
)
def test_the_folder_is_the_platforms(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, value: str
) -> None:
    monkeypatch.setattr(config.sys, "platform", platform)  # type: ignore[attr-defined]
    monkeypatch.setenv(variable, value)

    assert config.user_data_folder() == Path(value) / "sim-sidecar"


def test_the_folder_of_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.sys, "platform", "darwin")  # type: ignore[attr-defined]

    assert config.user_data_folder().parts[-3:] == (
        "Library", "Application Support", "sim-sidecar",
    )  # fmt: skip


def test_every_option_is_read() -> None:
    got = parse_serve(
        ["--database", "a.db", "--existing", "--reading", "--parent-pid", "7", "--no-events",
         "--log-level", "debug", "--log-file", "l", "--threaded-io", "--dumpable",
         "--passphrase-fd", "5"]
    )  # fmt: skip

    expected = (Path("a.db"), True, True, 7, False, "debug", "l", True, True, 5)
    assert astuple(got) == expected


@pytest.mark.parametrize(
    "argv",
    [
        ["--database", "a", "--ephemeral"],
        ["--database"],
        ["--parent-pid", "0"],
        ["--parent-pid", "-1"],
        ["--parent-pid", "x"],
        ["--log-level", "loud"],
        ["--unknown"],
        ["surplus"],
    ],
    ids=" ".join,
)
def test_wrong_options_end_with_code_2_and_words(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_serve(argv)

    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("usage: sim-sidecar serve")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--database", "a.db", "--existing", "--no-events"],
        ["--database=a.db", "--log-level=debug", "--log-file", "b.log"],
        ["--ephemeral", "--dumpable", "--threaded-io"],
        ["--parent-pid", "12", "--passphrase-fd=3"],
        ["--database=a=b.db", "--database", "c.db"],
    ],
)
def test_usual_arguments_are_read_without_argparse_and_mean_the_same(argv: list[str]) -> None:
    code = (
        "import sys; from sidecar.arguments import parse_serve; "
        f"print(parse_serve({argv})); print('argparse' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, timeout=60
    )

    # An abbreviated name is unusual.
    thorough = parse_serve([*argv, "--log-lev", parse_serve(argv).log_level])
    assert done.stdout == f"{thorough}\nFalse\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["--database"],
        ["--database", "--existing"],
        ["--ephemeral", "--database", "a.db"],
        ["--no_events"],
        ["--existing=yes"],
        ["--log-level", "loud"],
        ["--parent-pid", "0"],
        ["--parent-pid", "twelve"],
        ["--passphrase-fd", "2"],
        ["somewhere"],
    ],
)
def test_wrong_arguments_are_refused(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_serve(argv)

    assert ended.value.code == 2

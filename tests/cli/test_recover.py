"""`sim-sidecar recover`: it shows first, acts when confirmed, and deletes nothing."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.faults import damaged_files


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "sim.db"
    damaged_files.fill(path, bursts=30)
    damaged_files.destroy(path, damaged_files.pages_of(path, "workflow_bodies")[1])
    return path


def test_without_a_yes_recover_shows_what_could_be_rescued_and_changes_nothing(
    damaged: Path,
) -> None:
    before = damaged.read_bytes()

    done = run("recover", "--database", damaged)

    message = "sim-sidecar recover: Nothing was changed. Add --yes to go ahead.\n"
    assert (done.returncode, done.stderr) == (1, message)
    assert "workflow_bodies" in done.stdout
    assert damaged.read_bytes() == before


def test_with_a_yes_the_damaged_file_is_kept_and_the_new_one_is_served(damaged: Path) -> None:
    before = damaged.read_bytes()

    done = run("recover", "--database", damaged, "--yes", "--json")

    result = json.loads(done.stdout)
    assert result["lost"]["bodies"] > 0
    assert damaged.with_name(result["kept_aside"]).read_bytes() == before
    found = run("call", "system.check", "--database", damaged)
    kinds = {each["kind"] for each in json.loads(found.stdout)["findings"]}
    assert kinds == {"body"}


@pytest.mark.parametrize("options", [(), ("--yes",), ("--yes", "--json")])
def test_a_sound_database_is_left_alone(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "sim.db"
    damaged_files.fill(path, bursts=3)
    before = path.read_bytes()

    done = run("recover", "--database", path, *options)

    assert (done.returncode, done.stderr) == (0, "")
    assert "sound" in done.stdout
    assert path.read_bytes() == before
    assert list(tmp_path.glob("*.damaged*")) == []


def test_recovering_a_missing_database_is_refused(tmp_path: Path) -> None:
    done = run("recover", "--database", tmp_path / "sim.db", "--yes")

    assert done.returncode == 6
    assert "missing or empty" in done.stderr


def test_what_cannot_be_read_comes_from_the_newest_backup(tmp_path: Path) -> None:
    path = tmp_path / "sim.db"
    damaged_files.fill(path, bursts=30)
    assert run("backup", "--database", path).returncode == 0
    damaged_files.destroy(path, damaged_files.pages_of(path, "workflow_bodies")[1])

    done = run("recover", "--database", path, "--yes", "--json")

    result = json.loads(done.stdout)
    assert result["from_backup"]["bodies"] == result["lost"]["bodies"] > 0
    found = run("call", "system.check", "--database", path)
    assert json.loads(found.stdout)["findings"] == []


def test_a_database_that_does_not_open_is_reported_with_its_cure(tmp_path: Path) -> None:
    path = tmp_path / "sim.db"
    damaged_files.fill(path, bursts=30)
    path.write_bytes(path.read_bytes()[: -damaged_files.PAGE_BYTES * 2])

    for words in (("stats",), ("call", "workflows.list"), ("doctor",)):
        done = run(*words, "--database", path)
        assert done.returncode in (1, 6)
        assert "is cut off" in done.stdout + done.stderr
        assert "sim-sidecar recover" in done.stdout + done.stderr
    assert run("recover", "--database", path, "--yes").returncode == 0
    assert run("stats", "--database", path).returncode == 0


def test_backups_in_the_folder_that_the_settings_name_fill_the_gaps_too(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "sim.db", tmp_path / "elsewhere"
    damaged_files.fill(path, bursts=30)
    place = ("--database", path)
    setting = ("key=backup_directory", f"value={elsewhere}")
    assert run("call", "settings.set", *setting, *place).returncode == 0
    assert run("backup", *place).returncode == 0
    assert any(elsewhere.iterdir())
    damaged_files.destroy(path, damaged_files.pages_of(path, "workflow_bodies")[1])

    result = json.loads(run("recover", *place, "--yes", "--json").stdout)

    assert result["from_backup"]["bodies"] == result["lost"]["bodies"] > 0


def test_a_gap_is_never_filled_from_another_database(tmp_path: Path) -> None:
    """Two databases in one folder keep their backups in one folder."""
    path, other = tmp_path / "sim.db", tmp_path / "other.db"
    damaged_files.fill(path, bursts=30)
    damaged_files.fill(other, bursts=30, seed=12)
    assert run("backup", "--database", other).returncode == 0
    damaged_files.destroy(path, damaged_files.pages_of(path, "workflow_bodies")[1])

    result = json.loads(run("recover", "--database", path, "--yes", "--json").stdout)

    assert result["lost"]["bodies"] > 0
    assert result["from_backup"] == {}


def test_doctor_reports_what_a_killed_recovery_left_and_the_next_start_removes_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sim.db"
    damaged_files.fill(path, bursts=3)
    left = tmp_path / "sim.db.scratch"
    left.mkdir()
    (left / "database").write_bytes(path.read_bytes())

    assert left.name in run("doctor", "--database", path).stdout
    left.mkdir(exist_ok=True)
    assert run("stats", "--database", path).returncode == 0
    assert not left.exists()

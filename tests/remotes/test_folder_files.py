"""Folders of a remote with links, strange names and files that no device has written."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.errors import SidecarError
from tests.harness import Bench
from tests.remotes.remote_benches import add_workflow, files, kinds


def test_nothing_is_written_or_deleted_through_a_link_in_a_folder(
    pushed: tuple[Bench, Path, str], tmp_path: Path
) -> None:
    bench, remote, _ = pushed
    (backups,) = {path.parent for path in files(remote, "/b/")}
    private = tmp_path / "documents"
    private.mkdir()
    (private / "letter.txt").write_text("dear")
    (private / "000000000099-00000000-0000").write_text("dear")
    shutil.rmtree(backups)
    backups.symlink_to(private)
    bench.call("settings.set", key="remote_keep_bytes", value=1)
    add_workflow(bench, "third")

    with pytest.raises(SidecarError):
        bench.call("remotes.push")

    assert sorted(path.name for path in private.iterdir()) == [
        "000000000099-00000000-0000", "letter.txt",
    ]  # fmt: skip
    assert "missing" in kinds(bench)


def test_pruning_deletes_nothing_but_parts_of_backups(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    (backups,) = {path.parent for path in files(remote, "/b/")}
    (backups / "letter.txt").write_text("dear")
    bench.call("settings.set", key="remote_keep_bytes", value=1)
    add_workflow(bench, "third")

    assert len(bench.call("remotes.push")["pruned"]) == 2
    assert (backups / "letter.txt").exists()
    assert len(files(remote, "/b/")) == 2


def test_what_a_killed_courier_left_unfinished_is_removed_after_an_hour(
    pushed: tuple[Bench, Path, str],
) -> None:
    bench, remote, _ = pushed
    (backups,) = {path.parent for path in files(remote, "/b/")}
    abandoned, written_now = (
        backups / f"000000000009-00000000-0000.partial-{end}" for end in ("dead", "alive")
    )
    for each in (abandoned, written_now):
        each.write_bytes(b"half of a part")
    past_s = abandoned.stat().st_mtime - limits.PARTIAL_LEFTOVER_S - 1
    os.utime(abandoned, (past_s, past_s))
    add_workflow(bench, "third")

    bench.call("remotes.push")

    assert [path.name for path in backups.glob("*.partial-*")] == [written_now.name]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_and_kinds_of_files_that_no_device_writes_do_not_disturb(
    pushed: tuple[Bench, Path, str],
) -> None:
    bench, remote, _ = pushed
    (backups,) = {path.parent for path in files(remote, "/b/")}
    for folder in (backups, backups.parent / "h", backups.parent, backups.parents[1]):
        (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe"))).write_bytes(b"x")
        (folder / "line\nbreak").write_bytes(b"x")
        (folder / "loop").symlink_to("loop")
        os.mkfifo(folder / "pipe")
    os.mkfifo(backups.parent / "h" / "000000000099")
    (backups.parent / "h" / "000000000098").mkdir()

    assert len(bench.call("remotes.list")["backups"]) == 2
    assert kinds(bench) >= {"stray", "missing"}

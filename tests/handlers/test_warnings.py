"""Tests of the warnings about disk, folder and clock, each sent once while its reason lasts."""

import sys
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext
from sidecar.handlers.system import warnings
from sidecar.notifications import SystemWarning
from tests.harness import Bench, ManualClock, open_bench

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
//nas/data /mnt/my\\040share cifs rw 0 0
tmpfs /home/ann/tmp tmpfs rw 0 0
"""


def run_chore(bench: Bench) -> list[str]:
    context = LongContext(bench.services, None, bench.tell)
    CHORES["warnings"].function(context)
    return [
        emitted.params.slug
        for emitted in context.take_emitted()
        if isinstance(emitted.params, SystemWarning)
    ]


def test_a_disk_nearly_full_is_warned_of_once_until_it_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_bench(tmp_path) as bench:
        monkeypatch.setattr(limits, "DISK_LOW_BYTES", 2**62)
        assert run_chore(bench) == ["disk_low"]
        assert run_chore(bench) == []
        monkeypatch.setattr(limits, "DISK_LOW_BYTES", 0)
        assert run_chore(bench) == []
        monkeypatch.setattr(limits, "DISK_LOW_BYTES", 2**62)
        assert run_chore(bench) == ["disk_low"]


def test_a_synchronised_folder_is_warned_of(tmp_path: Path) -> None:
    with open_bench(tmp_path / "Dropbox (Work)" / "app") as bench:
        assert run_chore(bench) == ["folder_synced"]


@pytest.mark.parametrize("name", ["OneDrive - Firm", "iCloud Drive", "Nextcloud", "Google Drive"])
def test_synchronised_folders_are_recognised_by_how_their_names_begin(name: str) -> None:
    assert warnings.describe_synced_folder(Path("/home/ann") / name / "db") is not None
    assert warnings.describe_synced_folder(Path("/home/ann") / f"my {name}" / "db") is None


@pytest.mark.parametrize(
    "name", ["mega", "MEGAsync", "Mega (old)", "Dropbox_2", "iCloudDrive", "OneDrive-Personal"]
)
def test_a_clients_name_may_be_followed_by_something_else_than_a_letter(name: str) -> None:
    assert warnings.describe_synced_folder(Path("/home/ann") / name / "db") is not None


@pytest.mark.parametrize(
    "name", ["megan", "Megaphone", "omega", "dropboxes", "nextcloudy", "Mégane"]
)
def test_a_clients_name_followed_by_a_letter_is_another_name(name: str) -> None:
    assert warnings.describe_synced_folder(Path("/home") / name / "db") is None


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_into_or_out_of_a_synchronised_folder_is_warned_of(tmp_path: Path) -> None:
    inside = tmp_path / "Dropbox" / "data"
    inside.mkdir(parents=True)
    (tmp_path / "app").symlink_to(inside)
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (tmp_path / "Nextcloud").symlink_to(outside)

    assert warnings.describe_synced_folder(tmp_path / "app") is not None
    assert warnings.describe_synced_folder(tmp_path / "Nextcloud") is not None
    assert warnings.describe_synced_folder(outside) is None


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", None),
        ("/home/ann/app", "nfs4"),
        ("/home/ann/tmp/x", None),
        ("/mnt/my share/app", "cifs"),
        ("/homely", None),
    ],
)
def test_the_innermost_mount_says_whether_a_folder_is_elsewhere(
    folder: str, kind: str | None
) -> None:
    assert warnings.network_file_system(Path(folder), MOUNTS) == kind


def test_a_network_share_is_recognised_by_its_path() -> None:
    assert warnings.describe_network_folder(Path("//server/share/app")) is not None


@pytest.mark.parametrize(("jump_ms", "is_warned"), [(10**7, True), (-(10**7), True), (1000, False)])
def test_a_clock_that_jumps_is_warned_of(tmp_path: Path, jump_ms: int, is_warned: bool) -> None:  # noqa: FBT001
    clock = Jumping()
    with open_bench(tmp_path, clock) as bench:
        assert run_chore(bench) == []
        clock.jumped_ms += jump_ms

        assert run_chore(bench) == (["clock_jumped"] if is_warned else [])
        assert run_chore(bench) == []


def test_sleep_of_the_machine_is_not_a_jump_of_the_clock(tmp_path: Path) -> None:
    clock = Sleeping()
    with open_bench(tmp_path, clock) as bench:
        assert run_chore(bench) == []
        clock.slept_ms += 8 * 3_600_000

        assert run_chore(bench) == []


class Sleeping(ManualClock):
    """The clocks of a machine that sleeps; the monotonic clock stops meanwhile."""

    def __init__(self) -> None:
        """Start without any sleep."""
        super().__init__(step_ms=0)
        self.slept_ms = 0

    def now_ms(self) -> int:
        """Return the time, including the time asleep."""
        return super().now_ms() + self.slept_ms

    def elapsed_ms(self) -> float:
        """Return the time passed, including the time asleep."""
        return super().elapsed_ms() + self.slept_ms


class Jumping(ManualClock):
    """A wall clock that is set, beside a clock that cannot be set."""

    def __init__(self) -> None:
        """Start without a jump."""
        super().__init__(step_ms=0)
        self.jumped_ms = 0

    def now_ms(self) -> int:
        """Return the time as it was set."""
        return super().now_ms() + self.jumped_ms


@pytest.mark.parametrize(
    "folder",
    [
        "Library/CloudStorage/GoogleDrive-me@example.org/My Drive",
        "Library/CloudStorage/Box-Box",
        "Library/Mobile Documents/iCloud~md~obsidian/Documents",
        "Box",
        "My Drive",
        "Proton Drive",
        "SynologyDrive",
        "Seafile",
        "Yandex.Disk",
        "Tresorit Drive",
        "Resilio Sync",
        "Sync",
        "Nutstore",
        "kDrive",
        "Jottacloud",
        "Insync/me@example.org",
    ],
)
def test_the_folders_of_less_usual_clients_are_warned_of(folder: str) -> None:
    assert warnings.describe_synced_folder(Path("/home/ann") / folder / "app") is not None


@pytest.mark.parametrize("folder", ["boxes", "sync-engine", "sandbox", "my drives", "asynchronous"])
def test_folders_with_similar_names_are_not_warned_of(folder: str) -> None:
    assert warnings.describe_synced_folder(Path("/home/ann") / folder / "app") is None


@pytest.mark.parametrize(
    "marker", [".stfolder/", ".sync/", ".sync_9f8e7d.db", "._sync_1.db", ".dropbox.cache/"]
)
def test_a_folder_of_any_name_is_recognised_by_what_the_client_left_in_it(
    tmp_path: Path, marker: str
) -> None:
    folder = tmp_path / "Notes" / "deep" / "app"
    folder.mkdir(parents=True)
    assert warnings.describe_synced_folder(folder) is None
    place = tmp_path / "Notes" / marker.rstrip("/")
    if marker.endswith("/"):
        place.mkdir()
    else:
        place.touch()

    said = warnings.describe_synced_folder(folder)

    assert said is not None
    assert "is in Notes," in said


SHARED = """nfs nfs4 cifs smb3 9p fuse.sshfs fuse.rclone davfs virtiofs fakeowner fuse.grpcfuse
osxfs vboxsf fuse.vmhgfs-fuse prl_fs drvfs fuse.gvfsd-fuse ceph fuse.ceph fuse.glusterfs lustre
beegfs fuse.s3fs fuse.google-drive-ocamlfuse fuse.kio-fuse"""
LOCAL = "ext4 btrfs xfs zfs overlay tmpfs fuseblk fuse.bindfs fuse.gocryptfs fuse.mergerfs ntfs3"


@pytest.mark.parametrize("kind", SHARED.split())
def test_every_file_system_that_another_machine_may_write_is_warned_of(kind: str) -> None:
    mounts = f"none / ext4 rw 0 0\nsource /m {kind} rw 0 0\n"

    assert warnings.network_file_system(Path("/m/x"), mounts) == kind


@pytest.mark.parametrize("kind", LOCAL.split())
def test_a_file_system_on_a_disk_is_not_warned_of(kind: str) -> None:
    mounts = f"none / nfs rw 0 0\nsource /m {kind} rw 0 0\n"

    assert warnings.network_file_system(Path("/m/x"), mounts) is None

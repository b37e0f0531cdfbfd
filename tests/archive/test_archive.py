"""Tests of the format of a backup file: what was written is read back, and nothing else is."""

import io
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from msgspec.structs import replace

from sidecar import limits
from sidecar.archive.manifest import (
    FORMAT,
    FRAME_BYTES,
    Head,
    Mac,
    Manifest,
    encode_manifest,
    is_authentic,
)
from sidecar.archive.read import read_database, read_manifest
from sidecar.archive.write import partial_file, publish_backup, write_backup
from sidecar.errors import BackupRejected

CONTENT = random.Random(1).randbytes(3000) + bytes(1000)


STORE_ID = "ab" * 16


def described(size_bytes: int = len(CONTENT), **more: Any) -> Manifest:
    facts: dict[str, Any] = {
        "program": "1.0",
        "sqlite": "3.54.1",
        "schema_version": 1,
        "created_at": 1_700_000_000_000,
        "reason": "manual",
        "label": "before the move",
        "store_id": "00" * 16,
        "epoch": 1,
        "head": Head(3, "ab" * 32),
        "state": "cd" * 16,
        "counts": {"workflows": 3},
        "secrets": "none",
        "database_bytes": size_bytes,
    }
    return Manifest(**{**facts, **more})


def ignore(_done: int) -> None:
    """Report no progress."""


def write(
    folder: Path, content: bytes = CONTENT, mac: Mac = None, **more: Any
) -> tuple[Path, Manifest]:
    """Write a backup of any content; return its path and its manifest."""
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    with partial_file(target, STORE_ID) as partial:
        written = write_backup(
            source, partial, described(len(content), **more), mac=mac, step=ignore
        )
        publish_backup(partial, target)
    return target, written


def read(path: Path) -> tuple[Manifest, bytes]:
    got = io.BytesIO()
    return read_database(path, got.write, ignore), got.getvalue()


def refusal(path: Path) -> str:
    """Return why a file is rejected."""
    with pytest.raises(BackupRejected) as caught:
        read(path)
    return str(caught.value.data["reason"])


@pytest.mark.parametrize(
    "content",
    [b"x", CONTENT, bytes(5_000_000), random.Random(2).randbytes(3_000_000)],
    ids=["one byte", "small", "zeros", "noise"],
)
def test_what_is_packed_is_what_is_unpacked(tmp_path: Path, content: bytes) -> None:
    path, written = write(tmp_path, content)

    assert read(path) == (written, content)
    assert read_manifest(path) == written
    assert path.stat().st_size == FRAME_BYTES + written.packed_bytes


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_file_is_private_from_its_first_moment(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with partial_file(tmp_path / "target", STORE_ID) as partial:
            assert partial.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_an_unfinished_file_is_gone_and_was_never_called_a_backup(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)

    def stop(done_bytes: int) -> None:
        assert not (tmp_path / "target").exists()
        if done_bytes > len(CONTENT):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), partial_file(tmp_path / "target", STORE_ID) as partial:
        write_backup(source, partial, described(), step=stop)

    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no zstd tool here")
def test_the_ordinary_tool_unpacks_it(tmp_path: Path) -> None:
    path, _written = write(tmp_path)

    with path.open("rb") as file:
        result = subprocess.run(["zstd", "-dc"], stdin=file, capture_output=True, check=True)

    assert result.stdout == CONTENT


def test_the_code_shows_whether_a_manifest_was_made_under_a_key(tmp_path: Path) -> None:
    def mine(data: bytes) -> bytes:
        return bytes([len(data) % 251] * 32)

    path, _written = write(tmp_path, mac=mine)
    manifest, _content = read(path)

    assert is_authentic(manifest, mine) is True
    assert is_authentic(manifest, lambda _data: bytes(32)) is False
    assert is_authentic(manifest, None) is None
    assert is_authentic(described(), mine) is None


# --- rejected files ---------------------------------------------------------------------------


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.soak)])
def test_every_flipped_bit_is_refused(tmp_path: Path, step: int) -> None:
    """Flip one bit of every byte of the file, including the manifest and the checksums.

    The suite takes every seventh byte.
    """
    path, _written = write(tmp_path, mac=lambda _data: bytes(32))
    sound = path.read_bytes()
    chance = random.Random(3)

    for at in range(0, len(sound), step):
        flipped = bytearray(sound)
        flipped[at] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        assert refusal(path), at


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path, _written = write(tmp_path)
    sound = path.read_bytes()

    for size_bytes in [*range(0, len(sound), 97), FRAME_BYTES, len(sound) - 1]:
        path.write_bytes(sound[:size_bytes])
        assert refusal(path) == ("not_a_backup" if size_bytes < 8 else "truncated")


def test_data_after_the_backup_is_refused(tmp_path: Path) -> None:
    path, _written = write(tmp_path)
    sound = path.read_bytes()

    for more in (b"\0", zstandard.compress(b"more"), sound):
        path.write_bytes(sound + more)
        assert refusal(path) == "trailing"


def forged(path: Path, frame: bytes, claim_bytes: int, **more: Any) -> None:
    """Write a file with any frame and a manifest that describes it, as an attacker can."""
    manifest = described(claim_bytes, packed_bytes=len(frame), **more)
    path.write_bytes(encode_manifest(manifest) + frame)


def frame_of(content: bytes, **options: Any) -> bytes:
    compressor = zstandard.ZstdCompressor(
        **{"level": 1, "write_checksum": True, "write_content_size": True, **options}
    )
    return compressor.compress(content)


def bomb(size_bytes: int, claim_bytes: int) -> bytes:
    """Return a frame of run-length blocks, which take four bytes for each 128 KiB."""
    blocks, block_bytes = divmod(size_bytes, 128 * 1024)[0], 128 * 1024
    header = (
        (0xFD2FB528).to_bytes(4, "little") + bytes([0xC4, 0x38]) + claim_bytes.to_bytes(8, "little")
    )
    middle = (block_bytes << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    last = (block_bytes << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
    return header + middle * (blocks - 1) + last + bytes(4)


GIB = 1024**3


@pytest.mark.parametrize(
    ("frame", "claim_bytes", "reason"),
    [
        pytest.param(bomb(8 * GIB, 8 * GIB), 8 * GIB, "size", id="bomb of 8 GiB in 262 KB"),
        pytest.param(bomb(GIB, 1 * 1024**2), 1024**2, "form", id="bomb that claims little"),
        pytest.param(bomb(1024**2, 2**45), 2**45, "size", id="claim of 2^45"),
        pytest.param(bomb(1024**2, 2**25), 2**25, "size", id="claim its blocks cannot hold"),
        pytest.param(frame_of(CONTENT), len(CONTENT) + 1, "size", id="manifest claims more"),
        pytest.param(frame_of(CONTENT), len(CONTENT) - 1, "size", id="manifest claims less"),
        pytest.param(frame_of(CONTENT) * 2, len(CONTENT), "trailing", id="two frames"),
        pytest.param(frame_of(CONTENT), len(CONTENT), "damaged", id="another SHA-256"),
        pytest.param(
            frame_of(CONTENT, write_checksum=False), len(CONTENT), "form", id="no checksum"
        ),
        pytest.param(
            frame_of(CONTENT, write_content_size=False), len(CONTENT), "form", id="no size"
        ),
        pytest.param(b"not a frame of zstd", 100, "form", id="no frame"),
        pytest.param(
            frame_of(CONTENT)[:5] + b"\xff" * 20, len(CONTENT), "damaged", id="a header of ones"
        ),
        pytest.param(
            bytes.fromhex("28b52ffd" "c4" "a8") + (2**25).to_bytes(8, "little") + bytes(20),
            2**25,
            "window",
            id="window of 2^31",
        ),
        pytest.param(
            bytes.fromhex("28b52ffd" "c4" "70") + (2**25).to_bytes(8, "little") + bytes(20),
            2**25,
            "window",
            id="window of 2^24",
        ),
        pytest.param(
            bytes.fromhex("28b52ffd" "c4" "38") + (2**20).to_bytes(8, "little") + bytes(3) * 10_000,
            2**20,
            "form",
            id="ten thousand empty blocks",
        ),
        pytest.param(
            bytes.fromhex("28b52ffd" "c4" "38") + (2**20).to_bytes(8, "little") + b"\x07" * 20,
            2**20,
            "damaged",
            id="a block of no kind",
        ),
    ],
)  # fmt: skip
def test_a_hostile_frame_is_refused_in_little_memory(
    tmp_path: Path, frame: bytes, claim_bytes: int, reason: str
) -> None:
    path = tmp_path / "hostile"
    forged(path, frame, claim_bytes)

    assert refusal(path) == reason


def test_a_hostile_frame_takes_no_memory(tmp_path: Path) -> None:
    """The memory is measured in another process, where nothing else raises the maximum."""
    path = tmp_path / "hostile"
    forged(path, bomb(GIB, GIB), GIB)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from sidecar.archive.read import read_database\n"
        "from sidecar import limits, zstd\n"
        "zstd.load_zstandard(); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "limits.ARCHIVE_RATIO_FREE_BYTES = 2**40\n"
        "try: read_database(Path(sys.argv[1]), len, lambda done: None)\n"
        "except Exception as fault: print(type(fault).__name__)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    pytest.importorskip("resource")

    result = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )

    name, grown_mib = result.stdout.split()
    assert (name, int(grown_mib) < 64) == ("BackupRejected", True)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.pop("counts"),
        lambda fields: fields.update(surplus=1),
        lambda fields: fields.update(created_at=-1),
        lambda fields: fields.update(database_bytes=2**60),
        lambda fields: fields.update(reason="because"),
        lambda fields: fields.update(store_id="xyz"),
        lambda fields: fields.update(label="x" * 1000),
    ],
)
def test_a_manifest_of_another_form_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    path, written = write(tmp_path)
    fields = msgspec.json.decode(msgspec.json.encode(written))
    change(fields)
    content = msgspec.json.encode(fields).ljust(limits.ARCHIVE_MANIFEST_BYTES)
    sound = path.read_bytes()
    path.write_bytes(sound[:8] + content + sound[FRAME_BYTES:])

    assert refusal(path) == "manifest"


def test_a_manifest_that_was_changed_is_refused(tmp_path: Path) -> None:
    path, written = write(tmp_path)
    sound = path.read_bytes()
    changed = replace(written, counts={"workflows": 4})
    content = msgspec.json.encode(changed).ljust(limits.ARCHIVE_MANIFEST_BYTES)
    path.write_bytes(sound[:8] + content + sound[FRAME_BYTES:])

    assert refusal(path) == "manifest"


def test_a_newer_format_is_distinguished_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "newer"
    forged(path, frame_of(CONTENT), len(CONTENT), format=FORMAT + 1)

    assert refusal(path) == "newer"


@pytest.mark.parametrize("content", [b"", b"x" * 20_000, b"SQLite format 3\0" * 1000])
def test_a_file_that_is_not_a_backup_is_reported_as_such(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)

    assert refusal(path) == "not_a_backup"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    assert refusal(path) == "not_a_backup"
    assert refusal(tmp_path) == "not_a_backup"

"""Remotes that change, cut, swap, withhold, replay or invent: nothing of it is taken for sound."""

import os
import random
import shutil
import sys
from pathlib import Path

import pytest

from sidecar.errors import NotFound, RemoteUnavailable, RemoteUntrusted, SidecarError, Tampered
from sidecar.notifications import SystemWarning
from sidecar.remotes import session as session_module
from sidecar.remotes.bring_back import bring_newest, open_url, secret_of
from sidecar.remotes.read import no_report
from sidecar.vault import age_format
from tests.harness import Bench
from tests.remotes.remote_benches import (
    add_workflow,
    files,
    folder_place,
    kinds,
    prepared,
    remote_bench,
)
from tests.vault_benches import secret_bench

ENDING_COURIER = Path(__file__).with_name("ending_courier.py")


def warnings(bench: Bench) -> list[str]:
    """The warnings that were sent, in order."""
    return [each.slug for each in bench.told if isinstance(each, SystemWarning)]


def test_a_flipped_bit_of_any_object_is_found(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    chance = random.Random(16)
    for path in files(remote):
        sound = path.read_bytes()
        changed = bytearray(sound)
        changed[chance.randrange(len(sound))] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(changed))
        assert kinds(bench) & {"head", "changed", "rolled_back"}, path
        path.write_bytes(sound)
    assert kinds(bench) == set()


def test_a_cut_object_is_found_without_reading_it(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    for path in files(remote):
        sound = path.read_bytes()
        path.write_bytes(sound[: len(sound) // 2])
        assert kinds(bench, deep=False), path
        path.write_bytes(sound)


def test_swapped_heads_and_objects_are_found(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    for part in ("/h/", "/b/"):
        one, other = files(remote, part)[:2]
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
        assert kinds(bench) & {"head", "changed"}, part
        one.write_bytes(first)
        other.write_bytes(second)


def test_a_missing_object_is_found(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    (newest,) = files(remote, "/b/")[-1:]
    newest.unlink()

    assert kinds(bench, deep=False) == {"missing"}


def test_an_object_of_enormous_size_is_not_read(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    listed = bench.call("remotes.list")["backups"][0]
    (tmp,) = (each for each in [bench.store.path.parent / "backups"])
    for path in tmp.glob("*.zst"):
        path.unlink()
    for path in [*files(remote, "/b/"), *files(remote, "/k/"), *files(remote, "/a/")]:
        with path.open("r+b") as file:
            file.truncate(2**40)

    bench.refused(RemoteUntrusted, "remotes.fetch", device=listed["device"], n=listed["n"])

    assert kinds(bench) == {"changed"}


def test_heads_that_are_enormous_or_empty_are_no_heads(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    for path in files(remote, "/h/"):
        with path.open("r+b") as file:
            file.truncate(2**40)

    assert kinds(bench) >= {"head", "rolled_back"}
    assert bench.call("remotes.list")["backups"] == []


def test_what_is_invented_beside_the_objects_does_no_harm(
    pushed: tuple[Bench, Path, str],
) -> None:
    bench, remote, code = pushed
    (head,) = files(remote, "/h/")[-1:]
    device = head.parent.parent
    for name in ("h/999999999999", "h/x", "b/zzz", "b/000000000099-00000000-0000", "k/x", "t/x"):
        path = device / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"invented")
    for name in ("v1/x", "v1/" + "0" * 32 + "/y/h/1", "other/z"):
        path = remote / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"invented")

    assert len(bench.call("remotes.list")["backups"]) == 2
    assert kinds(bench, deep=False) >= {"stray", "head"}
    with open_url(remote.as_uri(), "") as session:
        secret = secret_of("recovery", code)
        assert bring_newest(session, None, secret, remote.parent / "n", no_report).head.n > 0


def test_after_a_reset_of_the_secrets_what_was_pushed_earlier_is_reported_as_not_verifiable(
    pushed: tuple[Bench, Path, str],
) -> None:
    bench, remote, _ = pushed
    (old,) = {path.parent.parent.name for path in files(remote, "/h/")}
    bench.call("secrets.reset", losing=len(bench.call("secrets.list")["items"]))
    prepared(bench)
    bench.call("remotes.set", url=remote.as_uri())
    bench.call("remotes.push")

    findings = bench.call("remotes.verify", deep=True)["findings"]

    assert {(each["kind"], each["device"]) for each in findings} == {("head", old), ("stray", old)}
    assert all(
        "No key of this file opens the head" in each["detail"]
        for each in findings
        if each["kind"] == "head"
    )


def test_a_remote_that_was_rolled_back_is_told_and_gets_everything_again(
    tmp_path: Path,
) -> None:
    remote, old = tmp_path / "remote", tmp_path / "old"
    with remote_bench(tmp_path / "db", folder_place(remote)) as (bench, _):
        bench.call("remotes.push")
        shutil.copytree(remote, old)
        add_workflow(bench, "second")
        bench.call("remotes.push")
        shutil.rmtree(remote)
        shutil.copytree(old, remote)
        before = bench.call("remotes.status")["remotes"][0]["device"]

        assert kinds(bench) == {"rolled_back"}
        bench.told.clear()
        bench.call("remotes.push")

        assert warnings(bench) == ["remote_rolled_back"]
        assert [each[0] for each in bench.audited()] == ["remote_device", "remote_push"]
        assert bench.call("remotes.status")["remotes"][0]["device"] != before
        assert len(bench.call("remotes.list")["backups"]) == 2
        assert kinds(bench) == set()


def test_a_copy_that_writes_under_the_same_name_is_told_and_the_second_gets_a_new_one(
    tmp_path: Path,
) -> None:
    with remote_bench(tmp_path / "db", folder_place(tmp_path / "remote")) as (bench, _):
        bench.call("remotes.push")
    shutil.copytree(tmp_path / "db", tmp_path / "clone")
    with secret_bench(tmp_path / "db") as bench:
        bench.call("secrets.unlock", passphrase="open sesame")
        add_workflow(bench, "second")
        bench.call("remotes.push")
        assert warnings(bench) == []
    with secret_bench(tmp_path / "clone") as clone:
        clone.call("secrets.unlock", passphrase="open sesame")
        assert kinds(clone) == {"forked"}
        add_workflow(clone, "third")
        clone.call("remotes.push")

        assert warnings(clone) == ["remote_forked"]
        assert {each["this_device"] for each in clone.call("remotes.list")["backups"]} == {
            True, False,
        }  # fmt: skip
        assert kinds(clone) == set()


def test_a_log_that_was_put_back_is_behind_its_copy_in_the_remote(tmp_path: Path) -> None:
    with remote_bench(tmp_path / "db", folder_place(tmp_path / "remote")) as (bench, _):
        bench.call("remotes.push")
    shutil.copytree(tmp_path / "db", tmp_path / "earlier")
    with secret_bench(tmp_path / "db") as bench:
        bench.call("secrets.unlock", passphrase="open sesame")
        for number in range(5):
            add_workflow(bench, f"more-{number}")
        bench.call("remotes.push")
    with secret_bench(tmp_path / "earlier") as bench:
        bench.call("secrets.unlock", passphrase="open sesame")

        (found,) = bench.call("audit.verify", remote=True)["remotes"]

        assert found["status"] in ("differs", "behind")
        assert bench.call("audit.verify")["status"] == "ok"


def test_a_head_that_another_key_has_signed_is_no_head(pushed: tuple[Bench, Path, str]) -> None:
    bench, remote, _ = pushed
    (device,) = (path.parent.parent for path in files(remote, "/h/")[:1])
    other = device.with_name("f" * 32)
    shutil.copytree(device, other)

    assert kinds(bench) == {"head", "stray"}
    assert {each["device"] for each in bench.call("remotes.list")["backups"]} == {device.name}


def test_a_head_that_was_forged_with_the_public_key_is_no_head(
    pushed: tuple[Bench, Path, str],
) -> None:
    bench, remote, _ = pushed
    newest = bench.call("remotes.list")["backups"][0]
    ((recipient, text),) = bench.rows(
        "SELECT recipient, head FROM remote_identities, remote_heads WHERE n = ?", newest["n"]
    )
    forged = text.replace(newest["name"], "sim_backup_20300101_000000.db.zst")
    assert forged != text
    (path,) = (each for each in files(remote, "/h/") if int(each.name) == newest["n"])
    path.write_bytes(b"".join(age_format.seal(recipient, [forged.encode()], os.urandom)))

    assert newest["n"] not in [each["n"] for each in bench.call("remotes.list")["backups"]]
    assert "head" in kinds(bench)


def test_nothing_is_brought_from_a_remote_without_a_sound_backup(
    pushed: tuple[Bench, Path, str], tmp_path: Path
) -> None:
    _, remote, code = pushed
    for path in files(remote, "/h/"):
        path.write_bytes(b"age-encryption.org/v1\n" * 30)

    with open_url(remote.as_uri(), "") as session, pytest.raises(NotFound):
        bring_newest(session, None, secret_of("recovery", code), tmp_path / "n", no_report)


@pytest.mark.parametrize("seed", range(8))
def test_a_new_machine_uses_nothing_of_a_remote_that_was_changed_at_random(
    pushed: tuple[Bench, Path, str], tmp_path: Path, seed: int
) -> None:
    _, remote, code = pushed
    chance = random.Random(seed)
    originals = {path.read_bytes() for path in (tmp_path / "db" / "backups").glob("*.zst")}
    for path in files(remote):
        content = bytearray(path.read_bytes())
        if chance.random() < 0.5:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(content))

    try:
        with open_url(remote.as_uri(), "") as session:
            secret = secret_of("recovery", code)
            found = bring_newest(session, None, secret, tmp_path / "n", no_report)
    except SidecarError:
        assert list((tmp_path / "n").glob("*.zst*")) == []
    else:
        assert found.backup.path.read_bytes() in originals


# --- large objects, and remotes that fail midway --------------------------------------------------


def test_a_damaged_start_of_a_large_object_is_found_and_the_next_is_read(tmp_path: Path) -> None:
    with remote_bench(tmp_path / "db", folder_place(tmp_path / "remote")) as (bench, _):
        for name in ("one", "two"):
            text = random.Random(name).randbytes(1_500_000).hex()
            bench.call("workflows.save", workflow={"id": name, "name": name, "data": {"x": text}})
            bench.call("remotes.push")
        first, second = files(tmp_path / "remote", "/b/")
        content = bytearray(first.read_bytes())
        content[5000] ^= 1
        first.write_bytes(bytes(content))

        verdict = bench.call("remotes.verify", deep=True)

        assert [(each["kind"], each["n"]) for each in verdict["findings"]] == [
            ("changed", int(first.name.partition("-")[0]))
        ]
        assert int(second.name.partition("-")[0]) > verdict["findings"][0]["n"]


def test_a_new_machine_gets_the_backup_before_where_the_newest_is_damaged(
    pushed: tuple[Bench, Path, str], tmp_path: Path
) -> None:
    _, remote, code = pushed
    older, newest = files(remote, "/b/")
    newest.write_bytes(newest.read_bytes()[:-1])

    with open_url(remote.as_uri(), "") as session:
        secret = secret_of("recovery", code)
        found = bring_newest(session, None, secret, tmp_path / "n", no_report)

    assert found.head.object in older.as_posix()
    assert [each.object in newest.as_posix() for each in found.unsound] == [True]
    assert len(list((tmp_path / "n").iterdir())) <= 2


def test_a_new_machine_takes_no_older_backup_while_the_remote_fails(
    pushed: tuple[Bench, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, remote, code = pushed
    secret = secret_of("recovery", code)
    refused = 0
    for step in range(1, 30):
        script = [sys.executable, str(ENDING_COURIER), str(step), "before"]
        monkeypatch.setattr(session_module, "own_command", lambda _word, script=script: script)
        try:
            with open_url(remote.as_uri(), "") as session:
                found = bring_newest(session, None, secret, tmp_path / "n", no_report)
        except RemoteUnavailable:
            refused += 1
            continue
        assert found.head.object in files(remote, "/b/")[-1].as_posix()
        break
    assert refused == 8


def test_what_was_pushed_before_a_restore_on_the_same_machine_still_opens(
    pushed: tuple[Bench, Path, str], tmp_path: Path
) -> None:
    bench, remote, code = pushed
    first = bench.call("remotes.list")["backups"][-1]["name"]
    bench.call("backups.restore", name=first, secrets="backup")
    bench.call("secrets.unlock", passphrase="open sesame")
    bench.told.clear()

    bench.call("remotes.push")

    assert warnings(bench) == ["remote_forked"]
    assert kinds(bench) == set()
    assert len(bench.call("remotes.list")["backups"]) == 3
    for path in files(remote, "/b/")[-1:]:
        path.unlink()
    with open_url(remote.as_uri(), "") as session:
        secret = secret_of("recovery", code)
        assert bring_newest(session, None, secret, tmp_path / "n", no_report).unsound == []


def test_who_changes_the_url_in_the_file_gets_nothing_sent(
    pushed: tuple[Bench, Path, str], tmp_path: Path
) -> None:
    bench, _, _ = pushed
    other = tmp_path / "other"
    other.mkdir()
    bench.store.db.execute("UPDATE remotes SET url = ?", (other.as_uri(),))

    bench.refused(Tampered, "remotes.push")

    assert list(other.iterdir()) == []

"""What every remote must do: the same tests over a folder and over a real S3 server."""

import os
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.courier_protocol import Open, parse_address
from sidecar.errors import RemoteUntrusted, WrongPassphrase
from sidecar.remotes.access import parse_credentials
from sidecar.remotes.bring_back import bring_newest, open_url, secret_of
from sidecar.remotes.read import no_report
from sidecar.remotes.session import RemoteFailed, Session
from tests.remotes.remote_benches import PASSPHRASE, Place, add_workflow, remote_bench
from tests.vault_benches import VALUE, secret_bench, value_of


def session_of(place: Place) -> Session:
    """A courier to the remote."""
    credentials = parse_credentials(bytearray((place.credentials or "").encode()))
    return Session(Open(parse_address(place.url), credentials), lambda: False)


def fault_of(work: object) -> str:
    """Why a request fails."""
    with pytest.raises(RemoteFailed) as raised:
        work()  # type: ignore[operator]
    return raised.value.fault


def test_an_object_is_created_once_read_listed_and_deleted(place: Place) -> None:
    data = os.urandom(300_000)
    with session_of(place) as session:
        session.put("v1/a/b/1", [data[:1000], data[1000:]])
        session.put("v1/a/c/2", [b""])

        assert fault_of(lambda: session.put("v1/a/b/1", [data[:-1]])) == "exists"
        assert fault_of(lambda: session.put("v1/a/b/1", [data[:-1] + b"x"])) == "exists"
        assert session.read("v1/a/b/1", len(data)) == data
        assert fault_of(lambda: session.read("v1/a/b/1", len(data) - 1)) == "too_large"
        assert fault_of(lambda: session.read("v1/a/b/9", 10)) == "missing"
        assert session.names("v1/a") == [("v1/a/b/1", len(data)), ("v1/a/c/2", 0)]
        assert session.folders("v1/a") == ["b", "c"]
        assert (session.names("v1/z"), session.folders("v1/z")) == ([], [])
        session.delete("v1/a/b/1")
        session.delete("v1/a/b/1")
        assert session.names("v1/a/b") == []


def test_an_object_that_was_written_by_a_broken_try_counts_as_written(place: Place) -> None:
    with session_of(place) as session:
        session.put("v1/a", [b"text"])

        session.put("v1/a", [b"te", b"xt"])

        assert session.read("v1/a", 10) == b"text"


def test_a_remote_passes_its_own_test_and_is_left_as_it_was(place: Place, tmp_path: Path) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, _):
        found = bench.call("remotes.test")

        assert (found["ok"], found["lacks"]) == (True, [])
        with session_of(place) as session:
            assert session.names("v1") == []


def test_a_push_sends_everything_once_and_then_only_what_is_new(
    place: Place, tmp_path: Path
) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, _):
        first = bench.call("remotes.push")
        second = bench.call("remotes.push")
        add_workflow(bench, "second")
        third = bench.call("remotes.push")

        assert [len(each["backups"]) for each in (first, second, third)] == [1, 0, 1]
        assert [each["audit_entries"] for each in (first, second, third)] == [7, 1, 2]
        (status,) = bench.call("remotes.status")["remotes"]
        assert (status["due_backups"], status["failure"], status["heads"]) == (0, None, 6)


def test_what_was_pushed_is_listed_verified_and_fetched(place: Place, tmp_path: Path) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, _):
        (name,) = bench.call("remotes.push")["backups"]
        (listed,) = bench.call("remotes.list")["backups"]
        original = (tmp_path / "one" / "backups" / name).read_bytes()
        (tmp_path / "one" / "backups" / name).unlink()

        fetched = bench.call("remotes.fetch", device=listed["device"], n=listed["n"])

        assert (listed["name"], listed["this_device"]) == (name, True)
        assert Path(fetched["path"]).read_bytes() == original
        verdict = bench.call("remotes.verify", deep=True)
        assert (verdict["ok"], verdict["findings"]) == (True, [])
        assert (verdict["devices"], verdict["heads"], verdict["objects"]) == (1, 3, 3)


def test_a_new_machine_gets_everything_with_the_recovery_code_alone(
    place: Place, tmp_path: Path
) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, code):
        bench.call("remotes.push")
    folder = tmp_path / "brought"
    (tmp_path / "new").mkdir()
    other = secret_of("passphrase", PASSPHRASE)

    with open_url(place.url, place.credentials or "") as session:
        with pytest.raises(WrongPassphrase):
            bring_newest(session, None, other, folder, no_report)
        found = bring_newest(session, None, secret_of("recovery", code), folder, no_report)

    with secret_bench(tmp_path / "new") as bench:
        bench.call("backups.restore", path=str(found.backup.path), secrets="backup")
        bench.call("secrets.unlock", recovery_code=code)
        assert value_of(bench) == VALUE
        assert bench.call("workflows.get", id="first")["workflow"]["name"] == "first"
        bench.call("remotes.push")
        assert {each["this_device"] for each in bench.call("remotes.list")["backups"]} == {
            False, True,
        }  # fmt: skip
        verdict = bench.call("remotes.verify", deep=True)
        assert (verdict["ok"], verdict["devices"]) == (True, 2)


def test_the_passphrase_opens_a_remote_only_by_choice(place: Place, tmp_path: Path) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, _):
        bench.call("remotes.set", url=place.url, with_passphrase=True)
        bench.call("remotes.push")

    with open_url(place.url, place.credentials or "") as session:
        secret = secret_of("passphrase", PASSPHRASE)
        found = bring_newest(session, None, secret, tmp_path / "backups", no_report)

    assert found.head.kind == "backup"


def test_nothing_in_a_remote_can_be_read_without_a_key(place: Place, tmp_path: Path) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, code):
        bench.call("remotes.push")
        store = bench.rows("SELECT value FROM meta WHERE key = 'store_id'")[0][0]
        with session_of(place) as session:
            contents = {name: session.read(name, 10**7) for name, _ in session.names("v1")}

    words = [b"first", b"workflow_save", b"openai", VALUE.encode(), PASSPHRASE.encode()]
    words += [code.encode(), b"backup", b"SQLite format"]
    assert len(contents) == 6
    for name, content in contents.items():
        assert not [word for word in words if word in content], name
        is_keys = "/k/" in name
        assert content.startswith(b"age-encryption.org/v1\n") != is_keys
        assert name.startswith(f"v1/{store.hex()}/")


def test_a_large_backup_goes_in_parts_and_comes_back_whole(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMOTE_PART_BYTES", 5000)
    with remote_bench(tmp_path / "one", place) as (bench, _):
        (name,) = bench.call("remotes.push")["backups"]
        (listed,) = bench.call("remotes.list")["backups"]
        path = tmp_path / "one" / "backups" / name
        original = path.read_bytes()
        path.unlink()
        with session_of(place) as session:
            parts = [size for each, size in session.names("v1") if "/b/" in each]
            assert len(parts) == -(-listed["size_bytes"] // 5000) > 2
            assert (sum(parts), max(parts)) == (listed["size_bytes"], 5000)

        bench.call("remotes.fetch", device=listed["device"], n=listed["n"])

        assert path.read_bytes() == original
        assert bench.call("remotes.verify", deep=True)["ok"]


def test_old_backups_are_deleted_where_they_take_more_than_allowed(
    place: Place, tmp_path: Path
) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, _):
        bench.call("remotes.push")
        bench.call("settings.set", key="remote_keep_bytes", value=1)
        add_workflow(bench, "second")

        done = bench.call("remotes.push")

        assert len(done["pruned"]) == 1
        (left,) = bench.call("remotes.list")["backups"]
        assert left["name"] == done["backups"][0]
        verdict = bench.call("remotes.verify", deep=True)
        assert (verdict["ok"], verdict["findings"]) == (True, [])


def test_a_log_that_was_changed_or_put_back_is_found_by_the_remote(
    place: Place, tmp_path: Path
) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, _):
        bench.call("remotes.push")
        (sound,) = bench.call("audit.verify", remote=True)["remotes"]
        bench.store.db.execute("UPDATE access_log SET resource = 'x' WHERE seq = 5")
        (changed,) = bench.call("audit.verify", remote=True)["remotes"]

        assert (sound["status"], sound["audit_entries"]) == ("ok", 7)
        assert (changed["status"], changed["first_bad_seq"]) == ("differs", 5)
        assert bench.call("audit.verify")["remotes"] is None


def test_a_rekey_opens_what_was_pushed_before_and_seals_with_a_new_identity(
    place: Place, tmp_path: Path
) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, old_code):
        bench.call("remotes.push")
        bench.call("secrets.rekey", passphrase=PASSPHRASE)
        code = str(bench.call("secrets.add_recovery")["recovery_code"])
        bench.call("remotes.push")
        listed = bench.call("remotes.list")["backups"]
        fetched = [
            bench.call("remotes.fetch", device=each["device"], n=each["n"]) for each in listed
        ]

        assert len(listed) == len(fetched) == 2
        assert bench.call("remotes.verify", deep=True)["ok"]
        assert bench.rows("SELECT count(*) FROM remote_identities") == [(2,)]
    with open_url(place.url, place.credentials or "") as session:
        new = bring_newest(session, None, secret_of("recovery", code), tmp_path / "n", no_report)
        old = bring_newest(
            session, None, secret_of("recovery", old_code), tmp_path / "o", no_report
        )
    assert (new.head.n, old.head.n < new.head.n) == (listed[0]["n"], True)


def test_a_flipped_bit_of_a_backup_is_found_before_it_is_used(place: Place, tmp_path: Path) -> None:
    with remote_bench(tmp_path / "one", place) as (bench, _):
        (name,) = bench.call("remotes.push")["backups"]
        (listed,) = bench.call("remotes.list")["backups"]
        (tmp_path / "one" / "backups" / name).unlink()
        with session_of(place) as session:
            (part,) = [each for each, _ in session.names("v1") if "/b/" in each]
            content = bytearray(session.read(part, 10**7))
            content[len(content) // 2] ^= 1
            session.delete(part)
            session.put(part, [bytes(content)])

        bench.refused(RemoteUntrusted, "remotes.fetch", device=listed["device"], n=listed["n"])

        assert list((tmp_path / "one" / "backups").glob("*.zst*")) == []
        assert bench.call("remotes.verify")["ok"]
        verdict = bench.call("remotes.verify", deep=True)
        assert [each["kind"] for each in verdict["findings"]] == ["changed"]

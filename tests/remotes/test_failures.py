"""What a remote that cannot be reached, refuses or is full leads to, and pushes by time."""

import os
import random
import sys
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.context import LongContext
from sidecar.courier.failures import fault_of
from sidecar.errors import (
    Locked,
    OutOfResources,
    RecoveryCodeNeeded,
    RemoteRefused,
    RemoteUnavailable,
)
from sidecar.notifications import SystemWarning
from sidecar.remotes.pushing import push_due
from tests.harness import Bench
from tests.remotes import s3_server
from tests.remotes.proxy import proxy_to, repeating_store
from tests.remotes.remote_benches import (
    PASSPHRASE,
    Place,
    add_workflow,
    folder_place,
    prepared,
    remote_bench,
)
from tests.remotes.s3_server import ADMIN, BUCKET, READER, Server
from tests.vault_benches import clock_of, secret_bench, set_up


def warnings(bench: Bench) -> list[str]:
    """The warnings that were sent since the last call, in order."""
    found = [each.slug for each in bench.told if isinstance(each, SystemWarning)]
    bench.told = [each for each in bench.told if not isinstance(each, SystemWarning)]
    return [str(each) for each in found]


def run_chore(bench: Bench) -> None:
    """Run the chore that pushes."""
    context = LongContext(bench.services, None, bench.tell)
    push_due(context)
    bench.tell(context.take_emitted())
    context.release_lock()


def status_of(bench: Bench) -> tuple[str | None, int, int]:
    """Why pushes fail, and how many backups and entries are due."""
    (found,) = bench.call("remotes.status")["remotes"]
    return found["failure"], found["due_backups"], found["due_audit_entries"]


# --- the program itself -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["remotes.test", "remotes.push", "remotes.list"])
def test_a_courier_that_cannot_be_started_is_no_fault_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """As when an app that updates itself has removed the program."""
    with remote_bench(tmp_path / "here", folder_place(tmp_path / "remote")) as (bench, _):
        monkeypatch.setattr(sys, "executable", str(tmp_path / "removed"))
        with pytest.raises(OutOfResources) as refused:
            bench.call(method)

    assert refused.value.data["hint"] == "Start the program again."


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "credentials", "reason"),
    [
        ("absent", ADMIN, "no_bucket"),
        (BUCKET, READER, "forbidden"),
        (BUCKET, ADMIN + "x", "forbidden"),
        (BUCKET, "nobody " + ADMIN.split()[1], "forbidden"),
    ],
)
def test_a_refusal_is_told_by_its_own_slug_once(
    s3: Server, tmp_path: Path, bucket: str, credentials: str, reason: str
) -> None:
    with remote_bench(tmp_path / "db", Place(s3.url_of(bucket), credentials)) as (bench, _):
        for _ in range(2):
            data = bench.refused(RemoteRefused, "remotes.push")
            assert data["reason"] == reason
        assert warnings(bench) == [f"remote_{reason}"]
        assert status_of(bench)[:2] == (reason, 1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code></Error>", "clock"),
        ("403 Forbidden: <Code>QuotaExceeded</Code>", "full"),
        ("403 Forbidden: <Code>SomethingNew</Code>", "forbidden"),
        ("404 Not Found: <Code> NoSuchBucket </Code>", "no_bucket"),
        ("507 Insufficient Storage: ", "full"),
        ("501 Not Implemented: <Code>NotImplemented</Code>", "unsupported"),
        ("500 Internal Server Error: <RequestId>403 507 AccessDenied</RequestId>", "offline"),
        ("503 Service Unavailable: ", "offline"),
        ("400 Bad Request: <RequestId>50 401 timed out</RequestId>", "failed"),
        ("418 I'm a teapot: <Code>Teapot</Code>", "failed"),
    ],
)
def test_what_a_store_says_is_understood_by_status_and_code_alone(text: str, fault: str) -> None:
    start = "Generic S3 error: Error performing PUT http://127.0.0.1:50403/bucket/507 in 501.5 ms"
    debug = "Debug source: error sending request timed out 403"
    whole = f"{start} - Server returned non-2xx status code: {text}\n\n{debug}"

    assert fault_of(RuntimeError(whole)).fault == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("HTTP error: error sending request", "offline"),
        ("HTTP error: error decoding response body", "offline"),
        ("operation timed out", "offline"),
        ("something with 403, 507 and 50", "failed"),
    ],
)
def test_a_broken_connection_is_offline(text: str, fault: str) -> None:
    assert fault_of(RuntimeError(f"Error performing GET http://h:50403/ - {text}")).fault == fault


def test_what_a_store_repeats_of_a_request_is_never_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    credentials = "SOMEKEYID0123 the-secret-key-0123456789 the-session-token-0123456789"
    with (
        repeating_store() as port,
        remote_bench(
            tmp_path / "db", Place(f"s3://b/?endpoint=http://127.0.0.1:{port}", credentials)
        ) as (bench, _),
    ):
        with pytest.raises(RemoteRefused) as raised:
            bench.call("remotes.push")
        shown = str(raised.value) + str(vars(raised.value)) + str(bench.told)
        shown += str(bench.call("audit.list")) + "".join(capfd.readouterr())

    assert "403 SignatureDoesNotMatch" in shown
    assert [word for word in credentials.split() if word in shown] == []


def test_a_full_folder_is_told_as_full() -> None:
    assert fault_of(OSError(28, "No space left on device")).fault == "full"
    assert fault_of(OSError(122, "Disk quota exceeded")).fault == "full"
    assert fault_of(PermissionError(13, "Permission denied")).fault == "forbidden"


def test_nothing_of_the_environment_reaches_a_store(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = ADMIN.split()
    for name, value in {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}",
    }.items():
        monkeypatch.setenv(name, value)

    with remote_bench(tmp_path / "db", Place(s3.url)) as (bench, _):
        assert bench.refused(RemoteRefused, "remotes.push")["reason"] == "forbidden"


def test_without_a_recovery_code_there_is_no_remote_and_no_push(tmp_path: Path) -> None:
    place = folder_place(tmp_path / "remote")
    with secret_bench(tmp_path) as bench:
        set_up(bench)
        bench.refused(RecoveryCodeNeeded, "remotes.set", url=place.url)
    (tmp_path / "other").mkdir()
    with remote_bench(tmp_path / "other", place) as (bench, _):
        (slot,) = (
            each["slot"]
            for each in bench.call("secrets.status")["slots"]
            if each["kind"] == "recovery"
        )
        bench.call("secrets.remove_slot", slot=slot)
        bench.refused(RecoveryCodeNeeded, "remotes.push")
        run_chore(bench)
        run_chore(bench)
        assert warnings(bench) == ["remote_no_code"]


def test_credentials_are_in_no_file_and_no_answer(tmp_path: Path) -> None:
    secret = "wJalrXUtnFEMIK7MDENGbPxRfiCY"
    place = Place("s3://bucket/?endpoint=http://127.0.0.1:1", f"AKID {secret}")
    with remote_bench(tmp_path / "db", place) as (bench, _):
        bench.refused(RemoteUnavailable, "remotes.push")
        answers = str(bench.call("remotes.status")) + str(bench.call("audit.list"))
        assert secret not in answers
    for path in (tmp_path / "db").rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path


# --- pushes by time -----------------------------------------------------------------------------


def test_a_push_by_time_needs_unlocked_secrets_and_sends_all_that_is_due(tmp_path: Path) -> None:
    with remote_bench(tmp_path / "db", folder_place(tmp_path / "remote")) as (bench, _):
        bench.call("secrets.lock")
        run_chore(bench)
        bench.refused(Locked, "remotes.push")
        assert list((tmp_path / "remote").iterdir()) == []

        bench.call("secrets.unlock", passphrase=PASSPHRASE)
        run_chore(bench)

        assert status_of(bench)[:2] == (None, 0)
        assert len(bench.call("remotes.list")["backups"]) == 1


def test_pushes_by_time_can_be_switched_off_and_the_log_left_out(tmp_path: Path) -> None:
    with remote_bench(tmp_path / "db", folder_place(tmp_path / "remote")) as (bench, _):
        bench.call("settings.set", key="remote_push", value="off")
        bench.call("settings.set", key="remote_audit", value=False)
        run_chore(bench)
        assert list((tmp_path / "remote").iterdir()) == []

        assert bench.call("remotes.push")["audit_entries"] == 0


def test_a_large_log_goes_in_parts_that_are_read_and_compared_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMOTE_SEGMENT_FULL_BYTES", 300)
    with remote_bench(tmp_path / "db", folder_place(tmp_path / "remote")) as (bench, _):
        for number in range(6):
            add_workflow(bench, f"w{number}")

        due = status_of(bench)[2]
        pushed = bench.call("remotes.push")["audit_entries"]

        parts = list((tmp_path / "remote").rglob("a/*"))
        assert due <= pushed
        assert 3 <= len(parts) < pushed
        verified = bench.call("audit.verify", remote=True)
        assert verified["status"] == "ok", verified


def test_while_offline_pushes_are_tried_ever_more_seldom_and_told_once(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    with remote_bench(tmp_path / "db", folder_place(remote)) as (bench, _):
        remote.rmdir()
        run_chore(bench)
        assert warnings(bench) == ["remote_offline"]
        assert status_of(bench)[:2] == ("offline", 1)

        remote.mkdir()
        run_chore(bench)
        assert status_of(bench)[0] == "offline"  # the next try is not yet

        clock_of(bench).at_ms += limits.REMOTE_BACK_OFF_MS
        run_chore(bench)
        assert status_of(bench) == (None, 0, 1)

        remote.rename(tmp_path / "away")
        add_workflow(bench, "second")
        bench.refused(RemoteUnavailable, "remotes.push")
        assert warnings(bench) == ["remote_offline"]


def test_an_automatic_backup_has_the_secrets_where_a_remote_is_set(tmp_path: Path) -> None:
    from sidecar.backups.create import create_backup_if_due

    with secret_bench(tmp_path) as bench:
        prepared(bench)
        add_workflow(bench, "first")
        remote = folder_place(tmp_path / "remote")
        for number in range(2):
            clock_of(bench).at_ms += 25 * 3_600_000
            add_workflow(bench, f"more-{number}")
            create_backup_if_due(LongContext(bench.services, None, bench.tell))
            if not number:
                bench.call("secrets.unlock", passphrase=PASSPHRASE)
                bench.call("remotes.set", url=remote.url)
        found = [each["secrets"] for each in bench.call("backups.list")["items"]]
        assert found == ["sealed", "none"]


# --- bad connections ----------------------------------------------------------------------------


def test_a_push_over_connections_that_break_is_whole_in_the_end(s3: Server, tmp_path: Path) -> None:
    chance = random.Random(7)
    with proxy_to(s3.port) as proxy:
        url = s3.url_of(BUCKET, proxy.port, f"cut-{os.getpid()}")
        with remote_bench(tmp_path / "db", Place(url, ADMIN)) as (bench, _):
            for _ in range(6):
                proxy.cut_after_bytes, proxy.cuts_left = chance.randrange(100, 20_000), 3
                try:
                    bench.call("remotes.push")
                except RemoteUnavailable:
                    continue
            proxy.cuts_left = 0
            bench.call("remotes.push")

            verdict = bench.call("remotes.verify", deep=True)
            assert verdict["ok"], verdict
            assert len({each["device"] for each in bench.call("remotes.list")["backups"]}) == 1
            assert "remote_forked" not in warnings(bench)


def test_a_slow_connection_only_takes_its_time(s3: Server, tmp_path: Path) -> None:
    with proxy_to(s3.port) as proxy:
        proxy.bytes_per_s = 40_000
        url = s3.url_of(BUCKET, proxy.port, f"slow-{os.getpid()}")
        with remote_bench(tmp_path / "db", Place(url, ADMIN)) as (bench, _):
            done = bench.call("remotes.push")

            assert len(done["backups"]) == 1
            assert bench.call("remotes.verify", deep=True)["ok"]


def test_a_push_that_is_cancelled_ends_soon_and_goes_on_later(s3: Server, tmp_path: Path) -> None:
    from sidecar.errors import Cancelled

    with proxy_to(s3.port) as proxy:
        proxy.bytes_per_s = 2000
        url = s3.url_of(BUCKET, proxy.port, f"cancelled-{os.getpid()}")
        with remote_bench(tmp_path / "db", Place(url, ADMIN)) as (bench, _):
            bench.call("backups.create", include_secrets=True)
            bench.told.clear()
            bench.cancel_after_steps = 1
            with pytest.raises(Cancelled):
                bench.call("remotes.push")
            bench.cancel_after_steps = None
            proxy.bytes_per_s = None
            bench.call("remotes.push")
            assert bench.call("remotes.verify", deep=True)["ok"]


def test_the_server_is_on_loopback_alone(s3: Server) -> None:
    assert s3.url.endswith(f"endpoint=http://127.0.0.1:{s3.port}")
    assert s3_server.command() is not None

"""`audit.export`: its file is checked by another tool; locks, bad paths and killed exports."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import Conflict, InvalidParams, Locked
from sidecar.store import meta
from sidecar.store.audit.log import read_entries
from tests.harness import Bench
from tests.vault_benches import (
    HEAD,
    PASSPHRASE,
    begin_sealed_log,
    clock_of,
    secret_bench,
    verdict,
    write_entries,
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        begin_sealed_log(opened)
        yield opened


CHECK = """
const [file] = process.argv.slice(1), fs = require("fs"), c = require("crypto");
const text = fs.readFileSync(file), at = text.lastIndexOf(10, text.length - 2) + 1;
const head = JSON.parse(text.subarray(0, text.indexOf(10))), last = JSON.parse(text.subarray(at));
const digest = c.createHash("sha256").update(text.subarray(0, at)).digest();
const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"),
  Buffer.from(head.public_key, "hex")]);
const key = c.createPublicKey({ key: der, format: "der", type: "spki" });
console.log(digest.toString("hex") === last.sha256,
  c.verify(null, digest, key, Buffer.from(last.signature, "hex")));
"""


def exported(bench: Bench, tmp_path: Path) -> tuple[dict[str, Any], Path]:
    """Export the log; return the answer and the file."""
    path = tmp_path / "log.jsonl"
    return bench.call("audit.export", path=str(path)), path


def test_an_export_holds_every_entry_and_another_tool_checks_its_signature(
    bench: Bench, tmp_path: Path
) -> None:
    result, path = exported(bench, tmp_path)

    first, *lines, last = path.read_text(encoding="utf-8").splitlines()
    header, trailer = json.loads(first), json.loads(last)
    assert result == {
        "path": str(path),
        "audit_entries": HEAD,
        "status": "ok",
        "public_key": header["public_key"],
    }
    assert header["verified"] == {
        "status": "ok",
        "first_bad_seq": None,
        "reason": None,
        "verified_from": 1,
        "verified_to": HEAD,
        "unsealed_through": 4,
    }
    assert [json.loads(line) for line in lines] == bench.call("audit.list", limit=HEAD)["items"]
    assert trailer["sha256"] == sha256(path.read_bytes()[: -len(last) - 1]).hexdigest()
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed here; continuous integration has it")
    command = [node, "-e", CHECK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["true", "true"]
    path.write_bytes(path.read_bytes().replace(b'"theme"', b'"thema"', 1))
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["false", "false"]


def test_an_export_replaces_no_file_and_leaves_none_when_it_fails(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "log.jsonl").write_text("mine")
    with pytest.raises(Conflict):
        exported(bench, tmp_path)
    assert (tmp_path / "log.jsonl").read_text() == "mine"
    (tmp_path / "log.jsonl").unlink()
    bench.call("secrets.lock")
    with pytest.raises(Locked):
        exported(bench, tmp_path)

    assert list(tmp_path.glob("log*")) == []


def test_an_export_of_a_log_that_was_changed_says_so_in_its_signed_header(
    bench: Bench, tmp_path: Path
) -> None:
    bench.store.db.execute("UPDATE access_log SET resource = 'innocent' WHERE seq = 7")
    result, path = exported(bench, tmp_path)

    found = json.loads(path.read_text(encoding="utf-8").splitlines()[0])["verified"]
    assert result["status"] == "tampered"
    assert (found["status"], found["first_bad_seq"], found["reason"]) == ("tampered", 7, "mac")


def lock(bench: Bench) -> None:
    """Lock secrets while a long method is running."""
    with bench.store.lock:
        bench.vault.lock()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("audit.verify", {}),
        ("audit.prune", {"keep_last": 1}),
        ("audit.export", {"path": "log.jsonl"}),
        ("system.check", {}),
    ],
)
def test_a_lock_during_a_verification_does_not_make_checkpoints_appear_forged(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    params: dict[str, str],
) -> None:
    if "path" in params:
        params = {"path": str(tmp_path / params["path"])}
    clock_of(bench).at_ms += 31 * 24 * 3_600_000
    keys = bench.vault.keys
    assert keys is not None
    opens = keys.open_for_audit

    def locked_first(purpose: str, seq: int, sealed: bytes) -> bytes | None:
        lock(bench)
        return opens(purpose, seq, sealed)

    monkeypatch.setattr(keys, "open_for_audit", locked_first)
    if method in ("audit.prune", "audit.export"):
        with pytest.raises(Locked):
            bench.call(method, **params)
    else:
        result = bench.call(method, **params)
        assert (result.get("status"), result.get("findings")) in (("locked", None), (None, []))
    assert list(tmp_path.glob("log*")) == []
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert verdict(bench) == ("ok", None, None)


def test_an_export_is_refused_and_removed_when_a_lock_comes_before_its_signature(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = read_entries

    def locked_amid(*given: Any) -> Iterator[Any]:
        yield from entries(*given)
        lock(bench)

    monkeypatch.setattr("sidecar.store.audit.export.read_entries", locked_amid)
    with pytest.raises(Locked):
        exported(bench, tmp_path)
    assert bench.vault.keys is None
    assert list(tmp_path.glob("log*")) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no/log.jsonl", "There is no folder"),
        ("plain/log.jsonl", "There is no folder"),
        ("log\0.jsonl", "The path must be absolute, without U+0000."),
        ("l" * 300, "No file of that name can be made."),
    ],
)
def test_an_export_to_an_impossible_path_is_refused_with_the_path(
    bench: Bench, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "plain").write_text("a file")
    with pytest.raises(InvalidParams) as caught:
        bench.call("audit.export", path=str(tmp_path / name))

    assert caught.value.message.startswith(words)
    assert caught.value.data["path"] == "$.params.path"


def test_files_of_killed_exports_do_not_disturb_an_export_and_are_removed(
    bench: Bench, tmp_path: Path
) -> None:
    store_id = meta.store_id(bench.store.db).hex()
    stale = tmp_path / f"log.jsonl.{store_id}.gone.partial"
    fresh = tmp_path / f"log.jsonl.{store_id}.else.partial"
    foreign = tmp_path / "log.jsonl.mine.partial"
    for leftover in (stale, fresh, foreign):
        leftover.write_text("{")
    for old in (stale, foreign):
        os.utime(old, (1, 1))
    result, _path = exported(bench, tmp_path)

    assert result["audit_entries"] == HEAD
    assert sorted(each.name for each in tmp_path.glob("log*")) == [
        "log.jsonl",
        fresh.name,
        foreign.name,
    ]


def test_an_export_gets_its_name_on_a_file_system_without_links(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_paths: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, "as on a stick")

    monkeypatch.setattr(os, "link", no_link)
    result, path = exported(bench, tmp_path)

    assert len(path.read_bytes().splitlines()) == result["audit_entries"] + 2


def test_before_secrets_are_set_up_an_export_is_not_signed(tmp_path: Path) -> None:
    with secret_bench(tmp_path) as bench:
        write_entries(bench, 2)
        result, path = exported(bench, tmp_path)

    assert result["public_key"] is None
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["signature"] is None

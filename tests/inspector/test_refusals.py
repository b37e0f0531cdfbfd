"""Who is refused by the inspector, and that nothing happens then."""

import re
import socket
from pathlib import Path

import pytest

from sidecar.catalog import all_methods
from sidecar.inspector import permitted
from tests.inspector.inspectors import TOKEN, Inspector, Page
from tests.process.child_process import WAIT_S


def slug(body: bytes) -> str:
    """The reason of a refusal, from the end of an answer."""
    found = re.search(rb'\{"refused":\{"slug":"(\w+)"', body)
    return found[1].decode() if found else ""


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]:{port}",
        "",
        "127.1:{port}",
    ],
)
@pytest.mark.parametrize("path", ["/", "/page.js", "/api/state"])
def test_another_host_is_refused_whatever_else_is_right(page: Page, host: str, path: str) -> None:
    """A name of another site that leads to loopback, as in DNS rebinding, is such a host."""
    answer = page.get(path, Host=host.format(port=page.port))

    assert (answer.status, answer.json["refused"]["slug"]) == (421, "foreign_host")


def test_two_hosts_or_none_are_refused(page: Page) -> None:
    own = f"Host: 127.0.0.1:{page.port}\r\n"
    rest = f"{TOKEN}: {page.token}\r\nConnection: close\r\n\r\n"
    found = [
        slug(page.send_raw(f"GET /api/state HTTP/1.1\r\n{hosts}{rest}"))
        for hosts in ("", own + own, own + "Host: evil.example\r\n")
    ]

    assert found == ["foreign_host"] * 3


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://localhost:{port}", ""],
)
def test_another_origin_is_refused(page: Page, origin: str) -> None:
    headers = {"Origin": origin.format(port=page.port)}
    call = {"method": "system.ping", "params": {}}
    found = [page.get("/api/state", **headers), page.post("/api/call", call, **headers)]

    assert [(each.status, each.json["refused"]["slug"]) for each in found] == [
        (403, "foreign_origin"),
        (403, "foreign_origin"),
    ]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_what_the_browser_calls_another_site_is_refused(page: Page, site: str) -> None:
    answer = page.get("/api/state", **{"Sec-Fetch-Site": site})

    assert (answer.status, answer.json["refused"]["slug"]) == (403, "foreign_origin")


@pytest.mark.parametrize("token", ["", "x", "é", "{token}x", "{short}"])
def test_another_token_is_refused(page: Page, token: str) -> None:
    text = token.format(token=page.token, short=page.token[:-1])
    answer = page.get("/api/state", **{TOKEN: text})

    assert (answer.status, answer.json["refused"]["slug"]) == (401, "no_token")


def test_a_token_anywhere_else_than_in_its_header_is_none(page: Page) -> None:
    head = f"GET /api/state?token={page.token} HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n"
    cookie = f"Cookie: token={page.token}; {TOKEN}={page.token}\r\nConnection: close\r\n\r\n"
    twice = f"{TOKEN}: {page.token}\r\n{TOKEN}: x\r\nConnection: close\r\n\r\n"

    assert [slug(page.send_raw(head + more)) for more in (cookie, twice)] == ["no_token"] * 2


def test_each_inspector_has_a_token_of_its_own(page: Page, sample: Path) -> None:
    with Inspector("--database", sample) as other:
        assert other.page.token != page.token
        assert other.page.get("/api/state", **{TOKEN: page.token}).status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/../gate.py",
        "/page/../../__init__.py",
        "/%2e%2e/gate.py",
        "/page.js/",
        "/PAGE.JS",
        "/page.js%00",
        "/gate.py",
        "/etc/passwd",
        "/api/../page.js",
        "/api/",
        "/api/state/",
        "http://127.0.0.1/page.js",
        "*",
    ],
)
def test_only_the_files_of_the_page_are_served(page: Page, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n{TOKEN}: {page.token}\r\n"
    answer = page.send_raw(f"{head}Connection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 404 "), answer[:200]
    assert slug(answer) == "not_found"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT"])
def test_other_methods_of_http_are_refused(page: Page, method: str) -> None:
    answer = page.send_raw(f"{method} /api/state HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 501 ")
    assert b"Access-Control" not in answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Length": "99999999999"}, 413),
        ({"Content-Length": "-1"}, 411),
        ({"Transfer-Encoding": "chunked"}, 415),
    ],
)
def test_a_body_of_another_kind_or_size_is_refused(
    page: Page, headers: dict[str, str], status: int
) -> None:
    answer = page.post("/api/call", {"method": "system.ping"}, **headers)

    assert (answer.status, answer.json["refused"]["slug"]) == (status, "invalid")


def test_every_answer_forbids_inline_script_frames_and_keeping(page: Page) -> None:
    answers = [page.get(path) for path in ("/", "/page.js", "/api/state", "/nothing")]

    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not {"Set-Cookie", "Access-Control-Allow-Origin"} & answer.headers.keys()


def test_it_listens_on_loopback_alone(page: Page) -> None:
    """All of 127.0.0.0/8 is this machine, and the inspector takes one address of it."""
    others = ["127.0.0.2"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses our address
            others.append(probe.getsockname()[0])
        except OSError:
            pass  # a machine without a network
    for address in others:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, page.port), WAIT_S)


CHANGING = frozenset(
    {
        "system.shutdown", "system.recover", "system.purge", "system.compact",
        "workflows.save", "workflows.save_many", "workflows.update", "workflows.duplicate",
        "workflows.update_many", "workflows.archive", "workflows.unarchive", "workflows.delete",
        "workflows.delete_many", "workflows.revert", "workflows.export", "workflows.rename_tag",
        "workflows.import",
        "runs.start", "runs.progress", "runs.finish", "runs.pin", "runs.delete",
        "runs.delete_many", "runs.prune",
        "settings.set", "settings.set_many", "settings.delete", "settings.reset",
        "secrets.initialize", "secrets.unlock", "secrets.lock", "secrets.set", "secrets.get",
        "secrets.verify", "secrets.delete", "secrets.change_passphrase", "secrets.add_recovery",
        "secrets.add_keychain", "secrets.remove_slot", "secrets.rotate", "secrets.rekey",
        "secrets.reset",
        "audit.export", "audit.prune",
        "backups.create", "backups.restore", "backups.delete",
        "remotes.set", "remotes.test", "remotes.push", "remotes.list", "remotes.verify",
        "remotes.fetch", "remotes.delete",
    }
)  # fmt: skip
"""Methods that need --write, by hand: a new method must be entered on one side."""


def test_each_method_is_known_to_read_or_to_need_leave() -> None:
    access = {method.name: method.access for method in all_methods()}

    assert permitted.READING.isdisjoint(CHANGING)
    assert permitted.READING | CHANGING == access.keys()
    assert not [name for name in permitted.READING if access[name] == "write"]


@pytest.mark.parametrize("method", sorted(CHANGING))
def test_what_can_change_something_is_refused_without_write(page: Page, method: str) -> None:
    for params in ({}, {"dry_run": False}, {"dry_run": 1}, [True], None):
        answer = page.post("/api/call", {"method": method, "params": params})

        assert (answer.status, answer.json["refused"]["slug"]) == (403, "write_refused")


def test_an_unknown_method_is_refused_like_one_that_writes(page: Page) -> None:
    answer = page.post("/api/call", {"method": "workflows.burn", "params": {}})

    assert (answer.status, answer.json["refused"]["slug"]) == (403, "write_refused")


def test_with_write_the_file_itself_is_changed_and_its_events_are_seen(tmp_path: Path) -> None:
    from tests.inspector.sample_database import make

    database = tmp_path / "sim.db"
    make(database, days=0)
    with Inspector("--database", database, "--write") as inspector:
        inspector.page.call("settings.set", key="theme", value="dark")
        frames = inspector.page.get("/api/frames?after=0").json["frames"]
    with Inspector("--database", database) as again:
        found = again.page.call("settings.get", key="theme")

    assert found["setting"]["value"] == "dark"
    assert "audit.event" in {frame["method"] for frame in frames}

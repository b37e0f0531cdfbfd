"""Tests of the Python client against the real process."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import sidecar
from schema.clients.python.sidecar_client import (
    AuditEventNotification,
    Client,
    Notification,
    Progress,
    Stale,
    aio,
    asyncio_methods,
    find_command,
    methods,
)
from sidecar import describe
from tests.clients import python_conversation as conversation
from tests.clients.python_hosts import flow, served
from tests.process.child_process import ROOT, environment, product
from tests.store import samples

pytestmark = pytest.mark.usefixtures("cheap_keys")

CLIENT = ROOT / "schema" / "clients" / "python"
README = (CLIENT / "README.md").read_text("utf-8")

Part = Callable[[Client, Path, conversation.Told], None]


# --- the contract ---------------------------------------------------------------------------


def test_the_python_client_calls_every_method_and_receives_every_notification(
    tmp_path: Path,
) -> None:
    """What is sent and received is taken from the lines, between the client and the process."""
    older = samples.unpack("v1", tmp_path / "older.db")
    with closing(sqlite3.connect(older)) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
    (tmp_path / "lost.db.known").touch()
    parts: dict[str, list[Part]] = {
        "older": [conversation.back_up],
        "new": [
            conversation.workflows,
            conversation.runs,
            conversation.settings,
            conversation.secrets,
            conversation.rest,
        ],
        "lost": [conversation.begin_anew],
    }
    answered, notified = set[str](), set[str]()

    class Noted(Client):
        """A client that notes which methods were answered."""

        def start(self, method: str, *args: Any, **options: Any) -> Any:
            pending = super().start(method, *args, **options)
            pending.result()
            answered.add(method)
            return pending

    def take(notification: Notification) -> None:
        notified.add(notification.method)

    def told(progress: Progress) -> None:
        assert progress["total"] is None or progress["done"] <= progress["total"]
        notified.add("$/progress")

    command = [sys.executable, "-m", "tests.scenarios.with_keychain", "serve", "--database"]
    for name, works in parts.items():
        database = str(tmp_path / f"{name}.db")
        client = Noted([*command, database], env=environment(), on_notification=take)
        client.connect()
        for work in works:
            work(client, tmp_path, told)
        assert client.close() == 0

    contract = describe.contract()
    assert answered == {each["name"] for each in contract["methods"]}
    assert notified == {each["name"] for each in contract["x-notifications"]["outgoing"]}


def test_the_python_client_has_every_method_for_asyncio_too() -> None:
    for method in describe.contract()["methods"]:
        noun, verb = method["name"].split(".")
        name, verb = f"{noun.capitalize()}Methods", verb.replace("import", "import_")
        awaited = vars(getattr(asyncio_methods, f"Async{name}"))[verb]
        assert awaited._function is vars(getattr(methods, name))[verb]


def test_few_acts_have_a_host_in_python_ask_for_everything_again() -> None:
    """Every name of the vocabulary is known to it; one that it does not know would count, too."""
    actions = describe.contract()["components"]["schemas"]["AuditAction"]["enum"]
    found = set()
    for action in actions:
        stale = Stale(0)
        stale.take(
            AuditEventNotification(
                "audit.event",
                {"seq": 1, "action": action, "resource": "x", "at": 0, "details": {}, "mac": ""},
            )
        )
        if stale.everything:
            found.add(action)

    assert found == {"tag_rename", "restore", "recover", "migrate"}


def test_the_python_client_yields_the_pages_of_a_list(tmp_path: Path) -> None:
    with served(tmp_path) as supervisor:
        workflows = supervisor.client.workflows
        workflows.save_many(items=[{"workflow": flow(f"w{number}")} for number in range(7)])
        found = [
            [each["id"] for each in page["items"]]
            for page in workflows.list_pages(limit=3, order_by="name")
        ]
        rest = list(workflows.history_pages(id="w1", limit=1))

    assert [len(each) for each in found] == [3, 3, 1]
    assert sorted(each for page in found for each in page) == [f"w{number}" for number in range(7)]
    assert [page["next_cursor"] for page in rest] == [None]


# --- asyncio --------------------------------------------------------------------------------


def test_a_cancelled_task_cancels_the_request_of_the_python_client(tmp_path: Path) -> None:
    async def host() -> tuple[int, list[str]]:
        async with await aio.AsyncClient.spawn(
            product("--database", tmp_path / "sim.db"), env=environment()
        ) as client:
            await client.workflows.save(workflow=flow("w1"))
            creating = asyncio.ensure_future(client.backups.create())
            await asyncio.sleep(0)  # the request is sent
            creating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creating
            backups = await client.backups.list()
            await client.system.shutdown()
            return len(backups["items"]), [each.method async for each in client.events]

    backups, methods = asyncio.run(host())

    assert backups == 0
    assert methods == ["system.ready", "audit.event", "workflows.changed", "system.closing"]


# --- what a reader tries first --------------------------------------------------------------


def program(folder: Path) -> Path:
    """Write a program `sim-sidecar` of this checkout into a folder."""
    path = folder / "sim-sidecar"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sidecar "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def run_example(text: str, folder: Path) -> list[str]:
    """Run an example as it stands, and return the lines that it prints."""
    variables = environment(
        SIM_SIDECAR=str(program(folder)), PYTHONPATH=os.pathsep.join([str(CLIENT), str(ROOT)])
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env=variables,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_examples_of_the_python_client_run_as_they_stand(tmp_path: Path) -> None:
    first, second = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    printed = run_example(first, tmp_path / "one")
    awaited = run_example(second, tmp_path / "two")

    # Two threads print: a line may have the break of another one within it.
    for words in ("workflow_save is entry 1", "conflict with revision 1", "['Hello']", "copy"):
        assert words in "".join(printed)
    assert awaited[-1] == "['Hello']"


def test_a_host_in_python_takes_at_most_fifteen_lines(tmp_path: Path) -> None:
    page = (ROOT / "schema" / "hosts" / "python" / "README.md").read_text("utf-8")
    (host,) = re.findall(r"   ```python\n(.*?)   ```", page, re.DOTALL)

    printed = run_example(textwrap.dedent(host), tmp_path)

    assert len([line for line in host.splitlines() if line.strip()]) <= 15
    assert printed[-1] == "['Hello']"


@pytest.mark.parametrize("place", ["variable", "beside", "environment", "path"])
def test_the_python_client_finds_the_program_in_each_place(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place has the program, and those that are looked at before it have none."""
    places = ["variable", "beside", "environment", "path"]
    folders = {name: tmp_path / name for name in places} | {
        "beside": tmp_path / "app" / "sim-sidecar"
    }
    for name in places[places.index(place) :]:
        program(folders[name])
    monkeypatch.delenv("SIM_SIDECAR", raising=False)
    if place == "variable":
        monkeypatch.setenv("SIM_SIDECAR", str(folders["variable"] / "sim-sidecar"))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "app" / "app.py")])
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(folders["environment"]))
    monkeypatch.setenv("PATH", str(folders["path"]))

    assert find_command() == [str(folders[place] / "sim-sidecar")]


def test_the_python_client_is_published_with_the_version_of_the_product() -> None:
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["version"] == sidecar.__version__
    assert "dependencies" not in project

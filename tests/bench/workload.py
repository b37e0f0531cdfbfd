"""The workflows a bench run saves: generated ones of a fixed seed, or real files of a folder."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

Workflow = dict[str, Any]

_WORDS = [
    "agent",
    "webhook",
    "http",
    "openai",
    "bench",
    "data",
    "slack",
    "email",
    "customer",
    "invoice",
    "report",
    "daily",
    "sync",
    "lead",
    "enrich",
    "summary",
    "translate",
    "notify",
    "archive",
    "upload",
    "parse",
    "filter",
    "merge",
    "branch",
    "wait",
    "retry",
]


def generated(count: int, seed: int = 7) -> list[Workflow]:
    """Workflows shaped like real ones: 5 to 60 nodes, prompts, positions, links; 2 to 40 KB."""
    chance = random.Random(seed)
    return [_generated(chance, number) for number in range(count)]


def _generated(chance: random.Random, number: int) -> Workflow:
    nodes = [
        {
            "id": f"{number}-{index}-{chance.randrange(16**8):08x}",
            "type": f"tool.{chance.choice(_WORDS)}",
            "name": " ".join(chance.choices(_WORDS, k=2)).title(),
            "position": [chance.randrange(2000), chance.randrange(2000)],
            "parameters": {
                "prompt": " ".join(chance.choices(_WORDS, k=chance.randrange(5, 60))),
                "temperature": round(chance.random(), 2),
                "options": {"retry": chance.randrange(5), "note": "naïve 工作流"},
            },
        }
        for index in range(chance.randrange(5, 60))
    ]
    links = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(nodes)]
    category = chance.choice(("sales", "ops", "support", "research"))
    return {
        "id": f"wf-{number}",
        "name": " ".join(chance.choices(_WORDS, k=4)).title(),
        "description": " ".join(chance.choices(_WORDS, k=12)),
        "tags": [category, "bench"],
        "category": category,
        "data": {"nodes": nodes, "connections": links},
    }


def from_folder(folder: Path, count: int) -> list[Workflow]:
    """The workflows of a folder's JSON files, shuffled with a fixed seed."""
    paths = sorted(folder.rglob("*.json"))
    random.Random(7).shuffle(paths)
    found: list[Workflow] = []
    for path in paths:
        data = json.loads(path.read_text(encoding="utf-8"))
        name = (data.get("name") if isinstance(data, dict) else None) or path.stem
        found.append(
            {
                "id": f"wf-{len(found)}",
                "name": str(name)[:200],
                "description": f"{path.parent.name} {path.stem}".replace("_", " "),
                "tags": [path.parent.name, "bench"],
                "category": path.parent.name,
                "data": data if isinstance(data, dict) else {"nodes": data},
            }
        )
        if len(found) == count:
            break
    return found


def compact_bytes(workflows: list[Workflow]) -> int:
    """Size of the bodies as compact UTF-8 JSON."""
    return sum(len(line_json(workflow["data"])) for workflow in workflows)


def line_json(value: object) -> bytes:
    """Compact JSON as a Node or Rust client sends it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()

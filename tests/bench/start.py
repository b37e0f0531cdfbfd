"""`python -m tests.bench.start`: what a start costs, held against the recorded figures.

Counts the modules of a process that answers one request and, where valgrind is installed, the
instructions of a start to its first answer, with a database and without one, as a ratio to those
of `python -c "import msgspec, apsw"`. Ends with code 1 when one of them is more than `BOUND` times
the figure in `start.json`; `--record` writes that file. What the record does not hold for is not
compared: the modules of another minor version of Python, which has other modules of its own, and
the instructions of another build of it (Debian's, optimised with profiles, has a ratio of 0.93
where one without has 1.47).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import instructions
from tests.bench.instructions import BOUND, environment, prepare, serving

Figures = dict[str, float | str]

RECORD = Path(__file__).with_name("start.json")
MODULES, RATIO, RATIO_NEW = "modules", "instructions_ratio", "instructions_ratio_new_database"
_VERSION, _BUILD = "python", "build"

_EXIT_WORSE = 1
_LIMIT_S = 300


def recorded() -> Figures:
    """Return the recorded figures."""
    found: Figures = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def version() -> str:
    """Return the minor version of this Python."""
    return ".".join(map(str, sys.version_info[:2]))


def modules(folder: Path) -> int:
    """Return how many modules a process imports that answers one request, on an old database."""
    for _ in range(2):  # the first start creates the database
        count = instructions.modules(folder)
    return count


def measured(folder: Path) -> Figures:
    """Return the figures of the checkout; the instructions only where valgrind is installed."""
    prepare(folder, None)
    found: Figures = {_VERSION: version(), _BUILD: sys.version}
    if shutil.which("valgrind") and shutil.which("vgdb"):
        floor = _floor(folder)
        for name in (RATIO_NEW, RATIO):  # the first start creates the database
            with serving(folder) as counted:
                counted.start(name)
            found[name] = round(counted.figures[name] / floor, 3)
    return {**found, MODULES: modules(folder)}


def _floor(folder: Path) -> int:
    """Return the instructions of a process that imports the two libraries and ends."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}", sys.executable, "-c",
         "import msgspec, apsw"],
        check=True, cwd=folder, env=environment(folder), capture_output=True, text=True,
        timeout=_LIMIT_S,
    )  # fmt: skip
    return int(done.stderr.rpartition("refs:")[2].split()[0].replace(",", ""))


def worse(found: Figures, base: Figures) -> list[str]:
    """Return what is over the bound, in words."""
    compared = [MODULES] if found[_VERSION] == base[_VERSION] else []
    if found[_BUILD] == base[_BUILD]:
        compared += [RATIO, RATIO_NEW]
    return [
        f"{name}: {found[name]}, at most {float(base[name]) * BOUND:.6g}"
        for name in compared
        if name in found and float(found[name]) > float(base[name]) * BOUND
    ]


def main(words: list[str]) -> int:
    """Measure, and record or compare; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder))
    print(json.dumps(found))
    if words == ["--record"]:
        RECORD.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return 0
    if RATIO not in found:
        print("the instructions of a start were not counted: there is no valgrind")
    elif found[_BUILD] != recorded()[_BUILD]:
        print("the instructions of a start were not compared: the record is of another Python")
    failing = worse(found, recorded())
    for each in failing:
        print(f"a start costs more than is recorded: {each}")
    return _EXIT_WORSE if failing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

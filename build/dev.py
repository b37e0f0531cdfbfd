"""The script for work on a checkout: makes its environment, then runs the program, tests or checks.

It uses the standard library only. It parses on Python 3.6, so that an old Python prints one clear
line instead of a SyntaxError; its types and paths are written in the way of that version.
`environment.py`, in the same folder, installs the environment.
"""

import os
import shutil
import subprocess
import sys
from typing import List, Tuple

from environment import (
    LOCK_SUFFIX,
    PYTHON_MIN,
    ROOT,
    ProblemError,
    child_environment,
    default_venv,
    digest_of,
    ensure,
    install,
    is_ours,
    lock_file,
    make_venv,
    read_stamp,
    run_for_output,
    say,
    venv_folder,
    venv_python,
    version,
    write_stamp,
)

LINES_MAX = 400
"""Most lines of a file that is written by hand."""
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
"""The tests of a file share its fixtures. tests/conftest.py puts the files that take long first;
more than four processes only wait for the disk."""
LOCK_HEAD = "# Written by `python3 build/dev.py lock`; do not edit.\n"
EXIT_USAGE = 2
EXIT_SETUP = 3

HELP = """\
Runs this checkout; Python 3.11 or newer is all that is needed.

  demo [ARGS]         show the program at work on a real database
  test [PYTEST ARGS]  run the tests; `test -k backup`, `test tests/wire`, `test -m soak`
  check               check style, types, layers, generated files and file lengths
  torture [--minutes N] [--seed S]
                      test with random writes, backups, restores, kills and failing disks
  package             make what is shipped in dist/: folder, archives, wheel, npm package, lists
  hosts               compile the Tauri host and try it in a window under a virtual screen
  lock [UV ARGS]      write build/locks again from pyproject.toml; `lock --upgrade` takes newer ones
  clean               remove what these commands created

The first run makes .venv in the checkout and fetches the packages in build/locks; later runs start
at once. SIM_SIDECAR_VENV=FOLDER puts the environment elsewhere. Start with: demo
"""


def demo(words: List[str]) -> int:
    """Run `sim-sidecar demo` in the current folder, which file names in `words` are relative to."""
    # -P: a folder named sidecar in the current folder must not be imported.
    return become([ensure("run"), "-P", "-m", "sidecar", "demo", *words])


def test(words: List[str]) -> int:
    """Run the tests: all of them in several processes, selected ones as pytest does."""
    python = ensure("test")
    os.chdir(ROOT)
    return become([python, "-m", "pytest", *(words or SIDE_BY_SIDE)])


def check(words: List[str]) -> int:
    """Run every check, also after one has failed, and report those that failed."""
    if words:
        say("check takes no arguments.")
        return EXIT_USAGE
    python = ensure("check")
    # As the command lint-imports does, whose script differs from system to system.
    layers = "from importlinter.cli import lint_imports as run; raise SystemExit(run({}))"
    layers = layers.format("no_cache=True, no_logo=True")
    steps = [
        ("style", ["-m", "ruff", "check", "."]),
        ("format", ["-m", "ruff", "format", "--check", "."]),
        ("types", ["-m", "mypy"]),
        ("layers", ["-c", layers]),
        ("generated files", [os.path.join("build", "generate.py"), "--check"]),
        ("published contract", [os.path.join("build", "published.py"), "--check"]),
        ("cost of a start", ["-m", "tests.bench.start"]),
    ]
    if shutil.which("node"):  # else pyright would fetch one
        steps.append(("types, as pyright sees them", ["-m", "pyright"]))
    else:
        say("skipped pyright: there is no Node to run it")
    failed = []
    for name, step in steps:
        say(name)
        if subprocess.call([python, *step], cwd=ROOT, env=child_environment()):
            failed.append(name)
    say("file lengths")
    for path, lines in long_files():
        failed.append("file lengths")
        say(f"{path} has {lines} lines, {LINES_MAX} are allowed: split it.")
    say("failed: " + ", ".join(dict.fromkeys(failed)) if failed else "all checks passed.")
    return 1 if failed else 0


def long_files() -> List[Tuple[str, int]]:
    """Return the Python files that are too long, with their number of lines."""
    found = []
    for top in ("sidecar", "build", "tests"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith(".py"):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as file:
                        found.append((os.path.relpath(path, ROOT), len(file.readlines())))
    return [(path, lines) for path, lines in found if lines > LINES_MAX]


def lock(words: List[str]) -> int:
    """Write the locks again: `check` first, then the others, which must agree with it."""
    folder = tool_folder("lock", ["lock"])
    agreeing = ["--constraint", os.path.join("build", "locks", "check.txt")]
    extras = ["--extra", "keyring", "--extra", "remote"]
    sources = {
        "check": ["pyproject.toml", "--extra", "test", "--extra", "check"],
        "test": ["pyproject.toml", "--extra", "test", *agreeing],
        "run": ["pyproject.toml", *agreeing],
        "build": ["--group", "pyproject.toml:build", *agreeing],
        "package": ["pyproject.toml", *extras, "--group", "package", *agreeing],
        "s3": ["--group", "pyproject.toml:s3", *agreeing],
        "lock": ["--group", "pyproject.toml:lock", *agreeing],
    }
    quiet = ["--quiet", "--no-annotate", "--no-header", "--no-emit-index-url"]
    wanted = ["--universal", "--generate-hashes", "--python-version", "3.11", *quiet]
    for name, source in sources.items():
        path = lock_file(name)
        command = [venv_python(folder), "-m", "uv", "pip", "compile", *wanted, *source, *words]
        code, output = run_for_output([*command, "--output-file", path], ROOT)
        if code:
            raise ProblemError(f"no lock {name}: {output.strip()}")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(LOCK_HEAD + text.replace(LOCK_HEAD, ""))
        say("wrote " + os.path.relpath(path, ROOT))
    return 0


def tool_folder(name: str, locks: List[str]) -> str:
    """Make an environment of its own for a tool from these locks, and return its folder."""
    folder = os.path.join(ROOT, ".cache", name)
    current = digest_of([lock_file(each) for each in locks])
    if read_stamp(folder).get("locks") != current:
        shutil.rmtree(folder, ignore_errors=True)
        make_venv(folder)
        for each in locks:
            install(folder, each)
        write_stamp(folder, {"locks": current})
    return folder


def package(words: List[str]) -> int:
    """Make everything that is shipped for this platform in dist/."""
    if words:
        say("package takes no arguments.")
        return EXIT_USAGE
    # An environment of its own: the tools must never become packages that the product needs.
    folder = tool_folder(os.path.join("package", "environment"), ["build", "package"])
    return become([venv_python(folder), os.path.join(ROOT, "build", "package.py")])


def hosts(words: List[str]) -> int:
    """Compile the Tauri host and use its window; pictures of it are kept in dist/hosts."""
    if words:
        say("hosts takes no arguments.")
        return EXIT_USAGE
    return become([ensure("run"), os.path.join(ROOT, "build", "hosts.py")])


def torture(words: List[str]) -> int:
    """Run the torture test on a real process: `torture --minutes N --seed S`."""
    python = ensure("test")
    os.chdir(ROOT)
    return become([python, "-m", "tests.torture", *words])


def clean(words: List[str]) -> int:
    """Remove what these commands created, but no environment that a person has made."""
    if words:
        say("clean takes no arguments.")
        return EXIT_USAGE
    made = [os.path.join(ROOT, name) for name in (".cache", "dist", ".hypothesis")]
    if is_ours(venv_folder()):
        made.append(venv_folder())
    for top in ("sidecar", "build", "tests", "schema"):
        made += [at for at, _, _ in os.walk(os.path.join(ROOT, top)) if at.endswith("__pycache__")]
    for folder in made:
        if os.path.isdir(folder):
            shutil.rmtree(folder)
            say("removed " + folder)
    if os.path.isfile(default_venv() + LOCK_SUFFIX):
        os.remove(default_venv() + LOCK_SUFFIX)
    return 0


def become(command: List[str]) -> int:
    """Replace this process by another program, which gets its signals and sets its exit code."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], command, child_environment())
    process = subprocess.Popen(command, env=child_environment())
    while True:  # Windows has no exec; Ctrl-C reaches the child as well, which handles it
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def with_newer_python(words: List[str]) -> int:
    """Run this script with a Python that is new enough, or report that there is none."""
    for name in ("python3.13", "python3.12", "python3.11", "python3.14", "python3", "python"):
        path = shutil.which(name)
        ask = f"import sys; sys.exit(sys.version_info < {PYTHON_MIN})"
        if path and subprocess.call([path, "-c", ask], stderr=subprocess.DEVNULL) == 0:
            return become([path, os.path.abspath(__file__), *words])
    say(f"Python 3.11 or newer is needed, this is {version()}; install one, then run this again.")
    return EXIT_SETUP


COMMANDS = {
    "demo": demo,
    "test": test,
    "check": check,
    "torture": torture,
    "package": package,
    "hosts": hosts,
    "lock": lock,
    "clean": clean,
}


def main(words: List[str]) -> int:
    """Run one command and return its exit code."""
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0
    if words[0] not in COMMANDS:
        say(f"there is no command {words[0]!r}; there are: {', '.join(COMMANDS)}.")
        return EXIT_USAGE
    if sys.version_info < PYTHON_MIN:
        return with_newer_python(words)
    try:
        return COMMANDS[words[0]](words[1:])
    except ProblemError as problem:
        say(str(problem))
        return EXIT_SETUP


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

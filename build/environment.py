"""Makes the virtual environment in which `dev.py` runs its commands.

It uses the standard library only and parses on Python 3.6, like `dev.py`, which imports it.

The environment has exactly the packages in `build/locks`, each checked by its hash. Nothing is
built in isolation, because the build tools would then not be locked. A stamp in the environment
has the hashes of the locks and of `pyproject.toml`; while they are the same a run reads a few files
only.
"""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import BinaryIO, Dict, Iterator, List, Sequence, Tuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOCKS = os.path.join(ROOT, "build", "locks")
VENV_VARIABLE = "SIM_SIDECAR_VENV"
LOCK_SUFFIX = ".lock"
STAMP_NAME = "sim-sidecar.json"
PYTHON_MIN = (3, 11)
LEVELS = ("run", "test", "check")
"""The levels of an environment; the lock of each has all packages of the one before it."""

NO_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeout",
    "ReadTimeout",
    "ProxyError",
    "SSLError",
    "Connection refused",
    "getaddrinfo failed",
    "Network is unreachable",
)


class ProblemError(Exception):
    """The environment cannot be made; the text is one line for the person."""


def say(text: str) -> None:
    """Print a line to stderr; stdout is for the program that is started."""
    sys.stderr.write(f"dev.py: {text}\n")
    sys.stderr.flush()


def default_venv() -> str:
    """Return the folder of the environment when no other is given."""
    return os.path.join(ROOT, ".venv")


def venv_folder() -> str:
    """Return the folder of the environment."""
    given = os.environ.get(VENV_VARIABLE, "")
    return os.path.abspath(os.path.expanduser(given)) if given else default_venv()


def venv_python(folder: str) -> str:
    """Return the interpreter of an environment."""
    parts = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(folder, *parts)


def child_environment() -> Dict[str, str]:
    """Return the environment variables, without those that lead to another Python or pip."""
    omitted = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON")
    variables = {name: value for name, value in os.environ.items() if name not in omitted}
    variables["PIP_USER"] = "0"  # a user install is refused inside an environment
    variables["PYRIGHT_PYTHON_IGNORE_WARNINGS"] = "1"  # else it asks the network for a newer one
    return variables


def digest_of(paths: Sequence[str]) -> str:
    """Return a hash of files and of the checkout's folder, which the installation points to."""
    total = hashlib.sha256(ROOT.encode("utf-8", "surrogateescape"))
    for path in paths:
        with open(path, "rb") as file:
            total.update(hashlib.sha256(file.read()).digest())
    return total.hexdigest()


def lock_file(name: str) -> str:
    """Return the path of one lock."""
    return os.path.join(LOCKS, name + ".txt")


def read_stamp(folder: str) -> Dict[str, str]:
    """Return the stamp of an environment; empty when this script has not made it."""
    try:
        with open(os.path.join(folder, STAMP_NAME), encoding="utf-8") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(folder: str, stamp: Dict[str, str]) -> None:
    """Write the stamp of an environment atomically."""
    path = os.path.join(folder, STAMP_NAME)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(stamp, file)
    os.replace(path + ".new", path)


def ensure(level: str) -> str:
    """Install the environment for `level` if needed, and return its interpreter."""
    folder = venv_folder()
    if not wanting(folder, level):
        return venv_python(folder)
    try:
        if not os.path.exists(folder + LOCK_SUFFIX):
            refuse_others(folder)  # before the lock file is written next to it
        with only_one(folder):
            refuse_others(folder)
            if wanting(folder, level):  # else another run has installed it meanwhile
                complete(folder, level)
    except OSError as error:
        raise ProblemError(explain_os_error(error, folder)) from error
    return venv_python(folder)


def wanting(folder: str, level: str) -> List[str]:
    """Return what the environment lacks for `level`, of: locks, level, project."""
    stamp = read_stamp(folder)
    whole = os.path.exists(venv_python(folder)) and stamp.get("locks") == wanted_locks()
    reaches = whole and LEVELS.index(stamp.get("level", "run")) >= LEVELS.index(level)
    fresh = stamp.get("project") == wanted_project()
    found = {"locks": whole, "level": reaches, "project": fresh}
    return [name for name, is_there in found.items() if not is_there]


def wanted_locks() -> str:
    """Return the hash of the locks."""
    return digest_of([lock_file(name) for name in ("build", *LEVELS)])


def wanted_project() -> str:
    """Return the hash of the files that the installation of the checkout depends on."""
    package = os.path.join(ROOT, "sidecar", "__init__.py")
    return digest_of([os.path.join(ROOT, "pyproject.toml"), package])


def complete(folder: str, level: str) -> None:
    """Install what the environment lacks for `level`."""
    lacks = wanting(folder, level)
    level_before = read_stamp(folder).get("level", "run")
    foreign = is_foreign(folder)
    if "locks" in lacks and not foreign:
        make_venv(folder)
    now = {"locks": wanted_locks(), "level": level if "level" in lacks else level_before}
    if foreign:
        now["foreign"] = "yes"
    if "locks" in lacks:
        install(folder, "build")
    if "level" in lacks:
        install(folder, level)
    install_project(folder)
    write_stamp(folder, dict(now, project=wanted_project()))


@contextmanager
def only_one(folder: str) -> Iterator[None]:
    """Wait until no other run installs this environment, and keep others waiting.

    The lock file is next to the environment, which may be removed meanwhile. The lock of a run that
    dies is released.
    """
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    with open(folder + LOCK_SUFFIX, "a+b") as file:
        if not take(file):
            say(f"another run is making {folder}; waiting for it ...")
            while not take(file):
                time.sleep(0.2)
        yield


def take(file: BinaryIO) -> bool:
    """Lock a file until it is closed; return False when another process has locked it."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows only

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - POSIX only

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


def is_foreign(folder: str) -> bool:
    """Return whether a person has made this environment; it is then never removed."""
    stamp = read_stamp(folder)
    if "foreign" not in stamp and (stamp or not os.path.exists(os.path.join(folder, "pyvenv.cfg"))):
        return False
    ask = f"import sys, pip; sys.exit(sys.version_info < {PYTHON_MIN})"
    return quiet_call([venv_python(folder), "-I", "-c", ask])


def is_ours(folder: str) -> bool:
    """Return whether this script has made the environment, and may remove it."""
    stamp = read_stamp(folder)
    return bool(stamp) and "foreign" not in stamp


def quiet_call(command: Sequence[str]) -> bool:
    """Return whether a command runs and succeeds; its output is discarded."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def refuse_others(folder: str) -> None:
    """Raise when a folder has files but is no environment."""
    filled = os.path.isdir(folder) and os.listdir(folder)
    if filled and folder != default_venv() and not (is_ours(folder) or is_foreign(folder)):
        raise ProblemError(f"{folder} is no environment; name a new folder in {VENV_VARIABLE}.")


def make_venv(folder: str) -> None:
    """Make an empty environment; remove one that is old, broken or incomplete."""
    if os.path.isdir(folder) and os.listdir(folder):
        say(f"{folder} is out of date or incomplete; it is made again.")
        shutil.rmtree(folder)
    os.makedirs(folder, exist_ok=True)
    write_stamp(folder, {"level": "run"})  # so that an incomplete one is known to be ours
    say(f"making {folder} (once; fetches the packages in build/locks) ...")
    command = [sys.executable, "-m", "venv", folder]
    if not has_module("venv"):
        raise ProblemError(missing_part("venv"))
    if not has_module("ensurepip"):
        if not has_module("pip"):
            raise ProblemError(missing_part("ensurepip"))
        command.append("--without-pip")  # as Debian does; the pip of this Python installs into it
    code, output = run_for_output(command, ROOT)
    if code:
        raise ProblemError("the environment cannot be made: " + last_line(output))


def has_module(name: str) -> bool:
    """Return whether this Python has a module, tried in a child process."""
    return quiet_call([sys.executable, "-c", "import " + name])


def missing_part(name: str) -> str:
    """Return the text that says how to get a part of Python that the system's package omits."""
    return (
        f"this Python lacks {name}; on Debian and Ubuntu: apt install python{version()}-venv; "
        "elsewhere install a full Python 3.11 or newer, then run this again."
    )


def version() -> str:
    """Return major.minor of this Python."""
    return "{}.{}".format(*sys.version_info[:2])


# --- pip ------------------------------------------------------------------------------------


def install(folder: str, name: str) -> None:
    """Install the packages of one lock, each checked by its hash, and no others."""
    # Wheels only: building needs a compiler and runs code of the package. jsonrpcserver, which is
    # plain Python, has no wheel and is built by the build tools of the lock `build`.
    flags = ["--require-hashes", "--no-deps", "--use-pep517", "--no-build-isolation"]
    formats = ["--only-binary", ":all:", "--no-binary", "jsonrpcserver"]
    pip(folder, flags + formats + ["-r", lock_file(name)])


def install_project(folder: str) -> None:
    """Install the checkout itself as an editable package, compiled as pip compiles others."""
    pip(folder, ["--no-index", "--no-deps", "--no-build-isolation", "-e", ROOT])
    # Where PYTHONDONTWRITEBYTECODE is set, every start would compile the program again: 0.1 s.
    quiet_call([venv_python(folder), "-m", "compileall", "-q", os.path.join(ROOT, "sidecar")])


def pip(folder: str, words: Sequence[str]) -> None:
    """Run `pip install`; its output goes to a file, an explanation of a failure to the person."""
    python = venv_python(folder)
    command = [python, "-I", "-m", "pip"]
    if not quiet_call([python, "-I", "-c", "import pip"]):
        command = [sys.executable, "-m", "pip", "--python", python]
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2"]
    code, output = run_for_output([*command, "install", *options, *words], folder)
    path = os.path.join(folder, "install.log")
    with open(path, "a", encoding="utf-8") as log:
        log.write(output)
    if code:
        raise ProblemError(f"{explain_pip(output)} (All output of pip: {path})")


def run_for_output(command: Sequence[str], folder: str) -> Tuple[int, str]:
    """Run a command in a folder and return its exit code and its output."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=child_environment(),
        cwd=folder,
        check=False,
    )
    return done.returncode, done.stdout


def explain_pip(output: str) -> str:
    """Return one line that says what a failure of pip means and what helps."""
    if any(sign in output for sign in NO_NETWORK):
        return (
            "the package index cannot be reached; connect, or name a mirror in PIP_INDEX_URL or "
            "a folder of packages in PIP_FIND_LINKS, then run this again."
        )
    if "DO NOT MATCH THE HASHES" in output:
        return (
            "a fetched package is not the one that is locked; check your mirror or proxy, "
            "then run this again."
        )
    if "No matching distribution found" in output:
        missing = output.rpartition("No matching distribution found for ")[2].split()[0]
        return (
            f"there is no wheel of {missing} for Python {version()} on this system; "
            "try another Python, 3.11 to 3.13."
        )
    if "Errno 28" in output:
        return "the disk is full; free some space, then run this again."
    return "pip failed: " + last_line(output)


def explain_os_error(error: OSError, folder: str) -> str:
    """Return one line that says why the environment's folder cannot be written."""
    return (
        f"{folder} cannot be written ({error.strerror or error}); name another folder in "
        f"{VENV_VARIABLE}, or close the programs that use it, then run this again."
    )


def last_line(output: str) -> str:
    """Return the last line that is not empty; the last error if there is one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ") or "Error: " in line]
    return (errors or lines or ["it has printed nothing."])[-1]

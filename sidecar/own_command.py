"""The command and the environment with which this program starts another process of itself.

They depend on how the program was started: from a bundle, whose executable is the program; from an
environment with an installed wheel or checkout; or by `python -m sidecar` with the package in the
current folder or in a folder of PYTHONPATH.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Final

import sidecar


def is_bundled() -> bool:
    """Return whether the program runs from a bundle, which has no interpreter of its own."""
    return bool(getattr(sys, "frozen", False))


def own_command(*words: str) -> list[str]:
    """Return the command that runs this program with these words in another process.

    Such a process must get the variables of `own_environment`.
    """
    if is_bundled():
        return [sys.executable, *words]
    # -P: a folder called sidecar in the current folder must not be taken for the product.
    options = ["-P", *["-O"] * sys.flags.optimize]
    if sys.flags.no_user_site:
        options.append("-s")
    if sys.flags.dont_write_bytecode:
        options.append("-B")
    return [sys.executable, *options, "-m", "sidecar", *words]


def own_environment() -> dict[str, str]:
    """Return the environment of this process, changed so that another imports the same package.

    The variables that this interpreter ignores (-I, -E) are left out, because with the option
    itself the other process would ignore the folder of the package too.
    """
    variables = dict(os.environ)
    if is_bundled():
        return variables
    if sys.flags.ignore_environment:
        variables = {name: text for name, text in variables.items() if name[:6] != "PYTHON"}
    home = str(Path(sidecar.__file__).parents[1])
    others = variables.get("PYTHONPATH")
    variables["PYTHONPATH"] = os.pathsep.join([home, others] if others else [home])
    return variables


_LIBRARIES: Final = "LD_LIBRARY_PATH"


def others_environment() -> dict[str, str]:
    """Return the environment of another program: as this one was given it.

    The executable of a bundle has added variables for itself. With its LD_LIBRARY_PATH another
    program would load the bundle's libraries in place of those of the system.
    """
    if not is_bundled():
        return dict(os.environ)
    own = str(Path(sys.executable).with_name("_internal"))
    variables = {name: text for name, text in os.environ.items() if not name.startswith("_PYI_")}
    folders = variables.pop(_LIBRARIES, "").split(os.pathsep)
    variables.pop(f"{_LIBRARIES}_ORIG", None)
    if others := os.pathsep.join(folder for folder in folders if folder not in ("", own)):
        variables[_LIBRARIES] = others
    return variables


_REMOTE_VARIABLE: Final = "SIM_SIDECAR_REMOTE"
"""The environment variable that names the folder of the extra `remote`, which the npm package of
the client sets."""

_COURIER_VARIABLES: Final = frozenset(
    {
        "PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
        "WINDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
        "ALL_PROXY", _REMOTE_VARIABLE,
    }
)  # fmt: skip
"""The variables that a courier gets, in capitals: those that a program needs to start, and those
of the system's certificates and proxies. Others could give it credentials or another address."""


def courier_environment() -> dict[str, str]:
    """Return the environment of a courier: a few variables of `own_environment`."""
    given = own_environment()
    return {name: text for name, text in given.items() if name.upper() in _COURIER_VARIABLES}


def remote_folders() -> list[str]:
    """Return the folders where a bundle looks for the library of the extra `remote`.

    That is the folder `remote` beside the program, where the archive of the extra is unpacked, and
    the folder that the environment names. In a Python environment it is installed like any other
    package.
    """
    if not is_bundled():
        return []
    named = os.environ.get(_REMOTE_VARIABLE, "")
    return [str(Path(sys.executable).with_name("remote")), *[named] * Path(named).is_absolute()]


def typed_command() -> str:
    """Return the command with which a person starts this program: its name, path or module."""
    if shutil.which("sim-sidecar"):
        return "sim-sidecar"
    if is_bundled():
        return f'"{sys.executable}"'
    installed = Path(sys.executable).with_name("sim-sidecar")
    if installed.exists() or installed.with_suffix(".exe").exists():
        return f'"{installed}"'
    return f'"{sys.executable}" -m sidecar'

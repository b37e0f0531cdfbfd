"""Makes the folder of the extra `remote`, which a bundle without the library of its own looks into.

It is the package `obstore` as the lock has it, without what the courier does not import, and is
shipped apart from the program, because most hosts have no use for its 15 MB.
"""

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import package_archives as archives
import package_contents as contents

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "obstore"
FILES = ("__init__.py", "store.py", "_obstore.*.so", "_obstore.pyd", "_obstore.*.pyd")
"""What the courier imports; the rest are stubs for editors, and ways to sign in to clouds."""
OWN_LICENCE = "obstore.txt"
"""The file in licences/ with what the package itself lacks."""


def part() -> contents.Part:
    """Return the library as a part, with its licence and those of the crates in it.

    Raises:
        contents.Unknown: a crate has no licence text.
    """
    described = contents.of_package(metadata.distribution(LIBRARY))
    own = (contents.LICENCES / OWN_LICENCE).read_text(encoding="utf-8")
    whole = described._replace(licence="MIT", texts=[(OWN_LICENCE, own)])
    return contents.with_crate_licences(whole)


def make(folder: Path, manifest: dict[str, Any], epoch_s: int) -> None:
    """Make the folder; `manifest` is that of the program, which it shares most facts with.

    Raises:
        contents.Unknown: a crate has no licence text.
    """
    source = Path(str(metadata.distribution(LIBRARY).locate_file(LIBRARY)))
    target = folder / LIBRARY
    target.mkdir(parents=True)
    for path in sorted({path for pattern in FILES for path in source.glob(pattern)}):
        shutil.copyfile(path, target / path.name)
    library = part()
    name = f"{manifest['name']}-remote"
    kept = ("version", "commit", "triple", "tested_on_this_platform", "os", "cpu", "libc")
    facts = {
        "name": name,
        **{key: manifest[key] for key in kept if key in manifest},
        "glibc_floor": contents.glibc_floor(folder),
        "parts": {library.name: library.version},
    }
    bill = contents.sbom(name, manifest["version"], [library], epoch_s)
    for file, value in (("manifest.json", facts), ("sbom.cdx.json", bill)):
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "THIRD-PARTY-LICENCES.txt").write_text(contents.licences([library]), encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", folder)
    archives.set_modes(folder)

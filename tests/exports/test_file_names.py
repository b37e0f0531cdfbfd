"""Names of files that are made of names of workflows."""

import pytest

from sidecar.exports.file_names import FileNames, safe_stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mail", "Mail"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a\\b/c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com¹", "_com¹"),
        ("Console", "Console"),
        ("ends. . ", "ends"),
        (" ... ", "workflow"),
        ("-rf", "rf"),
        ("-.profile", "profile"),
        ("~ ._a", "_a"),
        ("~", "workflow"),
        ("\0\n\u202egnp.exe", "___gnp.exe"),
        ("u\u0308", "ü"),
        ("日本語", "日本語"),
        ("ü" * 100, "ü" * 60),
    ],
)
def test_the_name_of_a_workflow_becomes_a_name_that_every_system_takes(
    name: str, expected: str
) -> None:
    assert safe_stem(name) == expected


def test_two_workflows_get_two_names_whatever_their_case() -> None:
    names = FileNames("manifest.json")

    found = [names.name_for(name, ".json") for name in ("Straße", "STRASSE", "Manifest", "straße")]

    assert found == ["Straße.json", "STRASSE (2).json", "Manifest (2).json", "straße (3).json"]

"""Recovery codes as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import WrongPassphrase
from sidecar.vault import recovery_code


def read(text: str) -> bytes:
    """What a written code says."""
    return bytes(recovery_code.parse_code(bytearray(text.encode())))


@given(st.binary(min_size=20, max_size=20))
def test_what_is_written_is_read_back_however_it_is_typed(code: bytes) -> None:
    text = recovery_code.format_code(code)

    assert [len(group) for group in text.split("-")] == [4] * 9
    assert read(text) == code
    assert read(text.lower().replace("-", " ")) == code
    assert read(text.replace("-", "").replace("0", "o").replace("1", "l")) == code


def test_a_slip_of_the_pen_is_seen_before_anything_is_derived() -> None:
    text = recovery_code.format_code(bytes(range(20)))
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    for at, letter in enumerate(text):
        if letter == "-":
            continue
        other = letters[(letters.index(letter) + 1) % 32]
        with pytest.raises(WrongPassphrase):
            read(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize("text", ["", "AAAA", "U" * 36, "0" * 35, "0" * 37, "ü" * 36])
def test_what_is_no_code_is_a_wrong_one(text: str) -> None:
    with pytest.raises(WrongPassphrase):
        read(text)

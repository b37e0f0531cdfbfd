"""Recovery codes as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import WrongPassphrase
from sidecar.vault import recovery_code


def parse(text: str) -> bytes:
    """Return the bytes of a code that is given as text."""
    return bytes(recovery_code.parse_code(bytearray(text.encode())))


@given(st.binary(min_size=20, max_size=20))
def test_a_code_is_read_back_however_it_is_typed(code: bytes) -> None:
    text = recovery_code.format_code(code)

    assert [len(group) for group in text.split("-")] == [4] * 9
    assert parse(text) == code
    assert parse(text.lower().replace("-", " ")) == code
    assert parse(text.replace("-", "").replace("0", "o").replace("1", "l")) == code


def test_a_typing_mistake_is_found_before_any_key_is_derived() -> None:
    text = recovery_code.format_code(bytes(range(20)))
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    for at, letter in enumerate(text):
        if letter == "-":
            continue
        other = letters[(letters.index(letter) + 1) % 32]
        with pytest.raises(WrongPassphrase):
            parse(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize("text", ["", "AAAA", "U" * 36, "0" * 35, "0" * 37, "ü" * 36])
def test_text_that_is_no_recovery_code_is_refused(text: str) -> None:
    with pytest.raises(WrongPassphrase):
        parse(text)

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store import codec

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.binary(max_size=5000))
def test_what_is_packed_comes_back(body: bytes) -> None:
    packed = codec.pack(body)
    assert codec.unpack(packed.data, packed.sha256, packed.size_bytes) == body
    assert codec.unpack(packed.data, packed.sha256) == body
    assert packed.size_bytes == len(body)
    assert packed.stored_bytes == len(packed.data)


@given(st.binary(max_size=500), st.binary(max_size=500))
def test_a_cell_holds_the_body_that_was_packed_and_no_other(body: bytes, other: bytes) -> None:
    data = codec.pack(body).data

    assert codec.holds(data, body)
    assert codec.holds(data, other) == (body == other)
    assert not codec.holds(data, body + b" ")
    assert not codec.holds(None, body)


def test_any_gzip_reader_opens_it() -> None:
    body = b'{"nodes": [1, 2, 3]}' * 50
    assert gzip.decompress(codec.pack(body).data) == body


def test_packing_says_nothing_of_when_and_where() -> None:
    header = codec.pack(b"{}").data[:10]
    assert header[3] == 0, "no name, no comment"
    assert header[4:8] == bytes(4), "no time"


def test_zlib_stands_in_for_igzip_and_reads_what_it_wrote() -> None:
    body = b'{"a": "' + b"x" * 1000 + b'"}'
    compress, decompressor = codec._bind(zlib, limits.ZLIB_LEVEL)
    assert decompressor().decompress(codec.pack(body).data, len(body)) == body
    by_zlib = compress(body)
    assert by_zlib[4:8] == bytes(4)
    assert codec.unpack(by_zlib, codec.fingerprint(body), len(body)) == body


def test_every_cut_is_damage() -> None:
    packed = codec.pack(b'{"a": [1, 2, 3, 4, 5]}')
    for length in range(len(packed.data)):
        with pytest.raises(DatabaseDamaged):
            codec.unpack(packed.data[:length], packed.sha256, packed.size_bytes)


@given(st.data())
def test_every_flipped_bit_is_damage_or_the_same_body(data: st.DataObject) -> None:
    body = b'{"name": "some workflow", "nodes": [1, 2, 3]}'
    packed = codec.pack(body)
    place = data.draw(st.integers(0, len(packed.data) * 8 - 1))
    spoiled = bytearray(packed.data)
    spoiled[place // 8] ^= 1 << (place % 8)
    try:
        found = codec.unpack(bytes(spoiled), packed.sha256, packed.size_bytes)
    except DatabaseDamaged:
        assert not codec.holds(bytes(spoiled), body)
        return
    assert codec.holds(bytes(spoiled), body)
    assert found == body, "a bit of the gzip header that means nothing"


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_damage(data: bytes) -> None:
    with pytest.raises(DatabaseDamaged):
        codec.unpack(data, bytes(32), 10)


@pytest.mark.parametrize("tail", [b"x", b"\0" * 8, gzip.compress(b"more", mtime=0)])
def test_bytes_behind_the_member_are_damage(tail: bytes) -> None:
    packed = codec.pack(b"[1]")
    with pytest.raises(DatabaseDamaged):
        codec.unpack(packed.data + tail, packed.sha256, packed.size_bytes)


def test_a_wrong_size_or_hash_is_damage() -> None:
    packed = codec.pack(b"[1, 2]")
    for sha256, size in ((bytes(32), 6), (packed.sha256, 5), (packed.sha256, 7)):
        with pytest.raises(DatabaseDamaged):
            codec.unpack(packed.data, sha256, size)


def test_a_bomb_does_not_grow_past_what_its_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(50 * limits.MIB))
    grown: list[int] = []

    class Watching:
        def __init__(self) -> None:
            self.inner = zlib.decompressobj(31)

        def decompress(self, data: bytes, most: int) -> bytes:
            body = self.inner.decompress(data, most)
            grown.append(len(body))
            return body

        @property
        def eof(self) -> bool:
            return self.inner.eof

        @property
        def unused_data(self) -> bytes:
            return self.inner.unused_data

    monkeypatch.setattr(codec, "_decompressor", Watching)
    for size in (1000, None):
        with pytest.raises(DatabaseDamaged):
            codec.unpack(bomb, bytes(32), size)
    assert grown == [1001, limits.BODY_MAX_BYTES + 1]

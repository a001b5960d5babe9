"""Field blocks of HTTP/2: the bytes, the fields and the errors are hpack's."""

from __future__ import annotations

from typing import Any

from hpack import Decoder, Encoder, HPACKError, NeverIndexedHeaderTuple
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.h2_fields import FieldDecoder, FieldEncoder

names = st.sampled_from([b":method", b":path", b"accept", b"cookie", b"x-a", b"x-b", b"x-c"])
values = st.sampled_from([b"", b"GET", b"/", b"1", b"2", b"3", b"long" * 30])
fields = st.one_of(
    st.tuples(names, values),
    st.builds(NeverIndexedHeaderTuple, names, values),
    st.tuples(names, values, st.booleans()),
    st.tuples(st.just("x-a"), st.sampled_from(["1", "2"])),
)
blocks = st.lists(fields, max_size=8)
#: A block, or a new size of the table.
steps = st.lists(st.one_of(blocks, st.sampled_from([0, 40, 100, 200, 4096])), max_size=25)


@given(steps)
@example([[(b"x-a", b"long" * 30)], 100, [(b"x-a", b"long" * 30)] * 2, [(b"x-a", b"1")] * 2])
def test_what_is_written(steps: list[Any]) -> None:
    ours, theirs = FieldEncoder(), Encoder()
    for step in steps:
        if isinstance(step, int):
            ours.header_table_size = theirs.header_table_size = step
        else:
            assert ours.encode(step) == theirs.encode(step)
            assert ours.header_table.dynamic_entries == theirs.header_table.dynamic_entries


def test_many_fields_that_come_and_go() -> None:
    ours, theirs = FieldEncoder(), Encoder()
    for number in range(1000):
        block = [(b"x-a", b"%d" % (number % 150)), (b"x-%d" % number, b""), (b"x-b", b"1")]
        assert ours.encode(block) == theirs.encode(block)
    assert len(ours.header_table._numbers) < 500  # type: ignore[attr-defined]


def read(decoder: Decoder, block: bytes, raw: bool) -> tuple[str, Any]:
    """Return the fields, of which each says whether it may be indexed, or the error."""
    try:
        found = list(decoder.decode(block, raw))
    except HPACKError as error:
        return type(error).__name__, None
    return "fields", [(type(field), *field, field.indexable) for field in found]


@given(steps, st.lists(st.binary(max_size=6), max_size=4), st.booleans(), st.integers(0, 400))
@example([[(b"x-a", b"1")]], [b"\xbe", b"\x82\x3f\x00", b"\x82\xff\x00", b"\x80"], True, 400)
@example([], [b"\x82\x84\x40\x01a\x01b\xbe"], True, 130)
def test_what_is_read(steps: list[Any], more: list[bytes], raw: bool, most: int) -> None:
    encoder = Encoder()
    ours, theirs = FieldDecoder(), Decoder()
    ours.max_header_list_size = theirs.max_header_list_size = most
    said = []
    for step in steps:
        if isinstance(step, int):
            encoder.header_table_size = step
            ours.max_allowed_table_size = theirs.max_allowed_table_size = step
        else:
            said.append(encoder.encode(step))
    for block in [*said, *more]:
        found = read(ours, block, raw)
        assert found == read(theirs, block, raw)
        if found[0] != "fields":
            return  # the connection ends with that
        assert ours.header_table.dynamic_entries == theirs.header_table.dynamic_entries

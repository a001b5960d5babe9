"""Field blocks of HTTP/2 (RFC 7541): hpack's, with short ways for what was said before.

A field that both ends know takes a byte.  hpack finds it by looking through the table, and
logs each step; here it is looked up, and whatever else a block holds is left to hpack.  The
bytes are the same, and so are the errors.

Invariants
    A field's number is how many had been added when it was.  It is still in the table if no
    more were added since than the table holds.

Read next: h2_streams.py
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from hpack import Decoder, Encoder, HeaderTuple, OversizedHeaderListError
from hpack.table import HeaderTable

__all__ = ["FieldDecoder", "FieldEncoder", "FieldTable"]

Found: TypeAlias = "tuple[int, bytes, bytes | None] | None"

_STATIC_FIELDS = [HeaderTuple(*field) for field in HeaderTable.STATIC_TABLE]
_STATIC = {field: index for index, field in enumerate(HeaderTable.STATIC_TABLE, 1)}
_FIRST_OWN = len(HeaderTable.STATIC_TABLE) + 1
#: Indices up to this one take one byte (section 5.1).
_MOST = 126
_BYTES = [bytes([0x80 | index]) for index in range(_MOST + 1)]
#: What a field counts besides its letters (section 4.1).
_EXTRA = 32
#: Numbers of fields that are gone are kept until there are so many more than fields.
_STALE = 64


class FieldTable(HeaderTable):
    """hpack's table, in which a field is found without looking at the others."""

    def __init__(self) -> None:
        super().__init__()
        self._added = 0
        self._numbers: dict[tuple[bytes, bytes], int] = {}

    def add(self, name: bytes, value: bytes) -> None:
        """Add a field, for which others may have to go."""
        super().add(name, value)
        self._added += 1
        self._numbers[name, value] = self._added
        if len(self._numbers) > 2 * len(self.dynamic_entries) + _STALE:
            oldest = self._added - len(self.dynamic_entries)
            self._numbers = {field: n for field, n in self._numbers.items() if n > oldest}

    def index_of(self, field: Any) -> int:
        """Return the index of *field*, a name and a value; 0 if it is not there."""
        return _STATIC.get(field) or self.own_index_of(field)

    def own_index_of(self, field: Any) -> int:
        """Return the index of *field* if it has been added, and is still there; else 0."""
        number = self._numbers.get(field)
        if number is None or (place := self._added - number) >= len(self.dynamic_entries):
            return 0
        return _FIRST_OWN + place

    def search(self, name: bytes, value: bytes) -> Found:
        """Return an index, the name, and the value if that is there as well; see hpack."""
        index = self.index_of((name, value))
        if index:
            return index, name, value
        named = self.STATIC_TABLE_MAPPING.get(name)
        return super().search(name, value) if named is None else (named[0], name, None)


class FieldEncoder(Encoder):
    """Writes blocks, a byte for every field that has been said before."""

    def __init__(self) -> None:
        super().__init__()
        self.header_table = self._fields = FieldTable()

    def encode(self, headers: Iterable[Any], huffman: bool = True) -> bytes:
        """Return *headers* as a block."""
        table = self._fields
        if table.resized or isinstance(headers, dict):
            return super().encode(headers, huffman)
        block = []
        for field in headers:
            index = _STATIC.get(field) or table.own_index_of(field)
            if 0 < index <= _MOST:
                block.append(_BYTES[index])
            else:
                block.append(super().encode((field,), huffman))
        return b"".join(block)


class _ReadTable(HeaderTable):
    """hpack's table, which holds its fields the way they are returned."""

    def add(self, name: bytes, value: bytes) -> None:
        super().add(name, value)
        if self.dynamic_entries:
            self.dynamic_entries[0] = HeaderTuple(*self.dynamic_entries[0])


class FieldDecoder(Decoder):
    """Reads blocks, from a byte for every field that has been said before."""

    def __init__(self) -> None:
        super().__init__()
        self.header_table = _ReadTable()

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """Return the fields of a block.

        Raises:
            HPACKError: it is malformed, or longer than ``max_header_list_size``.
        """
        if not raw or self.header_table_size > self.max_allowed_table_size:
            return super().decode(data, raw)
        fields: list[HeaderTuple] = []
        left = most = self.max_header_list_size
        own: Any = self.header_table.dynamic_entries
        place = 0
        for byte in data:
            if not 0x80 < byte <= 0x80 | _MOST:
                break
            index = byte & 0x7F
            if index < _FIRST_OWN:
                field = _STATIC_FIELDS[index - 1]
            elif index - _FIRST_OWN < len(own):
                field = own[index - _FIRST_OWN]
            else:
                break  # an index of nothing, which hpack complains of
            fields.append(field)
            left -= len(field[0]) + len(field[1]) + _EXTRA
            if left < 0:
                raise OversizedHeaderListError(f"a header list is larger than {most}")
            place += 1
        if place == len(data):
            return fields
        if not fields or data[place] & 0xE0 == 0x20:  # which must not follow a field
            return super().decode(data, raw)
        self.max_header_list_size = left
        try:
            return [*fields, *super().decode(data[place:], raw)]
        finally:
            self.max_header_list_size = most

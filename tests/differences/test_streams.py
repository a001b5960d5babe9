"""Differences of streams."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .conftest import Cell


def test_overlapping_reads(cell: Cell) -> None:
    async def twice(reader: Any) -> bytes:
        return bytes(await reader.read(100) + await reader.read(100))

    async def after_one_that_was_cancelled(reader: Any) -> bytes | None:
        first = asyncio.ensure_future(reader.read(100))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await reader.read(100)
        first.cancel()
        asyncio.get_running_loop().call_soon(reader.feed_data, b"1")
        try:
            return bytes(await reader.read(100))
        except RuntimeError:
            await asyncio.wait([first])
            return None

    async def while_one_goes_on_without_data(reader: Any) -> bytes | None:
        first = asyncio.ensure_future(reader.read(100))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(twice(reader))
        reader.feed_data(b"1")  # the second is next: it takes that, and waits
        assert await first == b""
        reader.feed_data(b"2")
        for _ in range(3):
            await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        return None if second.cancelled() else second.result()

    async def main() -> list[bytes | None]:
        readers = [cell.names.StreamReader() for _ in range(2)]
        return [
            await after_one_that_was_cancelled(readers[0]),
            await while_one_goes_on_without_data(readers[1]),
        ]

    assert cell.run(main) == ([b"1", b"12"] if cell.our_names else [None, None])

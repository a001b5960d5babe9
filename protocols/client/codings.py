"""One content coding at a time, undone in bounded pieces: gzip, deflate, br, zstd.

The first two are zlib's.  br needs the package brotli (1.2, which knows a limit for what
comes out); zstd is in Python's own library from 3.14 on, in backports.zstd as it is there,
or in zstandard.  What cannot be undone here is not offered to servers.

Invariants, of every stage
    ``decode`` yields no piece over `PIECE` bytes, and makes the next one when asked for it
    ``finish`` raises unless the coding is complete; nothing at all is complete

Read next: decompression.py
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .errors import DecodingFailed

__all__ = ["CODINGS", "PIECE", "Stage", "available"]

PIECE = 64 * 1024
#: What a zstd decoder may be asked to remember, as a power of two (RFC 9659).
ZSTD_WINDOW = 23
#: zstandard knows no limit for what comes out.  Four bytes may be a block, and a block 128 KiB.
ZSTD_SLICE = 64


class Stage(Protocol):
    """Undoes one coding."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* stands for, in pieces.

        Raises:
            DecodingFailed: it is not of this coding.
        """

    def finish(self) -> None:
        """Raise DecodingFailed if the body ends too early."""


def _unfinished() -> DecodingFailed:
    return DecodingFailed("the body ends in the middle of its content coding")


class Inflate:
    """``gzip``, of any number of members, or ``deflate``, with zlib's frame or bare."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS if gzip else zlib.MAX_WBITS)
        self._first = True
        self._held = b""
        self._empty = True

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* inflates to."""
        if self._first and data:
            data, self._held = self._held + data, b""
            self._empty = False
            if len(data) == 1:  # zlib's frame is known by two bytes
                self._held = data
                return
        while data:
            if self._inflate.eof:
                if not self._gzip:
                    raise DecodingFailed("bytes after the end of a deflated body")
                self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
            piece = self._step(data)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            if piece:
                yield piece
            # What zlib still holds comes out with the next input, or with nothing.
            while not data and len(piece) == PIECE and not self._inflate.eof:
                piece = self._step(b"")
                data = self._inflate.unconsumed_tail or self._inflate.unused_data
                if piece:
                    yield piece

    def _step(self, data: bytes) -> bytes:
        """Inflate up to one piece; the first bytes tell whether deflate has zlib's frame."""
        first, self._first = self._first, False
        try:
            return self._inflate.decompress(data, PIECE)
        except zlib.error as error:
            if not first or self._gzip:
                raise DecodingFailed(str(error)) from None
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._inflate.decompress(data, PIECE)
        except zlib.error as error:
            raise DecodingFailed(str(error)) from None

    def finish(self) -> None:
        """Raise DecodingFailed if the body ends too early."""
        if not self._empty and not self._inflate.eof:
            raise _unfinished()


class Brotli:
    """``br`` (RFC 7932)."""

    def __init__(self, module: Any) -> None:
        self._error = module.error
        self._decoder = module.Decompressor()
        self._empty = True

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* stands for."""
        self._empty = self._empty and not data
        found = data
        while found:  # what it still holds comes out with nothing
            try:
                found = self._decoder.process(data, output_buffer_limit=PIECE)
            except self._error as error:
                raise DecodingFailed(str(error)) from None
            data = b""
            # The limit is where it stops, and it goes on to the end of its own buffer.
            for start in range(0, len(found), PIECE):
                yield found[start : start + PIECE]

    def finish(self) -> None:
        """Raise DecodingFailed if the body ends too early."""
        if not self._empty and not self._decoder.is_finished():
            raise _unfinished()


class Zstd:
    """``zstd`` (RFC 8878), of any number of frames, as Python's own library has it."""

    def __init__(self, module: Any) -> None:
        self._error = module.ZstdError
        window = {module.DecompressionParameter.window_log_max: ZSTD_WINDOW}
        self._new: Callable[[], Any] = lambda: module.ZstdDecompressor(options=window)
        self._decoder: Any = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* stands for."""
        while data or not (self._decoder is None or self._decoder.needs_input):
            if self._decoder is None:
                self._decoder = self._new()
            try:
                piece = self._decoder.decompress(data, PIECE)
            except self._error as error:
                raise DecodingFailed(str(error)) from None
            data = b""
            if self._decoder.eof:
                data = self._decoder.unused_data
                self._decoder = None
            if piece:
                yield piece

    def finish(self) -> None:
        """Raise DecodingFailed if the body ends too early."""
        if self._decoder is not None:
            raise _unfinished()


class SlicedZstd:
    """``zstd``, of any number of frames, by the package zstandard."""

    def __init__(self, module: Any) -> None:
        self._error = module.ZstdError
        decompressor = module.ZstdDecompressor(max_window_size=1 << ZSTD_WINDOW)
        self._new: Callable[[], Any] = decompressor.decompressobj
        self._decoder: Any = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* stands for."""
        place = 0
        while place < len(data):
            part = data[place : place + ZSTD_SLICE]
            place += len(part)
            if self._decoder is None:
                self._decoder = self._new()
            try:
                found = self._decoder.decompress(part)
            except self._error as error:
                raise DecodingFailed(str(error)) from None
            if self._decoder.eof:
                place -= len(self._decoder.unused_data)
                self._decoder = None
            for start in range(0, len(found), PIECE):
                yield found[start : start + PIECE]

    def finish(self) -> None:
        """Raise DecodingFailed if the body ends too early."""
        if self._decoder is not None:
            raise _unfinished()


def available(name: str) -> Any:
    """Return the module *name*, or None if it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _codings() -> dict[str, Callable[[], Stage]]:
    """Return what makes a stage for each coding that can be undone here, the best known first."""
    found: dict[str, Callable[[], Stage]] = {
        "gzip": lambda: Inflate(gzip=True),
        "deflate": lambda: Inflate(gzip=False),
    }
    brotli = available("brotli")
    if brotli is not None and hasattr(brotli.Decompressor, "can_accept_more_data"):
        found["br"] = lambda: Brotli(brotli)
    zstd = available("compression.zstd") or available("backports.zstd")
    zstandard = available("zstandard")
    if zstd is not None:
        found["zstd"] = lambda: Zstd(zstd)
    elif zstandard is not None:
        found["zstd"] = lambda: SlicedZstd(zstandard)
    return found


CODINGS = _codings()

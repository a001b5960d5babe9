"""Content codings undone, a bounded piece at a time (RFC 9110 8.4.1).

However much a few bytes would inflate to, no more than `PIECE` bytes of it exist at any
moment for each coding: the caller takes a piece, and may stop.

Read next: response.py
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from .errors import DecodingFailed

__all__ = ["ACCEPTED", "PIECE", "Decoder", "decoder_for"]

#: The value of Accept-Encoding.
ACCEPTED = "gzip, deflate"
PIECE = 64 * 1024
#: No server has a reason to put one coding in another, and another.
CODINGS = 3


class Decoder:
    """One coding: ``gzip``, of any number of members, or ``deflate``, with zlib's frame or bare."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding == "gzip"
        self._inflate = self._new(16 + zlib.MAX_WBITS if self._gzip else zlib.MAX_WBITS)
        self._first = True
        self._held = b""
        self._empty = True

    @staticmethod
    def _new(window: int) -> zlib._Decompress:
        return zlib.decompressobj(window)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* inflates to, in pieces.

        Raises:
            DecodingFailed: it is not of this coding.
        """
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
                self._inflate = self._new(16 + zlib.MAX_WBITS)
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
        self._inflate = self._new(-zlib.MAX_WBITS)
        try:
            return self._inflate.decompress(data, PIECE)
        except zlib.error as error:
            raise DecodingFailed(str(error)) from None

    def finish(self) -> None:
        """Raise DecodingFailed if the body ends too early; no body at all is none coded."""
        if not self._empty and not self._inflate.eof:
            raise DecodingFailed("the body ends in the middle of its content coding")


class _Chain(Decoder):
    """Several codings, the outermost first."""

    def __init__(self, codings: list[str]) -> None:
        self._stages = [Decoder(coding) for coding in codings]

    def decode(self, data: bytes) -> Iterator[bytes]:
        return self._through(data, 0)

    def _through(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._stages):
            yield data
            return
        for piece in self._stages[stage].decode(data):
            yield from self._through(piece, stage + 1)

    def finish(self) -> None:
        for stage in self._stages:
            stage.finish()


def decoder_for(values: list[str]) -> Decoder | None:
    """Return what undoes a Content-Encoding; None if there is nothing to do, or nobody knows how.

    Raises:
        DecodingFailed: there are more codings than anybody needs.
    """
    names = [name.strip().lower() for value in values for name in value.split(",")]
    codings = [name.removeprefix("x-") for name in names if name not in ("", "identity")]
    if any(coding not in ("gzip", "deflate") for coding in codings):
        return None
    if len(codings) > CODINGS:
        raise DecodingFailed(f"the body is coded {len(codings)} times")
    return _Chain(codings[::-1]) if codings else None

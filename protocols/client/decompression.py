"""Content codings undone, one in the other, a bounded piece at a time (RFC 9110 8.4.1).

However much a few bytes would inflate to, no more than `PIECE` bytes of it exist at any
moment for each coding: the caller takes a piece, and may stop.

Read next: response.py
"""

from __future__ import annotations

from collections.abc import Iterator

from .codings import CODINGS, PIECE, Stage
from .errors import DecodingFailed

__all__ = ["ACCEPTED", "PIECE", "Decoder", "decoder_for"]

#: The value of Accept-Encoding.
ACCEPTED = ", ".join(CODINGS)
#: No server has a reason to put one coding in another, and another.
MOST = 3


class Decoder:
    """Several codings, the outermost first."""

    def __init__(self, stages: list[Stage]) -> None:
        self._stages = stages

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* stands for, in pieces.

        Raises:
            DecodingFailed: it is not of these codings.
        """
        return self._through(data, 0)

    def _through(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._stages):
            yield data
            return
        for piece in self._stages[stage].decode(data):
            yield from self._through(piece, stage + 1)

    def finish(self) -> None:
        """Raise DecodingFailed if the body ends too early; no body at all is none coded."""
        for stage in self._stages:
            stage.finish()


def decoder_for(values: list[str]) -> Decoder | None:
    """Return what undoes a Content-Encoding; None if there is nothing to do, or nobody knows how.

    Raises:
        DecodingFailed: there are more codings than anybody needs.
    """
    names = [name.strip().lower() for value in values for name in value.split(",")]
    codings = [name.removeprefix("x-") for name in names if name not in ("", "identity")]
    if any(coding not in CODINGS for coding in codings):
        return None
    if len(codings) > MOST:
        raise DecodingFailed(f"the body is coded {len(codings)} times")
    return Decoder([CODINGS[coding]() for coding in codings[::-1]]) if codings else None

"""A response: its head at once, its body as it arrives or whole.

Read next: redirects.py
"""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from .decompression import Decoder, decoder_for
from .errors import TooLarge
from .exchange import Exchange, Head
from .messages import Headers, Interim

__all__ = ["Response"]


class Response:
    """What the server answered.

    Iterate over it for the body as it arrives, or `read` it whole; one of the two.

    Attributes:
        status: the number.
        headers: the header fields.
        http_version: ``HTTP/1.0``, ``HTTP/1.1`` or ``HTTP/2``.
        history: the redirects that led here.
    """

    def __init__(self, exchange: Exchange, head: Head, history: list[Response]) -> None:
        self.status = head.status
        self.headers = Headers.of(head.fields)
        self.http_version = head.http_version
        self.request = exchange.request
        self.history = history
        self._exchange = exchange
        self._reason = head.reason
        self._content: bytes | None = None
        self._begun = False

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason} {self.url}>"

    @property
    def reason(self) -> str:
        """The reason phrase; HTTP/2 has none, so there it is the usual one."""
        if self._reason:
            return self._reason.decode("latin-1")
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return ""

    @property
    def url(self) -> str:
        """What was asked for, after redirects."""
        return self.request.url

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def trailers(self) -> Headers:
        """The fields after the body; none before its end."""
        return Headers(self._exchange.trailers)

    @property
    def body_withheld(self) -> bool:
        """Whether the request's body was not sent, as the server did not want it."""
        return self._exchange.withheld

    @property
    def interim(self) -> list[Interim]:
        """The responses that came before it: 100, 103 with early hints, and their like."""
        return self._exchange.interim

    async def iter_raw(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, in whatever coding it has.

        Raises:
            ReadTimeout, TotalTimeout: too slow.
            Disconnected, BadMessage: it is not complete.
        """
        self._begin()
        while data := await self._exchange.chunk():
            yield data

    def _begin(self) -> None:
        if self._begun:
            raise RuntimeError("the body of this response has been read already")
        self._begun = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, its content codings undone, in bounded pieces.

        Raises:
            DecodingFailed: it is not what its Content-Encoding says; else as `iter_raw`.
        """
        decoder = self._decoder()
        async for data in self.iter_raw():
            if decoder is None:
                yield data
            else:
                for piece in decoder.decode(data):
                    yield piece
        if decoder is not None:
            decoder.finish()

    def _decoder(self) -> Decoder | None:
        values = self.headers.get_list("content-encoding")
        return decoder_for(values) if values else None

    async def read(self) -> bytes:
        """Return the whole body, its content codings undone.

        Raises:
            TooLarge: it is larger than ``Limits.body_bytes``; the exchange is given up.
            and whatever iterating raises.
        """
        if self._content is None:
            limit = self._exchange.limits.body_bytes
            pieces: list[bytes] = []
            size = 0
            self._begin()
            decoder = self._decoder()
            exchange = self._exchange
            while True:
                data = exchange.chunk_now()  # often all of it has come together with the head
                if data is None:
                    data = await exchange.chunk()
                if not data:
                    break
                for piece in (data,) if decoder is None else decoder.decode(data):
                    size += len(piece)
                    if limit is not None and size > limit:
                        await self.aclose()
                        raise TooLarge(f"the body has more than {limit} bytes")
                    pieces.append(piece)
            if decoder is not None:
                decoder.finish()
            self._content = b"".join(pieces)
        return self._content

    @property
    def content(self) -> bytes:
        """The body, once it has been read."""
        if self._content is None:
            raise RuntimeError("the body of this response has not been read: await read()")
        return self._content

    @property
    def text(self) -> str:
        """The body as text, in the charset the server names, or UTF-8."""
        return self.content.decode(self._charset(), "replace")

    def _charset(self) -> str:
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                try:
                    return codecs.lookup(value.strip(" \t\"'")).name
                except LookupError:
                    break
        return "utf-8"

    def json(self) -> Any:
        """Return what the body is as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.content)

    async def aclose(self) -> None:
        """Give up what has not arrived.  On HTTP/1.1 that closes the connection."""
        if not self._exchange.settled:
            await self._exchange.aclose()

"""The client as a transport for httpx: its cookies, auth and multipart over this pool.

    async with httpx.AsyncClient(transport=HttpxTransport()) as client:
        response = await client.get("https://example.org/")

httpx itself follows redirects and undoes content codings; timeouts are those that it is
given for each request, and `Timeouts.total` besides, which it does not have.

Read next: websocket_settings.py
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from . import errors
from .client import Client
from .exchange import Exchange
from .messages import Origin, Request
from .settings import Timeouts
from .waiting import overall

__all__ = ["HttpxTransport"]

#: Which of httpx's errors each of ours is; the first that fits counts.
ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (errors.ConnectTimeout, httpx.ConnectTimeout),
    (errors.WriteTimeout, httpx.WriteTimeout),
    (errors.PoolTimeout, httpx.PoolTimeout),
    (errors.TimedOut, httpx.ReadTimeout),
    (errors.ConnectFailed, httpx.ConnectError),
    (errors.Disconnected, httpx.RemoteProtocolError),
    (errors.BadMessage, httpx.RemoteProtocolError),
    (errors.TooLarge, httpx.RemoteProtocolError),
    (errors.ClientError, httpx.NetworkError),
    (ValueError, httpx.LocalProtocolError),
)


@contextmanager
def translated(request: httpx.Request) -> Iterator[None]:
    """Raise httpx's errors in place of ours."""
    try:
        yield
    except (errors.ClientError, ValueError) as error:
        for ours, theirs in ERRORS:
            if isinstance(error, ours):
                raise theirs(str(error), request=request) from error
        raise


class _Body(httpx.AsyncByteStream):
    """The body of a response, as it arrives."""

    def __init__(self, exchange: Exchange, request: httpx.Request) -> None:
        self._exchange = exchange
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with translated(self._request):
            while data := await self._exchange.chunk():
                yield data

    async def aclose(self) -> None:
        await self._exchange.aclose()


class HttpxTransport(httpx.AsyncBaseTransport):
    """Sends httpx's requests through a `Client`.

    Args:
        client: through which; without one, one made of *options* (see `Client`).
    """

    def __init__(self, client: Client | None = None, **options: Any) -> None:
        self.client = client or Client(**options)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; its body is read from the response.

        Raises:
            httpx.TransportError: what went wrong, by httpx's names.
        """
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        content: Any = request.stream
        if isinstance(content, httpx.ByteStream):
            content = b"".join(content)
        fields = [(name.lower(), value) for name, value in request.headers.raw]
        ours = Request(
            request.method.encode("ascii"),
            Origin(url.scheme, url.raw_host.decode("ascii").strip("[]"), port),
            url.raw_path,
            fields,
            content,
        )
        timeouts = self._timeouts(request)
        deadline = None
        if timeouts.total is not None:
            deadline = asyncio.get_running_loop().time() + timeouts.total
        with translated(request):
            async with overall(deadline):
                exchange, head = await self.client.send(ours, timeouts, deadline)
        return httpx.Response(
            head.status,
            headers=head.fields,
            stream=_Body(exchange, request),
            extensions={
                "http_version": head.http_version.encode("ascii"),
                "reason_phrase": head.reason,
            },
        )

    def _timeouts(self, request: httpx.Request) -> Timeouts:
        """Return the request's own timeouts, which httpx writes down in a dictionary."""
        given = request.extensions.get("timeout")
        if given is None:
            return self.client.timeouts
        parts = {name: given.get(name) for name in ("connect", "read", "write", "pool")}
        return Timeouts(**parts, total=self.client.timeouts.total)

    async def aclose(self) -> None:
        """Close the client."""
        await self.client.aclose()

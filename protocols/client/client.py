"""The client: `Client.get` for a body whole, `Client.stream` for one that comes as it comes.

    async with Client() as client:
        response = await client.get("https://example.org/", params={"q": "loop"})
        async with client.stream("POST", url, content=pieces()) as response:
            async for piece in response:
                ...

Read next: httpx_transport.py
"""

from __future__ import annotations

import asyncio
import json as json_
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from .dialing import Dialer
from .errors import ClientError, Disconnected, RedirectFailed
from .exchange import Exchange, Head
from .messages import (
    USUAL,
    Content,
    HeaderInput,
    Interim,
    ParamInput,
    Request,
    TrailerInput,
    parse,
    raw_fields,
)
from .pool import Pool
from .redirects import is_redirect, next_request
from .response import Response
from .settings import Limits, Timeouts
from .waiting import overall

__all__ = ["Client"]

#: How often a request that no server has looked at may be sent again.
RETRIES = 5


class Client:
    """An HTTP client with a pool of connections.

    Args:
        timeout: for every request that is not given its own.
        limits: of connections and sizes.
        headers: sent with every request that does not set them itself.
        http2: whether to offer HTTP/2 over TLS.
        prior_knowledge: whether to speak HTTP/2 in clear text, without asking.
        tls: the context for TLS; None for the system's roots.  Its ALPN is set.
        unix: the path of a Unix socket to connect to, whatever the URL's host is.
        follow_redirects: whether to, and up to how many times.
        retry: whether to send an idempotent request again, once, when a connection
            that was idle turns out dead.
    """

    def __init__(
        self,
        *,
        timeout: Timeouts | None = None,
        limits: Limits | None = None,
        headers: HeaderInput = None,
        http2: bool = True,
        prior_knowledge: bool = False,
        tls: ssl.SSLContext | None = None,
        unix: str | None = None,
        follow_redirects: int | bool = 10,
        retry: bool = True,
    ) -> None:
        self.timeouts = timeout or Timeouts()
        self.limits = limits or Limits()
        self.headers = raw_fields(headers)
        self.redirects = 10 if follow_redirects is True else int(follow_redirects)
        self.retry = retry
        dialer = Dialer(
            self.limits, http2=http2, prior_knowledge=prior_knowledge, tls=tls, unix=unix
        )
        self.pool = Pool(dialer, self.limits)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; what is under way fails with PoolClosed."""
        await self.pool.aclose()

    # --- requests ------------------------------------------------------------------------

    async def request(self, method: str, url: str, **options: Any) -> Response:
        """Make a request and return the response with its body read; for options see `stream`.

        Raises:
            as `stream`, and as `Response.read`.
        """
        response = await self.stream(method, url, **options).__aenter__()
        try:
            await response.read()
        finally:
            await response.aclose()
        return response

    async def get(self, url: str, **options: Any) -> Response:
        """``GET``: see `request`."""
        return await self.request("GET", url, **options)

    async def head(self, url: str, **options: Any) -> Response:
        """``HEAD``: see `request`."""
        return await self.request("HEAD", url, **options)

    async def options(self, url: str, **options: Any) -> Response:
        """``OPTIONS``: see `request`."""
        return await self.request("OPTIONS", url, **options)

    async def post(self, url: str, **options: Any) -> Response:
        """``POST``: see `request`."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> Response:
        """``PUT``: see `request`."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> Response:
        """``PATCH``: see `request`."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> Response:
        """``DELETE``: see `request`."""
        return await self.request("DELETE", url, **options)

    def stream(
        self,
        method: str,
        url: str,
        *,
        params: ParamInput = None,
        headers: HeaderInput = None,
        content: Content = None,
        json: Any = None,
        trailers: TrailerInput = None,
        timeout: Timeouts | None = None,
        follow_redirects: int | bool | None = None,
        expect_continue: bool = False,
        on_interim: Callable[[Interim], object] | None = None,
    ) -> AbstractAsyncContextManager[Response]:
        """Make a request; in the block the response's body arrives.

        Args:
            params: added to the URL's query.
            headers: instead of the client's own of the same name.
            content: the body: bytes, text, or what yields bytes (sent as it is yielded).
            json: the body as an object.
            trailers: fields after the body, or what is called for them when it has been
                sent, as for a digest of it.  HTTP/1.1 sends the body in chunks then.
            timeout: instead of the client's.
            follow_redirects: instead of the client's.
            expect_continue: whether the body waits, for ``Timeouts.expect``, until the
                server says that it wants it, and is not sent if it answers otherwise.
            on_interim: called with each response that precedes the response.

        Raises:
            ValueError: the URL or the request is malformed; nothing was sent.
            ClientError: see errors.py.

        Cancelled, or left before the body's end, the exchange is given up: an HTTP/1.1
        connection is closed, an HTTP/2 stream reset.
        """
        request = self._request(method, url, params, headers, content, json)
        if expect_continue and request.content != b"":
            request.fields.append((b"expect", b"100-continue"))
        if on_interim is not None:
            request = request._replace(on_interim=on_interim)
        if trailers is not None:
            request = request.with_trailers(trailers)
        timeouts = timeout or self.timeouts
        redirects = self.redirects if follow_redirects is None else int(follow_redirects)
        if follow_redirects is True:
            redirects = self.redirects or 10
        return _Asking(self, request, timeouts, redirects)

    def _request(
        self,
        method: str,
        url: str,
        params: ParamInput,
        headers: HeaderInput,
        content: Content,
        json: Any,
    ) -> Request:
        """Put a request together."""
        if method.upper() == "CONNECT":
            raise ValueError("CONNECT makes a tunnel, which is not a request")
        address = parse(url, params)
        fields = raw_fields(headers)
        defaults = list(USUAL)
        if json is not None:
            content = json_.dumps(json, ensure_ascii=False, separators=(",", ":"))
            defaults.append((b"content-type", b"application/json"))
        if address.authorization is not None:
            defaults.append((b"authorization", address.authorization.encode("ascii")))
        for others in (self.headers, defaults):
            if fields:
                names = {name for name, _ in fields}
                fields += [each for each in others if each[0] not in names]
            else:
                fields += others
        body = content.encode() if isinstance(content, str) else content
        target = address.target.encode("ascii")
        return Request(method.encode("ascii"), address.origin, target, fields, body or b"")

    # --- the way to a response -----------------------------------------------------------

    async def follow(
        self, request: Request, timeouts: Timeouts, deadline: float | None, redirects: int
    ) -> Response:
        """Return the response to *request*, or to what it is redirected to."""
        history: list[Response] = []
        while True:
            exchange, head = await self.send(request, timeouts, deadline)
            response = Response(exchange, head, history[:])
            if not redirects or not is_redirect(response):
                return response
            try:
                if len(history) == redirects:
                    raise RedirectFailed(f"redirected more than {redirects} times")
                request = next_request(request, response)
                await self._skim(response)
            finally:
                await response.aclose()
            history.append(response)

    @staticmethod
    async def _skim(response: Response) -> None:
        """Read a short body, so that the connection can be used again; leave a long one."""
        size = 0
        try:
            async for data in response.iter_raw():
                size += len(data)
                if size > 64 * 1024:
                    return
        except ClientError:
            return

    async def send(
        self, request: Request, timeouts: Timeouts, deadline: float | None = None
    ) -> tuple[Exchange, Head]:
        """Send *request*, again if that is safe, until there is the head of a response.

        The caller has to read the exchange to its end or to close it.
        """
        retries = 0
        while True:
            connection = self.pool.acquire_now(request.origin)
            if connection is None:
                async with overall(deadline):  # all other waiting is done by the exchange
                    connection = await self.pool.acquire(request.origin, timeouts)
            reused = connection.served > 0
            exchange = connection.exchange(request, timeouts, deadline)
            try:
                head = await exchange.response_head()
            except Disconnected as error:
                await exchange.aclose()
                retries += 1
                if not self._again(request, error, reused, retries):
                    raise
            except BaseException:
                await exchange.aclose()
                raise
            else:
                if head.status != 417 or not exchange.withheld:
                    return exchange, head
                await exchange.aclose()  # the server cannot say that it wants a body
                request = request.without_expectation()

    def _again(
        self,
        request: Request,
        error: Disconnected,
        reused: bool,
        retries: int,
    ) -> bool:
        """Tell whether *request*, which came to nothing, may be sent again."""
        if not request.repeatable or not self.retry:
            return False
        if error.unprocessed:
            return retries <= RETRIES
        died_idle = reused and error.nothing_received
        return died_idle and request.idempotent and retries == 1


class _Asking(AbstractAsyncContextManager[Response]):
    """A request, made when the block is entered; its response is closed when it is left."""

    __slots__ = ("_client", "_redirects", "_request", "_response", "_timeouts")

    _response: Response

    def __init__(
        self, client: Client, request: Request, timeouts: Timeouts, redirects: int
    ) -> None:
        self._client = client
        self._request = request
        self._timeouts = timeouts
        self._redirects = redirects

    async def __aenter__(self) -> Response:
        deadline = None
        if self._timeouts.total is not None:
            deadline = asyncio.get_running_loop().time() + self._timeouts.total
        self._response = await self._client.follow(
            self._request, self._timeouts, deadline, self._redirects
        )
        return self._response

    async def __aexit__(self, *_: object) -> None:
        await self._response.aclose()

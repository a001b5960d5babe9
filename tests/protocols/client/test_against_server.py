"""Client and server against each other in the World: what they are asked to do is random."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniloop.testing import World
from protocols.client import Client, Limits, Timeouts
from protocols.client.websocket import Settings, WebSocket, connect
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits as ServerLimits
from protocols.http.server import serve

URL = "http://localhost:8000"
PATIENT = Timeouts(connect=None, read=None, write=None, pool=None, total=None)
LIMITS = ServerLimits(header_timeout=1e4, keep_alive=1e4, body_grace=1e4)
SIZES = st.one_of(st.integers(0, 20), st.sampled_from([1000, 65535, 65536, 65537, 300_000]))


class Asked(NamedTuple):
    """One request: what goes up, what comes down, and whether somebody waits for it."""

    up: list[int]
    streamed: bool
    down: list[int]
    trailers: bool
    hint: bool
    delay: int
    patience: int | None

    def body(self) -> bytes:
        return b"".join(bytes([index % 256]) * size for index, size in enumerate(self.up))


ASKED = st.builds(
    Asked,
    up=st.lists(SIZES, max_size=4),
    streamed=st.booleans(),
    down=st.lists(SIZES, max_size=4),
    trailers=st.booleans(),
    hint=st.booleans(),
    delay=st.integers(0, 5),
    patience=st.one_of(st.none(), st.integers(0, 8)),
)


class Site:
    """A handler that does what each request's number says, and knows whom it heard out."""

    def __init__(self, plan: list[Asked]) -> None:
        self.plan = plan
        self.received: dict[int, bytes] = {}

    async def __call__(self, request: Request) -> Response:
        number = int(request.path[1:])
        asked = self.plan[number]
        if asked.hint:
            request.hint("</a.css>")
        self.received[number] = await request.body(10**7)
        await asyncio.sleep(asked.delay / 1000)

        async def pieces() -> AsyncIterator[bytes]:
            for index, size in enumerate(asked.down):
                yield bytes([index + 1]) * size

        trailers = [("sum", str(len(asked.body())))] if asked.trailers else []
        return Response(pieces(), headers=[("number", str(number))], trailers=trailers)


async def ask(client: Client, number: int, asked: Asked) -> bool:
    """Make the request; return whether it was heard out."""

    async def pieces() -> AsyncIterator[bytes]:
        for index, size in enumerate(asked.up):
            yield bytes([index % 256]) * size

    content: Any = pieces() if asked.streamed else asked.body()
    headers = {"te": "trailers"}
    try:
        async with (
            asyncio.timeout(None if asked.patience is None else asked.patience / 1000),
            client.stream("POST", f"{URL}/{number}", content=content, headers=headers) as response,
        ):
            body = await response.read()
    except TimeoutError:
        return False
    assert response.headers["number"] == str(number)
    assert body == b"".join(bytes([index + 1]) * size for index, size in enumerate(asked.down))
    assert response.trailers == ({"sum": str(len(asked.body()))} if asked.trailers else {})
    assert [each.status for each in response.interim] == ([103] if asked.hint else [])
    return True


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@settings(max_examples=30)
@given(plan=st.lists(ASKED, min_size=1, max_size=6), connections=st.integers(1, 3), data=st.data())
def test_everybody_gets_what_was_meant_for_them(
    http2: bool, plan: list[Asked], connections: int, data: st.DataObject
) -> None:
    """Whoever is cancelled: the others do not notice, and the pool has nothing left over."""
    library = data.draw(st.sampled_from(["miniloop", "asyncio"]))

    async def scenario(world: World) -> None:
        site = Site(plan)
        limits = Limits(per_origin=connections, idle_seconds=1e4)
        async with (
            await serve(site, "localhost", 8000, limits=LIMITS),
            Client(timeout=PATIENT, limits=limits, prior_knowledge=http2) as client,
        ):
            asking = [ask(client, number, asked) for number, asked in enumerate(plan)]
            heard = await asyncio.gather(*asking)
            for number, asked in enumerate(plan):
                assert heard[number] or asked.patience is not None
                if heard[number]:
                    assert site.received[number] == asked.body()
            pool = client.pool
            assert pool.count <= connections
            assert all(site.count == len(site.idle) for site in pool.sites.values())
            assert all(each.busy == 0 for each in pool._open if not each.closed)
            after = Asked([3], False, [4], False, False, 0, None)
            plan.append(after)
            assert await ask(client, len(plan) - 1, after), "the next request"
            plan.pop()

    run = World(library=library).run(scenario)
    assert run.failures == [], "\n".join(map(str, run.failures))


class Large(NamedTuple):
    """A message by its size only, so that an example can be printed."""

    text: bool
    size: int


LARGE = st.builds(Large, st.booleans(), st.sampled_from([125, 126, 65535, 65536, 300_000]))
MESSAGES = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30),
    LARGE,
    st.lists(st.text(max_size=20), min_size=1, max_size=4),
)


def whole(message: str | bytes | Large | list[str]) -> str | bytes:
    """Return what is received."""
    if isinstance(message, Large):
        return "x" * message.size if message.text else bytes(message.size)
    return "".join(message) if isinstance(message, list) else message


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@settings(max_examples=30)
@given(
    messages=st.lists(
        st.one_of(MESSAGES, st.lists(st.text(max_size=20), min_size=1, max_size=4)), max_size=8
    ),
    deflate=st.booleans(),
    code=st.sampled_from([1000, 1001, 3000, 4999]),
    server_closes=st.booleans(),
    queue=st.integers(1, 3),
)
def test_websockets_echo_whatever_it_is_in_order(
    http2: bool,
    messages: list[str | bytes | Large | list[str]],
    deflate: bool,
    code: int,
    server_closes: bool,
    queue: int,
) -> None:
    wholes = [whole(each) for each in messages]

    async def handler(request: Request) -> None:
        socket = await request.websocket()
        for _ in wholes:
            await socket.send(await socket.receive())
        if server_closes:
            await socket.close(code, "enough")
        async for _ in socket:
            pass
        closed.append(socket.code)

    closed: list[int] = []

    async def fragments(parts: list[str]) -> AsyncIterator[str]:
        for part in parts:
            yield part

    async def send(websocket: WebSocket) -> None:
        for each in messages:
            await websocket.send(fragments(each) if isinstance(each, list) else whole(each))

    async def scenario(world: World) -> None:
        options = Settings(max_queue=queue, deflate=deflate)
        url = URL.replace("http", "ws")
        async with await serve(handler, "localhost", 8000, limits=LIMITS):
            async with connect(url, settings=options, http2=http2) as websocket:
                async with asyncio.TaskGroup() as group:
                    group.create_task(send(websocket))
                    for each in wholes:
                        assert await websocket.recv() == each
                if server_closes:
                    await asyncio.sleep(1)
                else:
                    await websocket.close(code, "enough")
            assert (websocket.close_code, websocket.over == "HTTP/2") == (code, http2)
        assert closed == [code]

    run = World().run(scenario)
    assert run.failures == [], "\n".join(map(str, run.failures))

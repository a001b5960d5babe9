"""HTTP/2: streams share a connection fairly, credit follows the application, abuse ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import h2.events
import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame, WindowUpdateFrame

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits

from .support import H2Client, in_world, serving

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])

MIB = 1024 * 1024


async def echo(request: Request) -> Response:
    body = await request.body(10**9)
    return Response(f"{request.method} {request.target} ".encode() + body)


def test_many_streams_are_served_together(library: str) -> None:
    async def scenario(world: World) -> list[bytes]:
        async with serving(echo):
            client = await H2Client.connect()
            streams = [client.request("POST", f"/{n}", end=False) for n in range(50)]
            for stream in streams:
                client.parser.send_data(stream, b"body%d" % stream, end_stream=True)
            client.flush()
            answers = [await client.ended(stream) for stream in streams]
            client.close()
            assert answers == [b"POST /%d body%d" % (n, s) for n, s in enumerate(streams)]
            return answers

    assert len(in_world(scenario, library)) == 50


def test_a_large_body_goes_in_and_out_as_credit_comes(library: str) -> None:
    async def double(request: Request) -> Response:
        return Response(aiter(request), trailers=[("x-end", "1")])

    async def scenario(world: World) -> bytes:
        async with serving(double):
            client = await H2Client.connect()
            stream = client.request("POST", end=False)
            left = b"0123456789" * 100_000
            while left:
                window = min(client.parser.local_flow_control_window(stream), 16384)
                if not window:
                    await client.until(lambda event: isinstance(event, h2.events.WindowUpdated))
                    client.events = [e for e in client.events if hasattr(e, "data")]
                    continue
                client.parser.send_data(stream, left[:window], end_stream=len(left) <= window)
                left = left[window:]
                client.flush()
            body = await client.ended(stream)
            assert any(isinstance(event, h2.events.TrailersReceived) for event in client.events)
            client.close()
            return body

    assert in_world(scenario, library) == b"0123456789" * 100_000


def test_the_writer_takes_turns(library: str) -> None:
    async def large(request: Request) -> Response:
        return Response(b"x" * 60_000)

    async def scenario(world: World) -> list[int]:
        async with serving(large):
            client = await H2Client.connect()
            client.parser.increment_flow_control_window(MIB)
            streams = [client.request() for _ in range(4)]
            for stream in streams:
                await client.ended(stream)
            client.close()
            data = [e.stream_id for e in client.events if isinstance(e, h2.events.DataReceived)]
            assert sorted(data[:4]) == streams
            return data

    assert len(in_world(scenario, library)) >= 16


def test_what_nobody_reads_on_one_stream_does_not_stop_another(library: str) -> None:
    async def handler(request: Request) -> Response:
        if request.path == "/stuck":
            await asyncio.Event().wait()
        return await echo(request)

    async def scenario(world: World) -> int:
        async with serving(handler):
            client = await H2Client.connect()
            for _ in range(30):  # nearly twice what the connection's window holds
                stuck = client.request("POST", "/stuck", end=False)
                for _ in range(20):
                    client.parser.send_data(stuck, b"x" * 3000)
                assert await client.ended(client.request()) == b"GET / "
                # Its credit is back as soon as it is gone, though nobody read it.
                client.parser.reset_stream(stuck)
                client.flush()
                await client.ended(client.request())
            window = client.parser.outbound_flow_control_window
            client.close()
            return window

    assert in_world(scenario, library) > 60_000


def test_credit_comes_only_when_the_application_reads(library: str) -> None:
    reading = asyncio.Event()

    async def handler(request: Request) -> Response:
        await reading.wait()
        return await echo(request)

    async def scenario(world: World) -> tuple[int, int]:
        async with serving(handler):
            client = await H2Client.connect()
            await client.ended(client.request("HEAD", "/")) if reading.is_set() else None
            stream = client.request("POST", end=False)
            for _ in range(4):
                client.parser.send_data(stream, b"x" * 16000)
            client.flush()
            await asyncio.sleep(5)
            before = client.parser.local_flow_control_window(stream)
            reading.set()
            await client.until(
                lambda e: isinstance(e, h2.events.WindowUpdated) and e.stream_id == stream
            )
            after = client.parser.local_flow_control_window(stream)
            client.close()
            return before, after

    before, after = in_world(scenario, library)
    assert before == 65535 - 64000
    assert after > 30_000


# --- abuse ---------------------------------------------------------------------------------------


def rapid_reset(client: H2Client, n: int) -> None:
    stream = client.request()
    client.parser.reset_stream(stream)
    client.flush()


def test_a_few_resets_are_nothing(library: str) -> None:
    async def scenario(world: World) -> bytes:
        async with serving(echo):
            client = await H2Client.connect()
            for number in range(90):
                rapid_reset(client, number)
            answer = await client.ended(client.request())
            client.close()
            return answer

    assert in_world(scenario, library) == b"GET / "


def test_a_busy_client_is_no_attacker(library: str) -> None:
    """No token comes back meanwhile: what belongs to a request has to be paid for by it."""

    async def careless(request: Request) -> Response:
        return Response(b"hello")

    async def scenario(world: World) -> float:
        async with serving(careless, limits=Limits(abuse_burst=5)):
            client = await H2Client.connect()
            began = world.now
            for _ in range(20):
                streams = []
                for _ in range(10):
                    stream = client.parser.get_next_available_stream_id()
                    head = [(":method", "POST"), (":path", "/"), (":scheme", "http")]
                    head.append((":authority", "a"))
                    # Priorities of old, as nghttp2 has them, and a body that nobody asks for.
                    client.parser.send_headers(stream, head, priority_weight=16)
                    for _ in range(4):
                        client.parser.send_data(stream, b"x" * 1000)
                    client.flush()
                    streams.append(stream)
                for stream in streams:
                    assert await client.ended(stream) == b"hello"
                late = [WindowUpdateFrame(stream, window_increment=5) for stream in streams]
                client.writer.write(b"".join(frame.serialize() for frame in late))
            assert world.now - began < 1
            client.close()
            return len(client.events)

    assert in_world(scenario, library) >= 200 * 2


def test_a_priority_of_old_is_free_in_a_head_and_in_nothing_else(library: str) -> None:
    """Nothing but requests is sent, whose responses have no DATA to pay for anything."""

    async def scenario(world: World) -> tuple[int, int]:
        async with serving(echo, limits=Limits(abuse_burst=1, abuse_rate=0)):
            client = await H2Client.connect()
            for number in range(1, 300):
                stream = client.parser.get_next_available_stream_id()
                head = [(":method", "HEAD"), (":path", "/"), (":scheme", "http")]
                head.append((":authority", "a"))
                client.parser.send_headers(stream, head, end_stream=True, priority_weight=16)
                client.flush()
                await client.ended(stream)
                assert client.status(stream) == "200", number
            kind = h2.events.ConnectionTerminated
            ending = asyncio.ensure_future(client.until(lambda event: isinstance(event, kind)))
            frames = 0
            while not ending.done():
                assert frames < 200, "there is no limit"
                client.parser.prioritize(1, weight=16)
                client.flush()
                frames += 1
                await asyncio.sleep(0.001)
            client.close()
            event: Any = await ending
            return frames, event.error_code

    frames, code = in_world(scenario, library)
    assert code == ErrorCodes.ENHANCE_YOUR_CALM
    assert frames > 100


def test_trailers_come_after_a_streamed_body_of_nothing(library: str) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    async def only_trailers(_: Request) -> Response:
        return Response(nothing(), trailers=[("x-end", "yes")])

    async def scenario(world: World) -> list[Any]:
        async with serving(only_trailers):
            client = await H2Client.connect()
            await client.ended(client.request())
            client.close()
            return client.events

    events = in_world(scenario, library)
    (trailers,) = [each for each in events if isinstance(each, h2.events.TrailersReceived)]
    assert trailers.headers == [(b"x-end", b"yes")]
    (head,) = [each for each in events if isinstance(each, h2.events.ResponseReceived)]
    assert head.stream_ended is None
    assert not any(isinstance(each, h2.events.DataReceived) for each in events)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([(f"x{n}", "y") for n in range(101)], "431"),
        ([("cookie", f"c{n}=1") for n in range(101)], "431"),
        ([("cookie", f"c{n}=1") for n in range(50)], "200"),
    ],
)
def test_header_fields_are_counted_crumbs_too(library: str, fields: Any, status: str) -> None:
    seen: list[Any] = []

    async def handler(request: Request) -> Response:
        seen.append(request.headers)
        return Response(b"")

    async def scenario(world: World) -> str:
        async with serving(handler):
            client = await H2Client.connect()
            stream = client.request("GET", "/", *fields)
            await client.ended(stream)
            client.close()
            return client.status(stream)

    assert in_world(scenario, library) == status
    if status == "200":
        assert len([name for name, _ in seen[0] if name == b"cookie"]) == 1


def test_plain_connect_is_refused_and_the_connection_lives(library: str) -> None:
    async def scenario(world: World) -> tuple[str, bytes]:
        async with serving(echo):
            client = await H2Client.connect()
            stream = client.parser.get_next_available_stream_id()
            head = [(":method", "CONNECT"), (":authority", "a:1")]
            client.parser.send_headers(stream, head)
            client.flush()
            await client.ended(stream)
            answer = await client.ended(client.request())
            client.close()
            return client.status(stream), answer

    assert in_world(scenario, library) == ("501", b"GET / ")


# --- ends ----------------------------------------------------------------------------------------


def test_draining_says_goaway_twice_and_finishes(library: str) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(3)
        return Response(b"done")

    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(slow) as server:
            client = await H2Client.connect()
            stream = client.request()
            await asyncio.sleep(1)
            began = world.now
            draining = asyncio.create_task(server.drain(10))
            raw = await client.reader.read(65536)
            while b"done" not in raw:
                more = await client.reader.read(65536)
                assert more
                raw += more
                client.writer.write(PING_ACK if b"draining" in more else b"")
            client.close()
            await draining
            assert raw.index(GoAwayFrame(0, last_stream_id=2**31 - 1).serialize()) < raw.index(
                GoAwayFrame(0, last_stream_id=stream).serialize()
            )
            return raw[-4:], world.now - began

    body, seconds = in_world(scenario, library)
    assert body == b"done"
    assert seconds == pytest.approx(2, abs=0.1)


PING_ACK = b"\x00\x00\x08\x06\x01\x00\x00\x00\x00draining"


def test_a_client_that_says_goaway_still_gets_its_answers(library: str) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(3)
        return Response(b"done")

    async def scenario(world: World) -> bytes:
        async with serving(slow):
            client = await H2Client.connect()
            client.request()
            client.writer.write(GoAwayFrame(0, last_stream_id=0).serialize())
            raw = await client.reader.read(-1)
            client.close()
            return raw

    assert b"done" in in_world(scenario, library)


def test_an_application_that_fails_resets_its_stream_only(
    library: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            raise ValueError("mine")

        return Response(pieces()) if request.path == "/bad" else Response(b"good")

    async def scenario(world: World) -> tuple[Any, bytes]:
        async with serving(handler):
            client = await H2Client.connect()
            await client.ended(client.request("GET", "/bad"))
            reset = next(e for e in client.events if isinstance(e, h2.events.StreamReset))
            answer = await client.ended(client.request())
            client.close()
            return reset.error_code, answer

    assert in_world(scenario, library) == (ErrorCodes.INTERNAL_ERROR, b"good")
    assert len(caplog.records) == 1


def test_a_reset_is_told_to_the_application(library: str) -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append((await receive())["type"])
            seen.append((await receive())["type"])

    async def scenario(world: World) -> None:
        async with serving(application):
            client = await H2Client.connect()
            stream = client.request()
            await asyncio.sleep(1)
            client.parser.reset_stream(stream)
            client.flush()
            await asyncio.sleep(1)
            client.close()

    in_world(scenario, library)
    assert seen == ["http.request", "http.disconnect"]

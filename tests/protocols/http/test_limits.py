"""Limits: what they may be, and what serves with those that are barely enough."""

from __future__ import annotations

import asyncio
import math
from dataclasses import fields
from typing import Any

import pytest

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.limits import RANGES, Limits

from .support import H2Client, in_world, request, serving, talk


def test_ranges_are_those_of_limits() -> None:
    assert {*RANGES} <= {each.name for each in fields(Limits)}


@pytest.mark.parametrize("name", [each.name for each in fields(Limits)])
def test_a_limit_with_which_nothing_is_served_is_refused(name: str) -> None:
    least, most = RANGES.get(name, (0, 10**12))
    make: Any = Limits
    for value in (least - 1, most + 1, math.nan, math.inf, -math.inf):
        with pytest.raises(ValueError, match=f"{name} is a number from .* to .*, not "):
            make(**{name: value})
    for value in (least, most):
        assert getattr(make(**{name: value}), name) == value


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
@pytest.mark.parametrize(
    "name", ["inbound", "outbound", "connection_window", "streams", "running_handlers", "discard"]
)
def test_one_that_is_barely_enough_is_enough(library: str, name: str) -> None:
    least, _ = RANGES.get(name, (0, 0))
    body = b"x" * 200_000

    async def echo(asked: Request) -> Response:
        return Response(asked.__aiter__())

    async def scenario(world: World) -> None:
        async with serving(echo, limits=Limits(**{name: int(least)})):
            answer = await talk(request(method="POST", body=body))
            assert answer.count(b"x") == len(body)
            client = await H2Client.connect()
            stream = client.request("POST", end=False)
            for _ in range(100):
                client.parser.send_data(stream, b"x" * 600)
            client.parser.end_stream(stream)
            client.flush()
            assert await client.ended(stream) == b"x" * 60_000
            client.close()

    in_world(scenario, library)


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
def test_no_more_applications_are_at_work_than_may_be(library: str) -> None:
    at_work = most = 0

    async def slow(asked: Request) -> Response:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(1)
        at_work -= 1
        return Response(b"late")

    async def scenario(world: World) -> float:
        async with serving(slow, limits=Limits(running_handlers=5)):
            client = await H2Client.connect()
            began = world.now
            left = [client.request() for _ in range(10)]
            for stream in left:
                client.parser.reset_stream(stream)
            streams = [client.request() for _ in range(10)]
            assert [await client.ended(stream) for stream in streams] == [b"late"] * 10
            client.close()
            return world.now - began

    # The five that had begun with nobody's, and then ten.
    assert in_world(scenario, library) == pytest.approx(3, abs=0.1)
    assert most == 5


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
@pytest.mark.parametrize("name", ["connection_window", "streams", "header_block"])
def test_the_largest_can_be_said_over_http2(library: str, name: str) -> None:
    async def hello(asked: Request) -> Response:
        return Response(b"hello")

    async def scenario(world: World) -> None:
        async with serving(hello, limits=Limits(**{name: int(RANGES[name][1])})):
            client = await H2Client.connect()
            assert await client.ended(client.request()) == b"hello"
            client.close()

    in_world(scenario, library)

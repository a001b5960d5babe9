"""Priorities (RFC 9218): what a field value says, whose turn it is, and who is served first."""

from __future__ import annotations

import asyncio
from typing import Any

import h2.events
import pytest
from hyperframe.frame import ExtensionFrame, SettingsFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits
from protocols.http.priorities import (
    NO_RFC7540_PRIORITIES,
    PRIORITY_UPDATE,
    Priorities,
    Priority,
    Turns,
    read,
)

from ...effort import effort
from .support import H2Client, in_world, serving

on_both = pytest.mark.parametrize("library", ["miniloop", "asyncio"])

# --- the field -----------------------------------------------------------------------------------

MEANINGS: list[tuple[bytes, tuple[int, bool] | None]] = [
    (b"", (3, False)),
    (b"u=0", (0, False)),
    (b"u=7, i", (7, True)),
    (b"i,u=1", (3 - 2, True)),
    (b"  u=5 \t,\t i=?1  ", (5, True)),
    (b"i=?0", (3, False)),
    (b"i;a=b;c, u=03", (3, True)),
    (b"u=1, u=2", (2, False)),
    (b"i, i=?0", (3, False)),
    # What is well formed, but not for these parameters, is not said.
    (b"u=8, i", (3, True)),
    (b"u=-1, i", (3, True)),
    (b"u=-0, i", (0, True)),
    (b"u=1.0", (3, False)),
    (b'u="1", i=?1', (3, True)),
    (b"u, i=1", (3, False)),
    (b"i=(a b), u=(1 2);x", (3, False)),
    (b'x="a\\"b,", *y=:YQ==:, z=tok/en:*, a-.b=-12.345, u=6', (6, False)),
    (b"x=( ), y=(1;a  ?0;b=2);c=d, u=6", (6, False)),
    # What is not well formed says nothing.
    (b",", None),
    (b"u=1,", None),
    (b"u=1,,i", None),
    (b"u=1 i", None),
    (b"u =1", None),
    (b"u= 1", None),
    (b"u=", None),
    (b"U=1", None),
    (b"i=?2", None),
    (b"u=1.", None),
    (b"u=1.2345", None),
    (b"u=1234567890123456", None),
    (b"x=(1", None),
    (b'x="a', None),
    (b"u=1\r\n", None),
    (b"u=\xb9", None),
    (b"x" * 257, None),
]


@pytest.mark.parametrize(("value", "meaning"), MEANINGS)
def test_what_a_value_says(value: bytes, meaning: tuple[int, bool] | None) -> None:
    assert read(value) == meaning


def test_what_is_not_said_stays() -> None:
    assert read(b"i", Priority(1, False)) == (1, True)
    assert read(b"u=2", Priority(1, True)) == (2, True)


@given(st.binary(max_size=60) | st.text('ui=?01237,;. ()"\\:*x-', max_size=60).map(str.encode))
def test_whatever_it_is_it_says_something_or_nothing(value: bytes) -> None:
    said = read(value)
    assert said is None or 0 <= said.urgency <= 7


# --- turns ---------------------------------------------------------------------------------------


class Stream:
    """As much of an `Outbound` as turns look at."""

    def __init__(self, number: int) -> None:
        self.exchange = self
        self.stream_id = number
        self.turn = 0


def taken(turns: Turns) -> int | None:
    turn = turns.take()
    return turn and turn[0]


PRIORITY = st.builds(Priority, st.integers(0, 7) | st.just(3), st.booleans())
STEP = st.tuples(st.just("add"), st.integers(1, 6), PRIORITY) | st.tuples(
    st.sampled_from(["take", "discard"]), st.integers(1, 6), st.none()
)


@given(st.lists(STEP, max_size=40))
def test_turns_are_those_of_a_plain_list(steps: list[tuple[str, int, Any]]) -> None:
    """The model: places in a list, those in order having one that says so."""
    turns = Turns()
    model: list[tuple[int, int]] = []  # urgency and stream, 0 for those in order
    ordered: dict[int, int] = {}  # stream to urgency
    for step, stream, priority in steps:
        known = stream in ordered or any(stream == place for _, place in model)
        if step == "add" and not known:
            turns.add(stream, Stream(stream), priority)  # type: ignore[arg-type]
            place = (priority.urgency, stream if priority.incremental else 0)
            if not priority.incremental:
                ordered[stream] = priority.urgency
            if place not in model:
                model.append(place)
        elif step == "discard":
            turns.discard(stream)
            urgency = ordered.pop(stream, None)
            model = [place for place in model if place[1] != stream]
            if urgency is not None and urgency not in ordered.values():
                model.remove((urgency, 0))
        elif step == "take":
            first = min(model, key=lambda place: place[0], default=None)
            expected = None
            if first is not None:
                model.remove(first)
                expected = first[1]
                if not expected:
                    mine = [each for each in ordered if ordered[each] == first[0]]
                    expected = min(mine)
                    del ordered[expected]
                    if len(mine) > 1:
                        model.append(first)
            assert taken(turns) == expected


def test_a_client_that_begins_to_speak_changes_nothing_for_what_it_has() -> None:
    priorities = Priorities(100)
    priorities.opened(1, [], [])
    priorities.opened(3, [b"u=3"], [1])
    priorities.opened(5, [], [1, 3])
    assert [priorities.of(each) for each in (1, 3, 5)] == [(3, True), (3, False), (3, False)]


def test_those_without_a_turn_for_long_have_it_first() -> None:
    priorities = Priorities(100)
    streams: dict[int, Any] = {number: Stream(number) for number in (1, 3, 5)}
    streams[1].turn, streams[3].turn = 300, 100
    priorities.all_ready(streams)
    assert [taken(priorities.turns) for _ in range(4)] == [5, 3, 1, None]


def test_nothing_is_kept_of_what_can_be_opened_no_more() -> None:
    priorities = Priorities(100)
    for number in range(1, 101, 2):
        priorities.update(0, number.to_bytes(4, "big") + b"u=1", {})
    priorities.opened(99, [], [])
    assert priorities.of(99) == (1, False)
    priorities.closed(99)
    assert not priorities._said
    assert not priorities._early


# --- on a connection -----------------------------------------------------------------------------

SIZE = 60_000


async def large(request: Request) -> Response:
    headers = [("priority", request.query["say"][0])] if "say" in request.query else []
    return Response(b"x" * SIZE, headers=headers)


def update(stream: int, value: bytes) -> bytes:
    body = stream.to_bytes(4, "big") + value
    frame = ExtensionFrame(PRIORITY_UPDATE, 0, body=body)
    frame.body_len = len(body)
    return frame.serialize()


def order(
    library: str,
    *asked: tuple[str, str],
    first: bytes = b"",
    then: bytes = b"",
    window: int = 10 * SIZE,
) -> list[int]:
    """Ask for paths with priorities; return the streams of the DATA frames as they came."""

    async def scenario(world: World) -> list[int]:
        async with serving(large):
            client = await H2Client.connect()
            client.parser.increment_flow_control_window(window)
            client.flush()
            client.writer.write(first)
            streams = []
            for path, priority in asked:
                fields = [("priority", priority)] if priority else []
                streams.append(client.request("GET", path, *fields))
            client.writer.write(then)
            for stream in streams:
                assert len(await client.ended(stream)) == SIZE
            client.close()
            return [e.stream_id for e in client.events if isinstance(e, h2.events.DataReceived)]

    found: list[int] = in_world(scenario, library)
    return found


ALONE = [1] * 4 + [3] * 4 + [5] * 4


@on_both
def test_what_is_urgent_goes_first(library: str) -> None:
    found = order(library, ("/", "u=5"), ("/", "u=0"), ("/", ""))
    assert found == [3] * 4 + [5] * 4 + [1] * 4


@on_both
def test_what_is_not_incremental_goes_in_order(library: str) -> None:
    assert order(library, ("/", "u=3"), ("/", ""), ("/", "i=?0")) == ALONE


@on_both
def test_what_is_incremental_takes_turns(library: str) -> None:
    assert order(library, *[("/", "i")] * 3) == [1, 3, 5] * 4


@on_both
def test_who_says_nothing_takes_turns(library: str) -> None:
    assert order(library, *[("/", "")] * 3) == [1, 3, 5] * 4


@on_both
def test_those_in_order_have_one_turn_together(library: str) -> None:
    found = order(library, ("/", "u=3"), ("/", "u=3"), ("/", "i"))
    assert found == [1, 5] * 4 + [3] * 4


@on_both
def test_a_client_that_disabled_the_old_priorities_means_the_new_ones(library: str) -> None:
    setting = SettingsFrame(0, settings={NO_RFC7540_PRIORITIES: 1}).serialize()
    assert order(library, *[("/", "")] * 3, first=setting) == ALONE


@on_both
def test_an_update_before_the_request_outweighs_its_header(library: str) -> None:
    found = order(library, ("/", "u=1"), ("/", "u=5"), first=update(3, b"u=0"))
    assert found == [3] * 4 + [1] * 4


@on_both
def test_an_update_says_all_anew(library: str) -> None:
    found = order(library, ("/", "u=1, i"), ("/", "u=3"), then=update(1, b"i=?0"))
    assert found == [1] * 4 + [3] * 4


@on_both
def test_the_application_corrects_the_client(library: str) -> None:
    found = order(library, ("/", "u=1, i"), ("/?say=u%3D0", "u=6"), ("/?say=u%3D9,,", "u=2"))
    assert found == [3] * 4 + [1] * 4 + [5] * 4


@on_both
def test_an_update_on_the_way_takes_the_turn_from_another(library: str) -> None:
    async def scenario(world: World) -> list[int]:
        async with serving(large):
            client = await H2Client.connect()
            client.acknowledge = False
            streams = [client.request("GET", "/", ("priority", "u=3")) for _ in range(2)]
            # The window of the connection is used up: 60,000 bytes of one, the rest of the other.
            await asyncio.sleep(1)
            client.writer.write(update(streams[1], b"u=4") + update(streams[0], b"u=5"))
            third = client.request("GET", "/", ("priority", "u=6"))
            client.parser.increment_flow_control_window(200_000)
            client.flush()
            for stream in (*streams, third):
                await client.ended(stream)
            client.close()
            return [e.stream_id for e in client.events if isinstance(e, h2.events.DataReceived)]

    found = in_world(scenario, library)
    assert list(dict.fromkeys(found)) == [1, 3, 5]
    assert found.index(5) > len(found) - 1 - found[::-1].index(3)


@on_both
def test_priority_updates_without_end_end_the_connection(library: str) -> None:
    async def scenario(world: World) -> int:
        async with serving(large):
            client = await H2Client.connect()
            client.writer.write(update(1, b"u=1") * 1100)
            kind = h2.events.ConnectionTerminated
            event = await client.until(lambda event: isinstance(event, kind))
            client.close()
            assert isinstance(event, h2.events.ConnectionTerminated)
            return int(event.error_code or 0)

    assert in_world(scenario, library) == 0xB


# --- credit in drops, and credit that others have ------------------------------------------------


@on_both
def test_what_waits_for_its_turn_is_not_late(library: str) -> None:
    """A client reads 3,000 bytes a second, for more than half a minute only of what is urgent."""

    async def endless(request: Request) -> Response:
        async def pieces() -> Any:
            for _ in range(10):
                yield b"x" * 20_000

        return Response(pieces()) if request.path == "/long" else Response(b"y" * 10_000)

    async def scenario(world: World) -> tuple[bytes, float]:
        async with serving(endless):
            client = await H2Client.connect()
            client.acknowledge = False
            client.parser.update_settings({4: 2**20})
            urgent = client.request("GET", "/long", ("priority", "u=1"))
            other = client.request("GET", "/", ("priority", "u=6"))
            began = world.now

            async def read() -> None:
                while True:
                    await asyncio.sleep(1)
                    client.parser.increment_flow_control_window(3000)
                    client.flush()

            reading = asyncio.create_task(read())
            body = await client.ended(other)
            reading.cancel()
            assert len(client.body(urgent)) == 200_000
            client.close()
            return body, world.now - began

    body, seconds = in_world(scenario, library)
    assert body == b"y" * 10_000
    assert seconds > 40


@on_both
@pytest.mark.parametrize("of_connection", [True, False])
def test_credit_in_drops_wins_little_time(library: str, of_connection: bool) -> None:
    """A byte every ten seconds: the streams are reset as if none came (CVE-2019-9511)."""

    async def scenario(world: World) -> float:
        async with serving(large, limits=Limits(keep_alive=100)):
            client = await H2Client.connect()
            client.acknowledge = False
            stream = client.request("GET", "/")
            if of_connection:
                other = client.request("GET", "/")
            else:
                client.parser.update_settings({4: 0})
            client.flush()
            began = world.now

            async def drip() -> None:
                while True:
                    await asyncio.sleep(10)
                    client.parser.increment_flow_control_window(
                        1, None if of_connection else stream
                    )
                    client.flush()

            dripping = asyncio.create_task(drip())
            await client.ended(stream)
            if of_connection:
                await client.ended(other)
            dripping.cancel()
            client.close()
            return world.now - began

    assert in_world(scenario, library) == pytest.approx(30, abs=1)


# --- whatever they are ---------------------------------------------------------------------------


@on_both
def test_credit_for_the_connection_is_shared_by_those_who_take_turns(library: str) -> None:
    async def scenario(world: World) -> list[list[int]]:
        async with serving(large):
            client = await H2Client.connect()
            client.acknowledge = False
            client.parser.update_settings({4: SIZE})
            streams = [client.request() for _ in range(4)]
            seen: list[list[int]] = []

            def sizes() -> list[int]:
                return [len(client.body(stream)) for stream in streams]

            for turn in range(10):  # a frame's worth of credit at a time
                credit = 65535 + 16384 * turn
                await client.until(lambda event, credit=credit: sum(sizes()) == credit)  # type: ignore[misc]
                seen.append(sizes())
                client.parser.increment_flow_control_window(16384)
                client.flush()
            client.close()
            return seen

    for sizes in in_world(scenario, library):
        assert max(sizes) - min(sizes) <= 16384 * 2, sizes


VALUES = st.sampled_from(["", "i", "u=0", "u=7, i", "u=5", "u=1, i=?0", "u=9", "?!"])
ASKED = st.lists(st.tuples(VALUES, st.integers(0, 40_000)), min_size=1, max_size=8)
UPDATES = st.lists(st.tuples(st.integers(0, 10), VALUES), max_size=8)


@settings(max_examples=effort(50, 10), deadline=None)
@given(asked=ASKED, updates=UPDATES, credit=st.lists(st.integers(1, 30_000), min_size=1))
def test_everything_arrives_whatever_is_said(
    asked: list[tuple[str, int]], updates: list[tuple[int, str]], credit: list[int]
) -> None:
    async def sized(request: Request) -> Response:
        return Response(bytes(int(request.path[1:])))

    async def scenario(world: World) -> None:
        async with serving(sized):
            client = await H2Client.connect()
            client.parser.update_settings({4: 100_000})
            client.acknowledge = False
            streams = [
                client.request("GET", f"/{size}", *([("priority", said)] if said else []))
                for said, size in asked
            ]

            async def give() -> None:
                for turn in range(10_000):
                    await asyncio.sleep(0.1)
                    if turn < len(updates):
                        place, said = updates[turn]
                        client.writer.write(update(2 * place + 1, said.encode()))
                    client.parser.increment_flow_control_window(credit[turn % len(credit)] + 2000)
                    client.flush()

            giving = asyncio.create_task(give())
            for stream, (_, size) in zip(streams, asked, strict=True):
                assert len(await client.ended(stream)) == size
            giving.cancel()
            client.close()

    in_world(scenario, "miniloop")

"""Requests over UDP: executed at most once, answered or given up, whatever the network does."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.support.states import shown_in
from protocols.reliable_udp import (
    MAX_BODY,
    Client,
    NoAnswer,
    RequestFailed,
    Server,
    SessionLost,
    connect,
    serve,
    server,
)
from protocols.reliable_udp.server import ServerLimits
from protocols.reliable_udp.wire import SESSION_BYTES, Kind, Message, delays

from .loops import Run, on_every_loop


async def reverse(body: bytes) -> bytes:
    return body[::-1]


# --- the wire ------------------------------------------------------------------------------------

messages = st.builds(
    Message,
    st.sampled_from(Kind),
    st.binary(min_size=SESSION_BYTES, max_size=SESSION_BYTES),
    st.integers(0, 255),
    st.integers(0, 2**64 - 1),
    st.binary(max_size=MAX_BODY),
)


@given(messages)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    datagram = message.encode()
    assert len(datagram) <= 1200
    assert Message.decode(datagram) == message


@given(st.binary(max_size=1300))
def test_any_bytes_are_a_message_or_nothing(datagram: bytes) -> None:
    message = Message.decode(datagram)
    assert message is None or message.encode() == datagram


def test_hello_is_not_shorter_than_what_it_is_answered() -> None:
    """Nobody can have the server send more than he sends himself, to an address not his own."""
    nonce = bytes(SESSION_BYTES)
    hello = Message(Kind.HELLO, nonce, body=bytes(SESSION_BYTES)).encode()
    welcome = Message(Kind.WELCOME, nonce, 16, 0, bytes(SESSION_BYTES)).encode()
    assert len(hello) >= len(welcome)


def test_the_states_are_drawn() -> None:
    assert shown_in(server.__doc__, server.TRANSITIONS)


def test_delays_grow_and_are_capped() -> None:
    assert list(itertools.islice(delays(), 6)) == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


# --- over real sockets ---------------------------------------------------------------------------


@on_every_loop
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def test_requests_are_answered(run: Run, host: str) -> None:
    async def main() -> list[bytes]:
        async with await serve(reverse, host) as server, await connect(*server.address) as client:
            return await asyncio.gather(*(client.request(b"%d!" % n) for n in range(100)))

    assert run(main()) == [b"!" + str(n)[::-1].encode() for n in range(100)]


@on_every_loop
def test_no_more_are_under_way_than_the_server_has_slots(run: Run) -> None:
    running, most = 0, 0

    async def slow(body: bytes) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return body

    async def main() -> int:
        limits = ServerLimits(slots=3)
        server = await serve(slow, limits=limits)
        async with server, await connect(*server.address) as client:
            await asyncio.gather(*(client.request(b"x") for _ in range(20)))
        return most

    assert run(main()) == 3


@on_every_loop
def test_a_handler_can_refuse_fail_and_answer_too_much(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(body: bytes) -> bytes:
        if body == b"refuse":
            raise RequestFailed("not on Sundays")
        if body == b"cancel":
            raise asyncio.CancelledError
        if body == b"fail":
            raise ZeroDivisionError("a secret")
        return bytes(MAX_BODY + 1)

    async def main() -> list[str]:
        said = []
        async with await serve(handler) as server, await connect(*server.address) as client:
            for body in (b"refuse", b"fail", b"large", b"cancel"):
                with pytest.raises(RequestFailed) as caught:
                    await client.request(body)
                said.append(str(caught.value))
        return said

    with caplog.at_level(logging.ERROR):
        said = run(main())
    assert said == [
        "not on Sundays",
        "the handler failed",
        "the answer is too large for a datagram",
        "the handler was cancelled",
    ]
    assert [record.message for record in caplog.records] == ["a handler failed"]


@on_every_loop
def test_what_is_too_large_is_said_before_anything_is_sent(run: Run) -> None:
    async def main() -> None:
        async with await connect("127.0.0.1", 9) as client:
            with pytest.raises(ValueError, match="over the"):
                await client.request(bytes(MAX_BODY + 1))

    run(main())


@on_every_loop
def test_nobody_there_is_no_answer(run: Run) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        address = gone.getsockname()

    async def main() -> None:
        async with await connect(*address) as client:
            with pytest.raises(NoAnswer, match=r"within 0\.05 s; the last word was"):
                await client.request(b"anybody?", timeout=0.05)

    run(main())


@on_every_loop
def test_closing_tells_those_who_wait(run: Run) -> None:
    async def main() -> None:
        forever = asyncio.Event()

        async def never(_: bytes) -> bytes:
            await forever.wait()
            return b""

        async with await serve(never) as server:
            client = await connect(*server.address)
            waiting = asyncio.create_task(client.request(b"x"))
            await asyncio.sleep(0.01)
            await client.close()
            with pytest.raises(ConnectionError, match="closed"):
                await waiting
            with pytest.raises(ConnectionError, match="closed"):
                await client.request(b"y")

    run(main())


# --- without a network: each datagram by hand ----------------------------------------------------


async def settle() -> None:
    """Let everything that can run do so."""
    for _ in range(4):
        await asyncio.sleep(0)


class Wire:
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Message, Any]] = []

    def sendto(self, data: bytes, addr: Any = None) -> None:
        message = Message.decode(data)
        assert message is not None
        self.sent.append((message, addr))

    def is_closing(self) -> bool:
        return False


class Table:
    """A server with a `Wire`, and how often each body was executed."""

    def __init__(self, **limits: Any) -> None:
        self.executed: Counter[bytes] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.server = Server(self.handle, ServerLimits(**limits))
        self.wire = Wire()
        transport: Any = self.wire
        self.server.connection_made(transport)

    async def handle(self, body: bytes) -> bytes:
        self.executed[body] += 1
        await self.gate.wait()
        return b"did " + body

    async def come(self, message: Message, source: Any = "a") -> list[Message]:
        """Let *message* come from *source*; return what is sent to there."""
        self.wire.sent.clear()
        self.server.datagram_received(message.encode(), source)
        await settle()
        return [sent for sent, addr in self.wire.sent if addr == source]

    async def session(self, source: Any = "a") -> bytes:
        nonce = bytes(SESSION_BYTES)
        (welcome,) = await self.come(Message(Kind.HELLO, nonce, body=nonce), source)
        assert (welcome.kind, welcome.session) == (Kind.WELCOME, nonce)
        return welcome.body


#: What comes: a request by slot and count, a hello, or the handlers' leave to end or not.
steps = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 2), st.integers(1, 4)), st.sampled_from(["open", "shut", "hello"])
    ),
    max_size=40,
)


@given(steps)
def test_in_any_order_and_number_each_request_is_executed_at_most_once(order: list[Any]) -> None:
    """And what is sent in answer belongs to the request, and is the same each time."""

    async def main() -> None:
        table = Table(slots=2)
        number = await table.session()
        for step in order:
            if step == "open":
                table.gate.set()
                await settle()
            elif step == "shut":
                table.gate.clear()
            elif step == "hello":
                assert await table.session() != number
            else:
                slot, count = step
                body = b"%d/%d" % step
                for answer in await table.come(Message(Kind.REQUEST, number, slot, count, body)):
                    expected = (Kind.ANSWER, number, slot, count, b"did " + body)
                    assert (answer.kind, answer.session) == expected[:2]
                    assert (answer.slot, answer.count, answer.body) == expected[2:]
        table.gate.set()
        await settle()
        assert all(times == 1 for times in table.executed.values())
        assert not any(body.startswith(b"2/") for body in table.executed), "there is no slot 2"

    asyncio.run(main())


def test_a_session_is_its_address_s_alone() -> None:
    async def main() -> None:
        table = Table()
        number = await table.session("a")
        (answer,) = await table.come(Message(Kind.REQUEST, number, 0, 1, b"x"), "b")
        assert answer.kind is Kind.GONE
        assert not table.executed

    asyncio.run(main())


def test_hellos_from_forged_addresses_push_out_no_session_in_use() -> None:
    async def main() -> None:
        table = Table(sessions=3)
        number = await table.session()
        request = Message(Kind.REQUEST, number, 0, 1, b"x")
        await table.come(request)
        for flood in range(50):
            await table.session(flood)
        (answer,) = await table.come(request)
        assert answer.kind is Kind.ANSWER
        assert table.executed == {b"x": 1}

    asyncio.run(main())


def test_the_session_that_was_quiet_longest_makes_room_and_is_gone_for_good() -> None:
    async def main() -> None:
        table = Table(sessions=2)
        numbers = []
        for source in range(3):
            numbers.append(await table.session(source))
            await table.come(Message(Kind.REQUEST, numbers[-1], 0, 1, b"%d" % source), source)
        (late,) = await table.come(Message(Kind.REQUEST, numbers[0], 0, 1, b"0"), 0)
        assert late.kind is Kind.GONE
        (kept,) = await table.come(Message(Kind.REQUEST, numbers[1], 0, 1, b"1"), 1)
        assert kept.kind is Kind.ANSWER
        assert set(table.executed.values()) == {1}

    asyncio.run(main())


def test_beyond_its_handlers_the_server_drops_and_executes_when_asked_again() -> None:
    async def main() -> None:
        table = Table(running=1)
        number = await table.session()
        table.gate.clear()
        await table.come(Message(Kind.REQUEST, number, 0, 1, b"one"))
        two = Message(Kind.REQUEST, number, 1, 1, b"two")
        assert await table.come(two) == []
        assert b"two" not in table.executed
        table.gate.set()
        await settle()
        assert [answer.body for answer in await table.come(two)] == [b"did two"]

    asyncio.run(main())


def test_a_client_whose_session_is_gone_says_so_and_begins_anew() -> None:
    async def main() -> None:
        wire: Any = Wire()
        client = Client()
        client.connection_made(wire)

        async def answer(kind: Kind, slot: int = 0, body: bytes = b"") -> Message:
            await asyncio.sleep(0.001)
            last: Message = wire.sent[-1][0]
            reply = Message(kind, last.session, slot, last.count, body)
            client.datagram_received(reply.encode(), None)
            return last

        asked = [asyncio.create_task(client.request(b"%d" % n)) for n in (1, 2)]
        assert (await answer(Kind.WELCOME, 1, b"1" * SESSION_BYTES)).kind is Kind.HELLO
        assert (await answer(Kind.GONE)).body == b"1"
        with pytest.raises(SessionLost):
            await asked[0]
        assert (await answer(Kind.WELCOME, 1, b"2" * SESSION_BYTES)).kind is Kind.HELLO
        assert (await answer(Kind.ANSWER, 0, b"fine")).session == b"2" * SESSION_BYTES
        assert await asked[1] == b"fine"

    asyncio.run(main())

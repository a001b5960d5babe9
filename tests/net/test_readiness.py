"""Callbacks for descriptors: add, replace, remove, in any order, as asyncio does it."""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from miniloop.eventloop import EventLoop
from miniloop.net import readiness

from ..core.pairs import LIBRARIES, Library, Side, outcome, turn

which = st.integers(0, 1)


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    for each in (near, far):
        each.setblocking(False)
    yield near, far
    near.close()
    far.close()


class DescriptorSide(Side):
    """A loop with two pairs of sockets."""

    def __init__(self, library: Library) -> None:
        super().__init__(library)
        self.pairs = [socket.socketpair() for _ in range(2)]
        for near, _ in self.pairs:
            near.setblocking(False)

    def near(self, number: int) -> socket.socket:
        """Return the end that the loop watches."""
        return self.pairs[number][0]

    def finish(self) -> None:
        """Close everything."""
        for near, far in self.pairs:
            self.loop.remove_reader(near)
            self.loop.remove_writer(near)
            near.close()
            far.close()
        self.close()


class DescriptorMachine(RuleBasedStateMachine):
    """Each rule does the same to both loops; what is called, and in which order, must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = [DescriptorSide(library) for library in LIBRARIES]
        self.states = ["absent"] * 2  # what the module's own table says

    def teardown(self) -> None:
        """Close everything."""
        for side in self.sides:
            side.finish()

    def both(self, do: Any) -> Any:
        """Do something on both sides; return what comes out."""
        theirs, ours = (outcome(do, side) for side in self.sides)
        assert theirs == ours
        return ours

    def enter(self, number: int, event: str) -> None:
        table = {(state, what): new for state, what, new in readiness.TRANSITIONS}
        self.states[number] = table.get((self.states[number], event), self.states[number])

    @rule(number=which, label=st.integers(0, 9))
    def add_reader(self, number: int, label: int) -> None:
        self.both(lambda side: side.loop.add_reader(side.near(number), side.log.append, label))
        self.enter(number, "add_reader")

    @rule(number=which, label=st.integers(10, 19))
    def add_writer(self, number: int, label: int) -> None:
        self.both(
            lambda side: side.loop.add_writer(side.near(number).fileno(), side.log.append, label)
        )
        self.enter(number, "add_writer")

    @rule(number=which)
    def remove_reader(self, number: int) -> None:
        removed = self.both(lambda side: side.loop.remove_reader(side.near(number)))
        assert removed == ("returned", self.states[number] in ("reading", "both"))
        self.enter(number, "remove_reader")

    @rule(number=which)
    def remove_writer(self, number: int) -> None:
        removed = self.both(lambda side: side.loop.remove_writer(side.near(number)))
        assert removed == ("returned", self.states[number] in ("writing", "both"))
        self.enter(number, "remove_writer")

    @rule(number=which)
    def send(self, number: int) -> None:
        for side in self.sides:
            side.pairs[number][1].send(b"x")

    @rule(number=which)
    def receive(self, number: int) -> None:
        for side in self.sides:
            try:
                side.near(number).recv(100)
            except BlockingIOError:
                side.log.append("nothing there")

    @rule(number=which)
    def a_callback_that_removes_the_other(self, number: int) -> None:
        def add(side: DescriptorSide) -> None:
            other = side.near(1 - number)
            side.loop.add_writer(side.near(number), lambda: side.loop.remove_writer(other))

        self.both(add)
        self.enter(number, "add_writer")
        for side in self.sides:
            # One turn only: which of the two is called first is the selector's choice.
            side.loop.remove_writer(side.near(number))
        self.enter(number, "remove_writer")

    @rule()
    def turn(self) -> None:
        for side in self.sides:
            start = len(side.log)
            turn(side.loop)
            side.log[start:] = sorted(side.log[start:], key=str)

    @invariant()
    def logs_agree(self) -> None:
        assert self.sides[0].log == self.sides[1].log

    @invariant()
    def the_selector_agrees_with_the_table(self) -> None:
        side = self.sides[1]
        for number, state in enumerate(self.states):
            fd = side.near(number).fileno()
            seen = (
                readiness.polls(side.loop, fd, selectors.EVENT_READ),
                readiness.polls(side.loop, fd, selectors.EVENT_WRITE),
            )
            assert seen == (state in ("reading", "both"), state in ("writing", "both"))


TestDescriptors = DescriptorMachine.TestCase


def test_readiness_is_a_level(loop: EventLoop, pair: Any) -> None:
    near, far = pair
    calls: list[int] = []
    loop.add_reader(near, calls.append, 1)
    far.send(b"x")
    for _ in range(3):
        turn(loop)
    assert calls == [1, 1, 1]
    near.recv(10)
    turn(loop)
    assert calls == [1, 1, 1]
    loop.remove_reader(near)


def test_reader_and_writer_of_one_descriptor_come_in_that_order(loop: EventLoop, pair: Any) -> None:
    near, far = pair
    calls: list[str] = []
    loop.add_writer(near, calls.append, "writer")
    loop.add_reader(near, calls.append, "reader")
    far.send(b"x")
    turn(loop)
    assert calls == ["reader", "writer"]
    loop.remove_reader(near)
    loop.remove_writer(near)


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_a_callback_replaced_in_its_own_batch_is_not_called(library: Library, pair: Any) -> None:
    side = Side(library)
    near, far = pair
    far.send(b"x")
    side.loop.add_reader(near, side.log.append, "old")
    side.loop.call_soon(side.loop.add_reader, near, side.log.append, "new")
    turn(side.loop)
    assert side.log == []
    turn(side.loop)
    assert side.log == ["new"]
    side.loop.remove_reader(near)
    side.close()


@pytest.mark.parametrize(
    "wrong", ["text", object(), None, -1, 10**6], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("method", ["add_reader", "add_writer", "remove_reader", "remove_writer"])
def test_what_is_no_descriptor_is_refused_as_asyncio_does(method: str, wrong: Any) -> None:
    outcomes = []
    for library in LIBRARIES:
        side = Side(library)
        arguments = [wrong, print] if method.startswith("add") else [wrong]
        outcomes.append(outcome(getattr(side.loop, method), *arguments)[:2])
        side.close()
    assert outcomes[0] == outcomes[1]


def test_a_descriptor_is_its_transports_alone(loop: EventLoop, pair: Any) -> None:
    class Transport:
        closing = False

        def is_closing(self) -> bool:
            return self.closing

    near, _ = pair
    transport = Transport()
    readiness.check_free(loop, near)
    readiness.claim(loop, near.fileno(), transport)
    with pytest.raises(RuntimeError, match="is used by transport"):
        readiness.check_free(loop, near)
    transport.closing = True
    readiness.check_free(loop, near)
    transport.closing = False
    readiness.release(loop, near.fileno(), object.__new__(Transport))  # not its own
    with pytest.raises(RuntimeError, match="is used by transport"):
        readiness.check_free(loop, near.fileno())
    readiness.release(loop, near.fileno(), transport)
    readiness.check_free(loop, near)
    with pytest.raises(ValueError, match="Invalid file object"):
        readiness.check_free(loop, "text")


def test_a_transport_that_is_gone_claims_nothing(loop: EventLoop, pair: Any) -> None:
    class Transport:
        def is_closing(self) -> bool:
            return False

    transport = Transport()
    readiness.claim(loop, pair[0].fileno(), transport)
    del transport
    readiness.check_free(loop, pair[0])


def test_it_is_an_asyncio_loop_to_whoever_asks(loop: EventLoop, pair: Any) -> None:
    near, far = pair

    async def main() -> bytes:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        loop.add_reader(near, lambda: future.set_result(near.recv(10)))
        far.send(b"hello")
        try:
            return await future
        finally:
            loop.remove_reader(near)

    assert loop.run_until_complete(main()) == b"hello"

"""From epoll straight to the ready queue: the same arrivals as through a selector, in its order."""

from __future__ import annotations

import os
import select
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.core.handles import Handle
from miniloop.eventloop import EventLoop
from miniloop.net import readiness

#: What is watched of one socket, and whether it has something to read, ended, or is full.
Watched = tuple[bool, bool, bool, bool, bool]
watched = st.tuples(*[st.booleans()] * 5)


class LongWay(EventLoop):
    """A loop with a step of its own between the selector and the ready queue."""

    def _process_events(self, events: Any) -> None:
        super()._process_events(events)


@contextmanager
def opened(factory: Any) -> Iterator[Any]:
    loop = factory()
    try:
        yield loop
    finally:
        loop.close()


def arrivals(factory: Any, plan: list[Watched]) -> list[str]:
    """Return which callbacks run in one turn, in their order."""
    calls: list[str] = []
    with ExitStack() as stack:
        loop = stack.enter_context(opened(factory))
        for number, (reads, writes, data, ended, full) in enumerate(plan):
            near, far = (stack.enter_context(sock) for sock in socket.socketpair())
            near.setblocking(False)
            if data:
                far.send(b"data")
            if full:
                with suppress(BlockingIOError):
                    while near.send(bytes(1 << 16)):
                        pass
            if ended:
                far.close()
            if reads:
                loop.add_reader(near, calls.append, f"read {number}")
                stack.callback(loop.remove_reader, near)
            if writes:
                loop.add_writer(near, calls.append, f"write {number}")
                stack.callback(loop.remove_writer, near)
        loop.stop()
        loop.run_forever()
    return calls


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll here")
@given(st.lists(watched, max_size=6))
def test_the_same_arrivals_in_the_same_order(plan: list[Watched]) -> None:
    assert arrivals(EventLoop, plan) == arrivals(LongWay, plan)


class Epoll(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
    """Somebody's own selector."""


@pytest.mark.parametrize("factory", [LongWay, lambda: EventLoop(Epoll())])
def test_who_wants_to_see_the_events_sees_them(factory: Any) -> None:
    with opened(factory) as loop:
        assert readiness.waiting(loop) == loop._selector.select


def test_methods_that_were_replaced_are_called() -> None:
    with opened(EventLoop) as loop:
        seen: list[Any] = []
        process, select_ = loop._process_events, loop._selector.select

        def see(events: Any) -> None:
            seen.append(events)
            process(events)

        loop._process_events = see
        loop.stop()
        loop.run_forever()
        assert seen == [[]]
        del loop._process_events

        def ask(timeout: float | None) -> Any:
            seen.append(timeout)
            return select_(timeout)

        loop._selector.select = ask
        loop.stop()
        loop.run_forever()
        assert seen == [[], 0]


def test_a_handle_that_was_cancelled_arrives_no_more() -> None:
    near, far = socket.socketpair()
    with opened(EventLoop) as loop, near, far:
        far.send(b"data")
        handle: Handle = readiness.add(loop, near.fileno(), selectors.EVENT_READ, print, ())
        handle.cancel()
        readiness.waiting(loop)(0)
        assert not loop.ready
        readiness.remove(loop, near.fileno(), selectors.EVENT_READ)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll here")
@pytest.mark.parametrize("factory", [EventLoop, LongWay])
def test_a_writer_is_told_that_nobody_reads_any_more(factory: Any) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, bytes(1 << 12)):
            pass
    os.close(reading)  # an error, and still no room to write
    calls: list[str] = []
    with opened(factory) as loop:
        loop.add_writer(writing, calls.append, "write")
        loop.stop()
        loop.run_forever()
        loop.remove_writer(writing)
    os.close(writing)
    assert calls == ["write"]

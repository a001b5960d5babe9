"""Waking a loop that waits: the pair of sockets behind `call_soon_threadsafe`."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from miniloop.eventloop import EventLoop
from miniloop.net.wakeup import Wakeup

from ..core.pairs import turn


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


def readable(loop: EventLoop) -> bool:
    """Return whether the loop's selector would return at once."""
    return bool(loop._selector.select(0))


def test_a_wake_ends_the_next_wait_and_no_other(loop: EventLoop) -> None:
    assert not readable(loop)
    loop._wakeup.wake()
    loop._wakeup.wake()
    assert readable(loop)
    turn(loop)
    turn(loop)
    assert not readable(loop)


def test_what_arrives_is_passed_on(loop: EventLoop) -> None:
    got: list[bytes] = []
    wakeup = Wakeup(loop, got.append)
    os.write(wakeup.fileno(), b"\x02\x0f")
    turn(loop)
    turn(loop)
    assert got == [b"\x02\x0f"]
    wakeup.close()
    assert wakeup.fileno() == -1


def test_a_full_pair_of_sockets_is_awake_enough(loop: EventLoop) -> None:
    wakeup = loop._wakeup
    while select.select([], [wakeup.fileno()], [], 0)[1]:
        wakeup.wake()
    for _ in range(10):
        loop.call_soon_threadsafe(int)
    turn(loop)
    turn(loop)
    assert not readable(loop)


def test_waking_a_closed_loop_is_harmless_and_debug_mode_tells(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = EventLoop()
    loop.close()
    loop._wakeup.wake()
    assert caplog.messages == []
    loop.set_debug(True)
    with caplog.at_level(logging.DEBUG):
        loop._wakeup.wake()
    assert caplog.messages == ["Fail to write a null byte into the self-pipe"]


def test_only_the_threadsafe_way_wakes(loop: EventLoop) -> None:
    loop.call_soon(int)
    assert not readable(loop)
    loop.call_soon_threadsafe(int)
    assert readable(loop)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc to count descriptors in")
def test_closing_a_loop_frees_every_descriptor() -> None:
    def descriptors() -> set[str]:
        return set(os.listdir("/proc/self/fd"))

    EventLoop().close()  # whatever the first one opens for good
    before = descriptors()
    loop = EventLoop()
    assert len(descriptors()) >= len(before) + 3
    loop.add_signal_handler(10, print)
    loop.call_soon_threadsafe(int)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.run_in_executor(None, int))
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    assert descriptors() == before

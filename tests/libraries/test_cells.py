"""What compares scenarios and looks for leaks notices each of them."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from importlib import import_module

import pytest

from miniloop import EventLoop

from . import cells
from .cells import LOOPS, Say, play, same


@pytest.fixture(params=sorted(LOOPS))
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(cells, "SETTLING", 0.02)
    return str(request.param)


def test_what_is_said_and_logged_is_kept_in_order(name: str) -> None:
    async def scenario(say: Say) -> None:
        logging.getLogger("a.library").error("went %s", "wrong")
        say("one")
        say("two", 2)
        asyncio.get_running_loop().call_exception_handler({"message": "told"})

    assert play(LOOPS[name], scenario) == [
        "one",
        ("two", 2),
        ("logged", "a.library", "went %s"),
        ("reported", "told", "NoneType"),
    ]


def test_a_task_that_is_left(name: str) -> None:
    async def scenario(say: Say) -> None:
        kept.append(asyncio.create_task(asyncio.sleep(100)))

    kept: list[asyncio.Task[None]] = []
    with pytest.raises(AssertionError, match=r"left behind.*Task"):
        play(LOOPS[name], scenario)


def test_a_descriptor_that_is_left_open_or_registered(name: str) -> None:
    async def opened(say: Say) -> None:
        kept.extend(socket.socketpair())

    async def registered(say: Say) -> None:
        asyncio.get_running_loop().add_reader(kept[0], print)

    kept: list[socket.socket] = []
    with pytest.raises(AssertionError, match=r"left open: .*socket:"):
        play(LOOPS[name], opened)
    with pytest.raises(AssertionError, match=r"left behind.*SelectorKey"):
        play(LOOPS[name], registered)
    for each in kept:
        each.close()


def test_a_thread_that_is_left(name: str) -> None:
    async def scenario(say: Say) -> None:
        threads.append(threading.Thread(target=go_on.wait))
        threads[0].start()

    threads: list[threading.Thread] = []
    go_on = threading.Event()
    with pytest.raises(AssertionError, match="is left"):
        play(LOOPS[name], scenario)
    go_on.set()
    threads[0].join()


def test_somebody_who_asks_for_uvloop(name: str) -> None:
    async def scenario(say: Say) -> None:
        with pytest.raises(AttributeError):
            import_module("uvloop").new_event_loop()

    with pytest.raises(AssertionError, match="new_event_loop"):
        play(LOOPS[name], scenario)


def test_facts_that_differ_and_facts_that_are_missing() -> None:
    async def differs(say: Say) -> None:
        say(isinstance(asyncio.get_running_loop(), EventLoop))

    async def silent(say: Say) -> None:
        pass

    for scenario in (differs, silent):
        with pytest.raises(AssertionError):
            same(scenario)

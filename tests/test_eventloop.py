"""EventLoop as a whole: what asyncio's programs may ask of it, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

import miniloop
from miniloop.eventloop import EventLoop


def test_it_is_one_of_asyncios_loops() -> None:
    assert issubclass(EventLoop, asyncio.AbstractEventLoop)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in dir(asyncio.AbstractEventLoop)
        if name[:1] != "_" and name in vars(EventLoop) | vars(EventLoop.__mro__[1])
    ],
)
def test_a_method_takes_the_arguments_that_asyncios_does(name: str) -> None:
    theirs = inspect.signature(getattr(asyncio.SelectorEventLoop, name)).parameters
    ours = inspect.signature(getattr(EventLoop, name)).parameters
    variadic = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    keywords = {each.name for each in theirs.values() if each.kind is each.KEYWORD_ONLY}
    takes_any = any(each.kind is each.VAR_KEYWORD for each in ours.values())
    assert takes_any or keywords <= set(ours)
    positional = [each for each in theirs.values() if each.kind not in variadic][1:]
    needed = [each for each in positional if each.default is each.empty]
    if len(needed) == len(positional) and not any(each.kind in variadic for each in ours.values()):
        assert [each.name for each in positional] == list(ours)[1 : len(positional) + 1]


def test_an_unclosed_loop_is_warned_about_and_closed() -> None:
    def make_and_drop() -> int:
        descriptor = EventLoop()._wakeup.fileno()
        gc.collect()
        return descriptor

    with pytest.warns(ResourceWarning, match="unclosed event loop <EventLoop running=False"):
        descriptor = make_and_drop()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("first", ["_reader", "_writer"])
def test_a_loop_whose_sockets_were_collected_first_is_closed_all_the_same(first: str) -> None:
    # The collector finalizes what is in a cycle in any order.
    loop: Any = EventLoop()
    getattr(loop._wakeup, first).__del__()
    loop.close()
    assert loop.is_closed()


def test_a_closed_loop_is_silent(recwarn: pytest.WarningsRecorder) -> None:
    loop: Any = EventLoop()
    loop.close()
    del loop
    gc.collect()
    assert not list(recwarn)


def test_one_whose_making_failed_is_silent(recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(TypeError):
        EventLoop(no_such_argument=1)  # type: ignore[call-arg]
    gc.collect()
    assert not list(recwarn)


@pytest.mark.parametrize("out_of", ["selectors.DefaultSelector", "socket.socketpair"])
def test_one_without_descriptors_says_so_once(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, out_of: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with monkeypatch.context() as without:
        without.setattr(out_of, refuse)
        with pytest.raises(OSError, match="Too many open files"):
            EventLoop()
    gc.collect()
    assert not unraisable
    assert not recwarn.list


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc to count descriptors in")
def test_a_run_leaves_no_descriptor_open() -> None:
    async def main() -> None:
        await miniloop.to_thread(int)
        await miniloop.gather(*[miniloop.sleep(0) for _ in range(10)])

    miniloop.run(main())
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        miniloop.run(main())
    assert set(os.listdir("/proc/self/fd")) == before


def test_closing_drops_what_is_queued() -> None:
    class Held:
        pass

    held = Held()
    gone = weakref.ref(held)
    loop = EventLoop()
    loop.call_soon(print, held)
    loop.call_later(10, print, held)
    del held
    loop.close()
    assert gone() is None


@pytest.mark.parametrize(
    "factory", ["asyncio.Runner(loop_factory=miniloop.EventLoop)", "miniloop.Runner()"]
)
def test_a_program_ends_cleanly_at_the_interpreters_end(factory: str) -> None:
    program = f"""
import asyncio, miniloop

async def forever():
    await asyncio.get_running_loop().create_future()

async def main():
    asyncio.create_task(forever())
    await asyncio.to_thread(int)
    print("main is done")

with {factory} as runner:
    runner.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("main is done\n", "", 0)

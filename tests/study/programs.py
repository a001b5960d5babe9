"""Programs to record: one that does a little of everything, and random ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

import miniloop
from miniloop import EventLoop
from miniloop.study import Recorder, Recording
from miniloop.study.asyncio_loop import AsyncioLoop

#: What makes an observed loop of each library.
LOOPS: dict[str, Callable[[Recorder], Any]] = {
    "miniloop": lambda recorder: EventLoop(observer=recorder),
    "asyncio": AsyncioLoop,
}


def record(main: Callable[[], Any], loop: str = "miniloop", **options: Any) -> Recording:
    """Run a coroutine function on an observed loop; return the recording."""
    recorder = Recorder(folder=__file__.rpartition("/")[0], **options)
    with asyncio.Runner(loop_factory=lambda: LOOPS[loop](recorder)) as runner:
        runner.run(main())
    return recorder.recording()


@dataclass(frozen=True)
class Act:
    """One thing that a task or callback of a random program does."""

    what: str
    number: int = 0
    inner: list[Act] = field(default_factory=list)


KINDS = ("turn", "sleep", "task", "soon", "later", "cancel", "drop", "set", "wait", "lock", "look")


def acts() -> st.SearchStrategy[list[Act]]:
    """Return random programs, a few levels deep."""
    leaf = st.builds(Act, st.sampled_from(KINDS), st.integers(0, 5))
    nested = st.recursive(
        leaf,
        lambda inner: st.builds(
            Act, st.sampled_from(KINDS[2:5]), st.integers(0, 5), st.lists(inner, max_size=3)
        ),
        max_leaves=15,
    )
    return st.lists(nested, min_size=1, max_size=8)


class Program:
    """Runs a random program; *look* is called now and then with the loop."""

    def __init__(self, look: Callable[[], None]) -> None:
        self.look = look
        self.wrong: list[AssertionError] = []
        self.tasks: list[Any] = []
        self.handles: list[Any] = []

    async def main(self, script: list[Act]) -> None:
        """Run the script, then end everything that is left."""
        self.loop = asyncio.get_running_loop()
        self.futures = [self.loop.create_future() for _ in range(3)]
        self.lock = miniloop.Lock()
        try:
            await self.play(script)
        finally:
            await self.end()
        for error in self.wrong:
            raise error

    async def end(self) -> None:
        """Let nothing stay that waits."""
        for handle in self.handles:
            handle.cancel()
        while pending := [task for task in self.tasks if not task.done()]:
            for each in pending:
                each.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            for handle in self.handles:
                handle.cancel()

    async def play(self, script: list[Act]) -> None:
        """Do what the script says."""
        for act in script:
            match act.what:
                case "turn":
                    await asyncio.sleep(0)
                case "sleep":
                    await asyncio.sleep(act.number / 10)
                case "wait":
                    await asyncio.wait([self.futures[act.number % 3]], timeout=1)
                case "lock":
                    async with self.lock:
                        await asyncio.sleep(act.number / 20)
                case _:
                    self.act(act)

    def act(self, act: Act) -> None:
        """Do what needs no waiting."""
        match act.what:
            case "task":
                self.tasks.append(self.loop.create_task(self.play(act.inner)))
            case "soon":
                self.handles.append(self.loop.call_soon(self.all_of, act.inner))
            case "later":
                self.handles.append(self.loop.call_later(act.number / 10, self.all_of, act.inner))
            case "cancel" if self.tasks:
                self.tasks[act.number % len(self.tasks)].cancel()
            case "drop" if self.handles:
                self.handles[act.number % len(self.handles)].cancel()
            case "set" if not self.futures[act.number % 3].done():
                self.futures[act.number % 3].set_result(act.number)
            case "look":
                try:
                    self.look()
                except AssertionError as error:  # a callback's would only be logged
                    self.wrong.append(error)

    def all_of(self, script: list[Act]) -> None:
        """Run as a callback: do what of the script needs no waiting."""
        for act in script:
            self.act(act)

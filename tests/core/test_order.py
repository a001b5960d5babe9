"""Iterations: what runs before what, laid side by side with asyncio's loop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.eventloop import EventLoop

from ..sync.loops import virtual_miniloop
from .pairs import LIBRARIES, Library, Side, turn


@dataclass(frozen=True)
class Step:
    """One thing that an entry does when it runs; *inner* is what those that it makes do."""

    what: str
    number: int = 0
    inner: list[Step] = field(default_factory=list)


KINDS = ("soon", "later", "at", "threadsafe", "task", "yield", "cancel", "stop", "future", "set")


def steps() -> st.SearchStrategy[list[Step]]:
    """Return scripts of a few steps, nested a few levels."""
    leaf = st.builds(Step, st.sampled_from(KINDS), st.integers(0, 5))
    nested = st.recursive(
        leaf,
        lambda inner: st.builds(
            Step, st.sampled_from(KINDS[:5]), st.integers(0, 5), st.lists(inner, max_size=3)
        ),
        max_leaves=12,
    )
    return st.lists(nested, max_size=6)


class Player:
    """Plays a script on one loop and keeps the order of everything."""

    def __init__(self, library: Library) -> None:
        self.side = Side(library)
        self.loop = self.side.loop
        self.log = self.side.log
        self.handles: list[Any] = []
        self.tasks: list[Any] = []
        self.futures = [self.loop.create_future() for _ in range(3)]
        self.stops = 0

    def entry(self, name: str, script: list[Step]) -> None:
        """Run as a callback: do what the script says; a yield has no meaning here."""
        self.log.append((name, self.loop.time()))
        for number, step in enumerate(script):
            self.act(f"{name}.{number}", step)

    async def task(self, name: str, script: list[Step]) -> None:
        """Run as a task: the same, with turns in between."""
        self.log.append((name, self.loop.time()))
        for number, step in enumerate(script):
            if step.what == "yield":
                for _ in range(step.number):
                    await self.side.names.sleep(0)
                self.log.append((name, number))
            elif step.what == "future":
                self.log.append((name, await self.futures[step.number % 3]))
            else:
                self.act(f"{name}.{number}", step)

    def act(self, name: str, step: Step) -> None:
        """Do one step."""
        number, inner, loop = step.number, step.inner, self.loop
        match step.what:
            case "soon":
                self.handles.append(loop.call_soon(self.entry, name, inner))
            case "threadsafe":
                self.handles.append(loop.call_soon_threadsafe(self.entry, name, inner))
            case "later":
                self.handles.append(loop.call_later(number / 2, self.entry, name, inner))
            case "at":
                when = loop.time() + number % 2
                self.handles.append(loop.call_at(when, self.entry, name, inner))
            case "task":
                self.tasks.append(loop.create_task(self.task(name, inner)))
            case "cancel" if number % 2 and self.tasks:
                self.tasks[number % len(self.tasks)].cancel()
            case "cancel" if self.handles:
                self.handles[number % len(self.handles)].cancel()
            case "stop" if self.stops < 3:
                self.stops += 1
                loop.stop()
            case "set" if not self.futures[number % 3].done():
                self.futures[number % 3].set_result(name)

    def play(self, script: list[Step]) -> list[Any]:
        """Run the whole script, again after every stop; return what happened."""
        for number, step in enumerate(script):
            self.act(str(number), step)
        for _ in range(4):
            self.loop.call_later(3, self.loop.stop)
            self.loop.run_forever()
            self.log.append(("stopped", self.loop.time()))
        for number, task in enumerate(self.tasks):
            done = task.done()
            self.log.append((number, done, done and task.cancelled()))
        told = list(self.log)
        self.end()
        return told

    def end(self) -> None:
        """Let nothing stay unfinished: a task made in the last turn has not begun yet."""
        for each in (*self.handles, *self.tasks):
            each.cancel()
        turn(self.loop)
        turn(self.loop)
        self.side.close()


@given(steps())
def test_everything_runs_in_asyncios_order(script: list[Step]) -> None:
    logs = [Player(library).play(script) for library in LIBRARIES]
    assert logs[0] == logs[1]


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = virtual_miniloop()
    yield made
    made.close()


@given(st.integers(0, 20), st.integers(0, 20))
def test_exactly_those_run_that_were_there_when_the_batch_began(first: int, added: int) -> None:
    for library in LIBRARIES:
        side = Side(library)

        def one(number: int, side: Side = side) -> None:
            side.log.append(number)
            if number == 0:
                for each in range(added):
                    side.loop.call_soon(side.log.append, first + each)

        for number in range(first):
            side.loop.call_soon(one, number)
        turn(side.loop)
        assert side.log == list(range(first))
        turn(side.loop)
        assert side.log == list(range(first + added if first else 0))
        side.close()


def test_a_callback_that_asks_for_itself_does_not_starve_the_rest(loop: EventLoop) -> None:
    seen: list[int] = []

    def again() -> None:
        seen.append(len(seen))
        loop.call_soon(again)

    loop.call_soon(again)
    loop.call_later(0, loop.stop)
    loop.run_forever()
    assert len(seen) <= 3


class TestStop:
    @pytest.mark.parametrize("library", LIBRARIES, ids=repr)
    def test_the_rest_of_the_batch_runs_and_nothing_more(self, library: Library) -> None:
        side = Side(library)
        loop = side.loop
        loop.call_soon(loop.stop)

        def rest() -> None:
            side.log.append("same batch")
            loop.call_soon(side.log.append, "next batch")

        loop.call_soon(rest)

        loop.run_forever()
        assert side.log == ["same batch"]
        assert not loop.is_running()
        turn(loop)
        assert side.log == ["same batch", "next batch"]
        side.close()

    @pytest.mark.parametrize("library", LIBRARIES, ids=repr)
    def test_before_the_run_it_means_one_iteration(self, library: Library) -> None:
        side = Side(library)
        side.loop.stop()
        side.loop.stop()
        side.loop.call_soon(side.loop.call_soon, side.log.append, "second")
        side.loop.call_soon(side.log.append, "first")
        side.loop.run_forever()
        assert side.log == ["first"]
        side.loop.call_soon(side.loop.stop)
        side.loop.run_forever()  # the stop was used up
        assert side.log == ["first", "second"]
        side.close()

    @pytest.mark.parametrize("library", LIBRARIES, ids=repr)
    def test_due_timers_and_ready_descriptors_are_seen_in_that_iteration(
        self, library: Library
    ) -> None:
        side = Side(library)
        near, far = socket.socketpair()
        far.send(b"x")
        side.loop.add_reader(near, side.log.append, "readable")
        side.loop.call_later(0, side.log.append, "due")
        side.loop.call_soon(side.log.append, "ready")
        turn(side.loop)
        assert side.log == ["ready", "readable", "due"]
        side.loop.remove_reader(near)
        near.close()
        far.close()
        side.close()


class TestRunning:
    def test_no_loop_runs_inside_a_loop(self, loop: EventLoop) -> None:
        other = virtual_miniloop()
        refused = []

        def nested() -> None:
            for each, words in (
                (loop, "already running"),
                (other, "while another loop is running"),
            ):
                with pytest.raises(RuntimeError, match=words):
                    each.run_forever()
                refused.append(each)
            with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
                loop.close()

        loop.call_soon(nested)
        turn(loop)
        assert refused == [loop, other]
        other.close()

    def test_a_closed_loop_refuses_everything_that_would_never_run(self) -> None:
        messages: list[list[str]] = []
        for library in LIBRARIES:
            side = Side(library)
            loop = side.loop
            loop.call_soon(print)
            loop.close()
            loop.close()
            assert loop.is_closed()
            said = []
            calls: list[tuple[Any, ...]] = [
                (loop.call_soon, print),
                (loop.call_later, 1, print),
                (loop.call_at, 1, print),
                (loop.call_soon_threadsafe, print),
                (loop.run_forever,),
                (loop.run_until_complete, loop.create_future()),
                (loop.run_in_executor, None, print),
                (loop.add_reader, 0, print),
                (loop.add_signal_handler, 2, print),
            ]
            for method, *arguments in calls:
                with pytest.raises(RuntimeError) as caught:
                    method(*arguments)
                said.append(str(caught.value))
            assert loop.remove_reader(0) is False
            messages.append(said)
        assert messages[0] == messages[1] == ["Event loop is closed"] * 9

    def test_the_repr_says_what_state_it_is_in(self, loop: EventLoop) -> None:
        seen = []
        loop.call_soon(lambda: seen.append(repr(loop)))
        turn(loop)
        assert seen == ["<EventLoop running=True closed=False debug=False>"]
        assert repr(loop) == "<EventLoop running=False closed=False debug=False>"

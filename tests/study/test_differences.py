"""Two recordings compared: outputs, tasks, order; and which order is allowed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings

from miniloop import EventLoop
from miniloop.study import Recorder, Recording
from miniloop.study.differences import compare, order_of, steps, text

from ..effort import effort
from ..sync.loops import VirtualSelector
from . import stories
from .programs import Act, Program, acts, record
from .test_recorder import virtual_asyncio


async def turns(name: str, count: int) -> str:
    for _ in range(count):
        await asyncio.sleep(0)
    return name


def racing(order: str) -> Recording:
    """Record tasks that do not know of each other, made in this order."""

    async def main() -> None:
        tasks = {name: asyncio.create_task(turns(name, 2), name=name) for name in order}
        for name in sorted(tasks):
            await tasks[name]

    return record(main)


@settings(max_examples=effort(100, 20))
@given(acts())
def test_asyncio_and_miniloop_do_the_same_at_every_level(script: list[Act]) -> None:
    recordings = []
    for library in ("asyncio", "miniloop"):
        selector, recorder = VirtualSelector(), Recorder()
        loop: Any
        if library == "miniloop":
            loop = EventLoop(selector=selector, clock=lambda: selector.now, observer=recorder)  # noqa: B023
        else:
            loop = virtual_asyncio(recorder, selector)
        loop.run_until_complete(Program(lambda: None).main(script))
        loop.close()
        recordings.append(recorder.recording())
    found = compare(*recordings)
    assert (found.level, found.sentences) == (0, ())
    assert compare(recordings[0], recordings[0]).level == 0


def test_an_order_that_nothing_forbids_is_allowed() -> None:
    found = compare(racing("ab"), racing("ba"))
    assert found.level == 3
    assert found.allowed
    assert found.same
    assert found.sentences == (
        "b runs before a on the right: nothing orders these two, so either order is allowed",
    )
    assert any(line.startswith("~") for line in text(found, ("left", "right")))


def test_an_order_against_a_wake_up_is_not_allowed() -> None:
    recording = record(stories.fine)
    told = list(steps(recording))
    woken = next(step for step in told if step.who == "consumer" and step.causes)
    assert told[woken.causes[-1]].who == "fine"
    place, cause = told.index(woken), woken.causes[-1]
    turned = [step for step in told if step is not woken]
    turned.insert(cause, woken)
    assert turned != told
    assert place > cause
    assert order_of(tuple(told), tuple(turned)) == (
        False,
        "consumer runs before fine on the right, which leads to it",
    )


def test_a_task_that_waits_for_something_else_differs() -> None:
    def waiting(kind: str) -> Recording:
        async def main() -> None:
            await asyncio.sleep(0.001 if kind == "sleep" else 0)

        return record(main)

    found = compare(waiting("sleep"), waiting("turn"))
    assert found.level == 2
    assert not found.same
    assert found.sentences[0] == (
        "task main, step 1: 'sleeps' on the left, 'gives up its turn' on the right"
    )


@pytest.mark.parametrize("words", ["one", "two"])
def test_what_is_printed_counts_first(words: str) -> None:
    def printing(text_of: str) -> Recording:
        recorder = Recorder()

        async def main() -> None:
            recorder.output("out", text_of)

        with asyncio.Runner(loop_factory=lambda: EventLoop(observer=recorder)) as runner:
            runner.run(main())
        return recorder.recording()

    found = compare(printing("one"), printing(words))
    assert found.level == (0 if words == "one" else 1)
    if words == "two":
        assert found.sentences == ("printed: 'one' on the left, 'two' on the right",)


def test_what_is_alike_is_folded() -> None:
    async def main() -> None:
        await turns("main", 20)

    recording = record(main)
    lines = text(compare(recording, recording), ("left", "right"))
    assert lines[0] == "Both runs did the same, in the same order."
    assert "    ... 17 steps alike ..." in lines

"""The page knows the same of every moment of a recording as Python does.

Read next: test_html_compare.py
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniloop import EventLoop
from miniloop.study import Recorder, Recording, html
from miniloop.study.state import State
from tests.browser import Browser, Page
from tests.effort import effort

from ..sync.loops import VirtualSelector
from . import programs
from .programs import Act, Program, acts
from .synthetic import chat, long, record

#: What a page makes of a recording: the state after each of its events, and what led to each step.
STATES = """((data, every) => {
    const model = new Model(data);
    const states = model.events.slice(1).map((event, k) => {
        if (k % every) return null;
        const { now, next } = model.queueAt(k + 1);
        const tasks = [...model.tasks.values()].map((t) => [t.name, model.stateAt(t, k + 1)]);
        sentence(model, k + 1);
        return {
            this: now.map((item) => item.entry), next: next.map((item) => item.entry),
            phase: ["", ...PHASES][model.phase[k + 1]],
            timers: model.timers.at(k + 1).map((item) => item.timer).sort((a, b) => a - b),
            fds: model.fds.at(k + 1).map((item) => `${item.fd} ${item.mode}`).sort(),
            tasks: Object.fromEntries(tasks.filter(([, state]) => state !== "unborn").sort()),
        };
    });
    const before = model.steps.slice(0, 100).map((step, k) =>
        [...model.relations(k)].filter(([, how]) => how === "before").map(([other]) => other));
    return { states, before };
})"""


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Give a page, whose own scripts can be called."""
    path = tmp_path_factory.mktemp("model") / "page.html"
    path.write_text(html.page(record(chat()), title="chat.py"), encoding="utf-8")
    with browser.page(path.as_uri()) as opened:
        yield opened
        assert opened.problems() == []


def state_of(state: State) -> dict[str, Any]:
    """Return what the page should hold after an event, from the state that Python rebuilds."""
    numbers = [entry.number for entry in state.ready]
    mine = state.left if state.phase == "run" else len(numbers)
    return {
        "this": numbers[:mine],
        "next": numbers[mine:],
        "phase": state.phase,
        "timers": sorted(state.timers),
        "fds": sorted(f"{fd} {mode}" for fd, modes in state.fds.items() for mode in modes),
        "tasks": {name: task.state for name, task in sorted(state.tasks.items())},
    }


def check(page: Page, recording: Recording, every: int = 1) -> None:
    """Compare what *page* and Python make of *recording*, at *every* so many events."""
    told = html.picture(recording, {}, len(recording.events))
    shown = page.evaluate(f"{STATES}({json.dumps(told)}, {every})")
    assert len(shown["states"]) == len(recording.events)
    assert sum(each is not None for each in shown["states"]) == -(-len(recording.events) // every)
    state = State()
    for event, on_the_page in zip(recording.events, shown["states"], strict=True):
        state.apply(event)
        assert on_the_page in (None, state_of(state)), event
    for number, before in enumerate(shown["before"]):
        assert all(other < number for other in before)  # no cause comes after its effect
        for other in before:
            assert set(shown["before"][other]) <= set(before)  # and causes have causes


async def busy() -> None:
    """Do a little of everything on a real loop."""

    async def hold(lock: asyncio.Lock) -> None:
        async with lock:
            await asyncio.sleep(0)

    lock = asyncio.Lock()
    sleeper = asyncio.create_task(asyncio.sleep(30), name="sleeper")
    asyncio.get_running_loop().call_soon(print).cancel()
    await asyncio.gather(*(hold(lock) for _ in range(3)))
    await asyncio.to_thread(int)
    sleeper.cancel()
    await asyncio.wait([sleeper])
    async with asyncio.timeout(30):
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("loop", ["miniloop", "asyncio"])
def test_of_a_real_run(page: Page, loop: str) -> None:
    check(page, programs.record(busy, loop))


def test_of_a_toys_run(page: Page) -> None:
    check(page, record(chat(), picks={4: 2, 20: 1}))
    check(page, record(long(12, 8)))
    check(page, record(long(120, 4)), every=37)  # more lives than are looked at one by one


@settings(max_examples=effort(60, 60))
@given(script=acts(), picks=st.lists(st.integers(0, 5), min_size=1, max_size=9))
def test_of_any_run(page: Page, script: list[Act], picks: list[int]) -> None:
    """Also one whose loop does not serve its queue in order."""

    def choose(left: list[Any]) -> int:
        return picks[len(left) % len(picks)] % len(left)

    selector, recorder = VirtualSelector(), Recorder()
    loop = EventLoop(
        selector=selector, clock=lambda: selector.now, observer=recorder, chooser=choose
    )
    loop.run_until_complete(Program(lambda: None).main(script))
    loop.close()
    check(page, recorder.recording())

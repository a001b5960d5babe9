"""The stepper as a screen: its keys, driven by Textual's Pilot on miniloop's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from compat.panes import Panes, reasons, source, title
from miniloop import EventLoop
from miniloop.study import Recording
from miniloop.study.state import Player

from ..study import stories
from ..study.programs import record

HERE = Path(stories.__file__).parent


@pytest.fixture(scope="module")
def recording() -> Recording:
    return record(stories.fine)


def drive(recording: Recording, use: Callable[[Panes, Pilot[None]], Awaitable[Any]]) -> Panes:
    """Run the application without a terminal, on miniloop, and use it."""
    app = Panes(Player(recording), HERE)

    async def main() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            assert type(asyncio.get_running_loop()) is EventLoop
            await use(app, pilot)

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(main())
    return app


def shown(app: Panes, pane: str) -> str:
    """Return the text in a pane."""
    return str(app.query_one(f"#{pane}", Static).content)


def test_steps_forward_and_back_show_the_same(recording: Recording) -> None:
    async def use(app: Panes, pilot: Pilot[None]) -> None:
        await pilot.press("n", "n")
        before = shown(app, "ready")
        assert "runs now" in before
        await pilot.press("n", "n", "b", "b")
        assert shown(app, "ready") == before
        await pilot.press("i")
        assert app.player.event is not None
        assert app.player.event["kind"] == "iter_begin"
        await pilot.press("e", "E")
        assert app.player.event["kind"] == "iter_begin"
        await pilot.press("end")
        assert app.player.n == len(app.player)
        await pilot.press("n")
        assert shown(app, "said") == "this is the end"
        await pilot.press("home")
        assert app.player.n == 0

    drive(recording, use)


def test_why_find_predict_and_output(recording: Recording) -> None:
    async def use(app: Panes, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"consumer waits", "enter")
        assert app.player.event is not None
        assert app.player.event["task"] == "consumer"
        await pilot.press("w", "w")
        assert "waits at" in shown(app, "why")
        await pilot.press("p", *"nobody", "enter")
        assert shown(app, "said").startswith("no: ")
        await pilot.press("o")
        assert shown(app, "tasks").startswith("output")
        await pilot.press("slash", *"no such thing", "enter")
        assert "nothing further on" in shown(app, "said")
        await pilot.press("p", "escape", "q")

    app = drive(recording, use)
    assert (app.right, app.asked) == (0, 1)


def test_the_views_are_functions_of_the_player(recording: Recording) -> None:
    player = Player(recording)
    assert source(player, HERE) == ["(not in the program)"]
    suspend = next(e for e in recording.events if e["kind"] == "suspend" and e["task"] == "fine")
    player.seek(suspend["n"])
    lines = source(player, HERE)
    assert lines[0] == suspend["src"]
    assert any(line.startswith(">") and "asyncio.sleep(0.001)" in line for line in lines)
    assert reasons(player, "fine")[0].startswith("fine waits at ")
    assert "iteration" in title(player)[0]

"""Records the programs to learn from, in this process and in no time, on either loop."""

from __future__ import annotations

import asyncio
import io
import selectors
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

import pytest

from compat.cell.recorded import telling, watch_coroutines
from compat.examples.learning import Misconception
from miniloop import EventLoop
from miniloop.study import Recorder, Recording
from miniloop.study.asyncio_loop import AsyncioLoop

#: Longer waits, in seconds, are for threads: they are real ones.
REAL = 60


class QuickSelector(selectors.DefaultSelector):
    """A selector on whose clock time passes only where somebody sleeps, and then at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready; waits for real only where no timer of the program is set."""
        if timeout is None or timeout > REAL:
            return super().select(timeout)
        events = super().select(0)
        if not events:
            self.now += max(timeout, 0)
        return events

    def sleep(self, seconds: float) -> None:
        """Stand for `time.sleep`."""
        self.now += seconds


class QuickAsyncioLoop(AsyncioLoop):
    """asyncio's loop, observed, on such a selector's clock."""

    def __init__(self, recorder: Recorder, selector: QuickSelector) -> None:
        self.quick = selector
        super().__init__(recorder, selector)

    def time(self) -> float:
        """Return the time."""
        return self.quick.now


def quick_miniloop(recorder: Recorder, selector: QuickSelector) -> EventLoop:
    """Return our loop, observed, on such a selector's clock."""
    return EventLoop(selector, lambda: selector.now, observer=recorder)


LOOPS: dict[str, Callable[[Recorder, QuickSelector], Any]] = {
    "miniloop": quick_miniloop,
    "asyncio": QuickAsyncioLoop,
}


def record(lesson: Misconception, loop: str, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Run the program of *lesson* on an observed loop; return the recording."""
    module = import_module(f"compat.examples.misconceptions.{lesson.name}")
    selector = QuickSelector()
    recorder = Recorder(folder=str(lesson.path.parent), ignored=(__package__, "compat.cell"))
    depth = sys.get_coroutine_origin_tracking_depth()
    printed = io.StringIO()
    with monkeypatch.context() as patch, redirect_stdout(printed):
        patch.setattr(time, "sleep", selector.sleep)
        patch.setattr(printed, "write", telling(printed.write, recorder, "out"))
        patch.setattr(warnings, "_warn_unawaited_coroutine", lambda _: None)
        watch_coroutines(recorder)
        try:
            with (
                warnings.catch_warnings(),
                asyncio.Runner(loop_factory=lambda: LOOPS[loop](recorder, selector)) as runner,
            ):
                warnings.simplefilter("ignore")
                runner.run(module.main())
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)
    return recorder.recording()

"""A World that is driven by hand: begun, let run for a while, looked at, and ended.

`World.run` runs one program to its end.  Here a caller that is no coroutine, a rule of a
state machine for instance, starts tasks and lets the loop run in between, as often as
it likes; while nothing runs, time stands still.

States
    new  -- begin --> open
    open -- end ----> over

Read next: machine.py
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any

from .ending import close
from .fence import inside
from .world import Run, World

__all__ = ["TRANSITIONS", "WorldByHand"]

TRANSITIONS = (("new", "begin", "open"), ("open", "end", "over"))


class WorldByHand(World):
    """A `World` that its maker begins, drives and ends."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._entered = ExitStack()

    def begin(self) -> None:
        """Make the loop, and put up the fence; RuntimeError when that was done before."""
        if self.loop is not None:
            raise RuntimeError("a World runs once; make another one")
        self._entered.enter_context(inside(self))
        self._open()
        self.paused_at = self.now

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str | None = None) -> Any:
        """Make a task of *coro*; it runs when the World is let run."""
        return self.loop.create_task(coro, name=name)

    def step(self) -> None:
        """Let the loop turn once: what is ready now runs, and no time passes."""
        self._drive(self.loop.call_soon, self.loop.stop)

    def run_until_idle(self) -> None:
        """Let run what can run without time passing."""
        self.advance(0.0)

    def advance(self, seconds: float) -> None:
        """Let so many virtual *seconds* pass, and whatever becomes due meanwhile run.

        Raises ValueError for a time below zero, and what breaks an invariant.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back {-seconds:g} seconds")
        self.paused_at = self.now + seconds
        self._drive(self._run_nothing)

    def _run_nothing(self) -> None:
        """`run_forever` is all there is to it."""

    def _drive(self, prepare: Any, *args: Any) -> None:
        prepare(*args)
        try:
            self.loop.run_forever()
        except BaseException as error:
            self.checks.failures.insert(0, self._failure(error))
            raise

    def end(self) -> Run:
        """End what is left as `World.run` does; return what the run has shown."""
        try:
            self.choices.calm_down()
            self.paused_at = None
            if not self.checks.failures:
                self._end(None)
            self.checks.over = True
        finally:
            close(self)
            self._entered.close()
        return self._outcome(None)

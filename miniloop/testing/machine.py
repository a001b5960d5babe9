"""State machines over asyncio code: rules that are plain functions post work onto a World.

    class Transfers(LoopStateMachine):
        @rule(amount=st.integers(1, 10))
        def transfer(self, amount):
            self.spawn(self.bank.transfer("a", "b", amount))

        @invariant()
        def nothing_is_lost(self):
            assert self.bank.total() == 100

    TestTransfers = Transfers.TestCase

Besides its own rules every such machine can let the loop turn once, let it run until
nothing is ready, and let time pass; Hypothesis draws which of them when, and where the
schedule deviates from asyncio's.  At the end everything is ended and checked as in
`World.run`.

Read next: pytest_plugin.py
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from .by_hand import WorldByHand
from .hypothesis_support import Drawn, schedules
from .schedule import Schedule
from .verdict import ScheduleFailure

__all__ = ["LoopStateMachine"]


class LoopStateMachine(RuleBasedStateMachine):
    """A `RuleBasedStateMachine` with a World in it, as ``self.world``.

    A subclass may set ``level``, what may vary, and ``world_options``, arguments of the
    World.  What it needs of its own before the first rule it makes in `begin`.
    """

    level: ClassVar[str] = "fifo"
    world_options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.world = WorldByHand(schedule=Schedule(level=self.level), **self.world_options)
        self.world.begin()
        self.begin()

    def begin(self) -> None:
        """Make what the rules work on; the World's loop is there, but does not run yet."""

    @initialize(drawn=st.deferred(lambda: schedules("any", runs=0)))
    def deviate(self, drawn: Drawn) -> None:
        """Deviate from asyncio's order where the drawn schedule does, as far as the level goes."""
        self.world.choices.follow(drawn.schedule.deviations)

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str | None = None) -> Any:
        """Return a task of *coro*; it runs with the next rule that lets the loop run."""
        return self.world.spawn(coro, name)

    @rule()
    def turn(self) -> None:
        """Let the loop turn once."""
        self.world.step()

    @rule()
    def run_until_idle(self) -> None:
        """Let everything run that can without time passing."""
        self.world.run_until_idle()

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 10.0, 3600.0]))
    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.world.advance(seconds)

    def teardown(self) -> None:
        """End what is left, and fail for what the World has found."""
        run = self.world.end()
        if run.failure is not None:
            if run.failure.kind == "exception" and run.failure.error is not None:
                raise run.failure.error
            raise ScheduleFailure(str(run.failure))

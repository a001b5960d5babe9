"""Task in lock-step with asyncio's C Task, and both on any mixture of futures and loops."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from .pairs import LIBRARIES, outcome, settle, text, turn
from .scripts import ScriptSide, message, scripts

which = st.integers(0, 5)


def stack(task: Any, **options: Any) -> list[str]:
    """Return the program's own functions in the stack; ours has a future's frames too."""
    frames = task.get_stack(**options)
    return [frame.f_code.co_name for frame in frames if "/core/scripts" in frame.f_code.co_filename]


def uncancel(task: Any) -> Any:
    """Take a cancellation back."""
    return task.uncancel()


def cancelling(task: Any) -> Any:
    """Ask how many cancellations there were."""
    return task.cancelling()


#: Taking the last cancellation back before it was thrown undoes it from 3.13 on.
UNCANCEL = uncancel if sys.version_info >= (3, 13) else cancelling
#: See `eager_coroutine` in DIFFERENCES.md.
DONE = re.compile(r" coro=<ScriptSide.play\(\) done[^>]*>")


class TaskMachine(RuleBasedStateMachine):
    """Each rule does the same on all sides, and the outcomes must be equal."""

    mixtures: Any = tuple((library, library, library) for library in LIBRARIES)

    def __init__(self) -> None:
        super().__init__()
        self.sides = [ScriptSide(*mixture) for mixture in self.mixtures]

    def teardown(self) -> None:
        """Let things end, and compare for the last time."""
        try:
            for side in self.sides:
                settle(side.loop)
            self.everything_agrees()
        finally:
            for side in self.sides:
                side.finish()

    def all(self, do: Callable[[ScriptSide], Any]) -> None:
        """Do something on all sides, and compare what comes out."""
        first, *rest = [outcome(do, side) for side in self.sides]
        for number, each in enumerate(rest, 1):
            assert each == first, self.sides[number].label

    @rule(script=scripts(), name=st.sampled_from([None, "named"]))
    def start(self, script: list[Any], name: str | None) -> None:
        self.all(lambda side: side.start(script, name))

    @rule()
    def turn(self) -> None:
        for side in self.sides:
            turn(side.loop)

    @rule(number=which)
    def set_future(self, number: int) -> None:
        self.all(lambda side: side.futures[number].set_result(number))

    @rule(number=which)
    def fail_future(self, number: int) -> None:
        self.all(lambda side: side.futures[number].set_exception(LookupError(number)))

    @rule(number=which, message=message)
    def cancel_future(self, number: int, message: Any) -> None:
        self.all(lambda side: side.futures[number].cancel(message))

    @precondition(lambda self: self.sides[0].tasks)
    @rule(
        number=which,
        do=st.sampled_from(
            [
                lambda task: task.cancel(),
                lambda task: task.cancel("told why"),
                lambda task: task.cancel(),
                UNCANCEL,
                lambda task: task.result(),
                lambda task: task.exception(),
                lambda task: task.set_result(1),
                lambda task: task.set_exception(LookupError()),
                lambda task: task.set_name(5),
                lambda task: stack(task),
                lambda task: task.done() or stack(task, limit=1),
                lambda task: task.done() or task.get_coro().__name__,
            ]
        ),
    )
    def ask(self, number: int, do: Callable[[Any], Any]) -> None:
        self.all(lambda side: do(side.tasks[number % len(side.tasks)]))

    @precondition(lambda self: self.sides[0].tasks)
    @rule(number=which)
    def add_callback(self, number: int) -> None:
        def add(side: ScriptSide) -> None:
            task = side.tasks[number % len(side.tasks)]
            task.add_done_callback(
                lambda _: side.log.append(("callback", number, side.current_task(side.loop)))
            )

        self.all(add)

    @invariant()
    def everything_agrees(self) -> None:
        first, *rest = [
            (
                side.log,
                side.reports,
                [(future.done(), future.cancelled()) for future in side.futures],
                [
                    (task.get_name(), task.done(), task.cancelled(), task.cancelling())
                    for task in side.tasks
                ],
                [
                    (task._must_cancel, task._fut_waiter is None, task._log_traceback)
                    for task in side.tasks
                ],
            )
            for side in self.sides
        ]
        for number, each in enumerate(rest, 1):
            assert each == first, self.sides[number].label

    @invariant()
    def registries_agree(self) -> None:
        first, *rest = [
            {task.get_name() for task in side.names.all_tasks(side.loop)} for side in self.sides
        ]
        assert all(each == first for each in rest)


class PureMachine(TaskMachine):
    """One side all of asyncio, one all of ours: here even the reprs must be equal."""

    @invariant()
    def reprs_agree(self) -> None:
        theirs, ours = (
            [DONE.sub("", text(each)) for each in side.tasks + side.futures] for side in self.sides
        )
        assert theirs == ours


class MixedMachine(TaskMachine):
    """Every mixture of tasks, futures and loop does what asyncio alone does."""

    mixtures = tuple(itertools.product(LIBRARIES, repeat=3))


MixedMachine.TestCase.settings = settings(max_examples=40)
TestPure = PureMachine.TestCase
TestMixed = MixedMachine.TestCase


@given(st.lists(scripts(), min_size=1, max_size=5))
def test_many_tasks_at_once(plays: list[Any]) -> None:
    """A whole run without anybody looking in between."""
    logs = []
    for mixture in itertools.product(LIBRARIES, repeat=3):
        side = ScriptSide(*mixture)
        for script in plays:
            side.start(script, None)
        settle(side.loop, 25)
        logs.append(side.log)
        side.finish()
    assert all(log == logs[0] for log in logs)

"""Cancel everywhere: every task, at every place where it waits, one run for each.

    explore(scenario, cancel="everywhere")   a cancellation from outside
    explore(scenario, cancel="timeouts")     its time is up: what is cancelled is all that
                                             the task does, and becomes a TimeoutError

When a task is made, there is a choice: 0, it is left alone; otherwise the cancellation
comes so many polls later.  So it is one more deviation of a schedule, which is crossed
with others, shrunk and replayed like any.

The scenario has to hold whatever is cancelled.  What follows from the cancellation alone
is no failure: that the scenario itself ends with it, or that tasks are left because the
scenario itself was ended by it.  Everything else is: a deadlock, a cancellation that was
accepted and not honoured, a socket, timer or task that is left, an exception nobody
retrieved.  A scenario that has an attribute ``afterwards``, an ``async def`` that may take
the World, has it run at the end of each run: what was cancelled has to work once more.

Read next: trial.py
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..interface import CancelledError
from ..sync.timeouts import Timeout, timeout
from .choices import Key
from .failures import Failure
from .labels import landing_label, task_label

if TYPE_CHECKING:
    from .trial import Trial
    from .world import Run, Scenario, World

__all__ = ["KINDS", "Injection", "places"]

#: The kind of choice for each way to cancel.
KINDS = {"everywhere": "cancel", "timeouts": "timeout"}

#: Exceptions that a cancellation, or a timeout, comes out as.
_ENDS = (CancelledError, TimeoutError)


class _Tasks(list[Any]):
    """The tasks of a World; each may be cancelled from the moment that it is made."""

    def __init__(self, injection: Injection) -> None:
        super().__init__()
        self._injection = injection

    def append(self, task: Any, /) -> None:
        super().append(task)
        self._injection.offer(task)


class Injection:
    """Cancels tasks of one World as its schedule says; *way* is one of `KINDS`."""

    def __init__(self, world: World, way: str) -> None:
        self.world = world
        self.kind = KINDS[way]
        #: When each task was made, by its choice: the task, and how often the outside had
        #: been asked by then.
        self.born: dict[Key, tuple[Any, int]] = {}
        self._hit: list[Any] = []
        self._main: Any = None
        self._open = True
        self._inner: dict[int, Any] = {}
        self._timeout: list[Timeout | None] = []
        world.tasks = _Tasks(self)
        if self.kind == "timeout":
            world.around = self._surround
            self._never_awaited = world.checks.never_awaited
            world.checks.never_awaited = self._never_awaited_but_ours  # type: ignore[method-assign]

    def run(self, scenario: Scenario) -> Run:
        """Run *scenario* and what comes afterwards; return what is wrong with it."""
        run = self.world.run(lambda world: self._harness(scenario))
        for coro in self._inner.values():
            coro.close()  # or it is said, long after, that some were never awaited
        if self._hit:
            run.failures[:] = [failure for failure in run.failures if not _follows(failure)]
            run.failures.extend(self._swallowed())
        return run

    def _swallowed(self) -> Iterator[Failure]:
        """Yield a failure for each task that went on although its time was up."""
        for task in self._hit if self.kind == "timeout" else ():
            lived_on = task in self.world.checks.lived_on
            if lived_on and task.done() and not task.cancelled() and task.exception() is None:
                words = f"the time of {task_label(task)} was up, and it went on as if it were not"
                yield Failure("swallowed cancellation", words)

    async def _harness(self, scenario: Scenario) -> Any:
        world = self.world
        result = None
        coro: Any = _call(scenario, world)
        coro.__qualname__ = getattr(scenario, "__qualname__", "scenario")
        self._main = world.loop.create_task(coro, name="scenario")
        try:
            result = await self._main
        except BaseException as error:
            if not self._hit or not _is_end(error):
                raise
            await self._end_the_rest()
        afterwards = getattr(scenario, "afterwards", None)
        if afterwards is not None:
            self._open = False
            await _call(afterwards, world)
        return result

    async def _end_the_rest(self) -> None:
        """Cancel what the scenario has left when it was ended, as the end of a program does."""
        left = [task for task in self.world.checks.pending() if task.get_name() != "main"]
        for task in left:
            task.cancel()
        for task in left:
            try:
                await task
            except BaseException as error:
                if not _is_end(error):
                    raise

    # -- one task --------------------------------------------------------------

    def offer(self, task: Any) -> None:
        """Choose whether and when the new *task* is cancelled."""
        if not self._open or task.get_name() == "main":
            return
        world = self.world
        index = len(self.born)
        until = self._timeout
        self._timeout = []
        self.born[self.kind, index] = (task, world.outside.asked)
        value = world.choices.choose(self.kind, 2 + world.horizon, lambda: task_label(task))
        if value:
            strike = _Strike(self, task, until)
            world.outside.send(world.now, lambda: world.land(strike, ()), value - 1)

    def struck(self, task: Any) -> None:
        """*task* has been cancelled."""
        self._hit.append(task)

    # -- timeouts --------------------------------------------------------------

    def _surround(self, coro: Any) -> Any:
        """Return *coro* in a timeout that never comes by itself."""
        self._timeout = []
        if not inspect.iscoroutine(coro) or coro.__name__ == "_harness":
            return coro
        self._timeout = [None]
        timed: Any = _timed(coro, self._timeout)
        timed.__qualname__ = coro.__qualname__
        self._inner[id(coro)] = coro
        return timed

    def _never_awaited_but_ours(self, coro: Any) -> None:
        """A task that is cancelled before its first step has not begun what it surrounds."""
        if id(coro) not in self._inner:
            self._never_awaited(coro)


class _Strike:
    """The one cancellation of *task*, or the end of its time."""

    def __init__(self, injection: Injection, task: Any, until: list[Timeout | None]) -> None:
        self._injection = injection
        self._task = task
        self._until = until

    def words(self) -> str:
        """Say what it is, and where it comes."""
        if self._until:
            return "time is up for " + landing_label(self._task.cancel).removeprefix("cancel of ")
        return landing_label(self._task.cancel)

    def __call__(self) -> None:
        task = self._task
        until = self._until[0] if self._until else None
        if task.done() or (self._until and until is None):
            return  # it is over, or has not begun to have a time
        self._injection.struck(task)
        if until is not None:
            until._on_timeout()  # as its timer would, if it were due now
        else:
            task.cancel()


async def _timed(coro: Any, cell: list[Timeout | None]) -> Any:
    async with timeout(None) as cell[0]:
        return await coro


async def _call(function: Any, world: World) -> Any:
    """Call what may take the World."""
    takes_world = len(inspect.signature(function).parameters) > 0
    return await (function(world) if takes_world else function())


def _is_end(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_end(inner) for inner in error.exceptions)
    return isinstance(error, _ENDS)


def _follows(failure: Failure) -> bool:
    """Return whether a failure is nothing but the injected cancellation coming out."""
    return (
        failure.kind in ("unretrieved", "reported")
        and failure.error is not None
        and _is_end(failure.error)
    )


def places(trial: Trial) -> Mapping[Key, tuple[int, ...]]:
    """Return the alternatives that cancel each task of the plain run at each of its suspensions.

    At each: right after it has begun to wait, one poll later, and at the last moment that
    is left before it goes on.
    """
    world = trial.world()
    assert trial.cancel is not None
    injection = Injection(world, trial.cancel)
    meter = _Meter(world)
    injection.run(trial.scenario)
    return {key: meter.values(task, asked) for key, (task, asked) in injection.born.items()}


class _Meter:
    """Measures at which polls each task makes a step, and how often the outside was asked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._polls: list[int] = []
        self._steps: dict[Any, list[int]] = {}
        self._at_poll = world.at_poll
        world.at_poll = self._see_poll  # type: ignore[method-assign]
        world.watchful = True

    def _see_poll(self) -> None:
        self._polls.append(self._world.outside.asked + 1)
        for entry in self._world.loop.entries():
            task = (
                entry if hasattr(entry, "get_coro") else getattr(entry._callback, "__self__", None)
            )
            if hasattr(task, "get_coro"):
                self._steps.setdefault(task, []).append(len(self._polls) - 1)
        self._at_poll()

    def values(self, task: Any, asked: int) -> tuple[int, ...]:
        """Return the alternatives for a task that was made when *asked* had been reached."""
        steps = self._steps.get(task, [])
        ends = steps[1:] + ([] if task.done() and not task.cancelled() else [len(self._polls)])
        asking = [*self._polls, self._world.outside.asked + 1]
        found: set[int] = set()
        for begin, end in zip(steps, ends, strict=False):
            first, last = asking[begin] - asked, asking[end] - 1 - asked
            found.update(
                value for value in (first, first + 1, last - 1, last) if first <= value <= last
            )
        return tuple(sorted(value for value in found if value > 0))

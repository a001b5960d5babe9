"""Small random programs, and all that they can do, found without any of the explorer's code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from miniloop.testing.choices import Key
from miniloop.testing.trial import Trial
from miniloop.testing.world import Run, World

__all__ = ["every_run", "outcome", "programs", "scenario_of", "values"]

#: What a task does, one after the other.
OPERATIONS = ("step", "timer", "event", "thread", "lock")

Program = list[list[str]]


def programs(operations: tuple[str, ...] = OPERATIONS) -> st.SearchStrategy[Program]:
    """Return a strategy for programs of up to three tasks."""
    task = st.lists(st.sampled_from(operations), min_size=1, max_size=3)
    return st.lists(task, min_size=1, max_size=3)


def scenario_of(program: Program) -> Callable[[World], Any]:
    """Return the scenario that *program* describes: it returns what happened in which order."""

    async def scenario(world: World) -> list[str]:
        log: list[str] = []
        lock = asyncio.Lock()

        async def one(name: str, operation: str) -> None:
            if operation == "step":
                await asyncio.sleep(0)
            elif operation == "timer":
                await asyncio.sleep(1)
            elif operation == "nap":  # longer than anything is held back
                await asyncio.sleep(20)
            elif operation == "event":
                world.sometime(log.append, f"{name} event")
            elif operation == "thread":
                await asyncio.to_thread(log.append, f"{name} thread")
            else:
                async with lock:
                    await asyncio.sleep(0)

        async def work(number: int, operations: list[str]) -> None:
            for position, operation in enumerate(operations):
                await one(f"{number}.{position}", operation)
                log.append(f"{number}.{position} {operation}")

        await asyncio.gather(*(work(*pair) for pair in enumerate(program)))
        return log

    return scenario


def values(run: Run) -> tuple[tuple[Key, int], ...]:
    """Return what was decided in a run, all of it."""
    return tuple((choice.key, choice.value) for choice in run.choices)


def outcome(run: Run) -> tuple[Any, ...]:
    """Return what a run shows: what the program saw, how long it took, what is wrong with it."""
    failures = tuple(failure.identity for failure in run.failures)
    return (tuple(run.result or ()), round(run.seconds, 3), failures)


def every_run(trial: Trial, most: int) -> Iterator[Run] | None:
    """Return all runs of a trial, or None if there are more than *most*.

    They are counted through like the digits of a number: the last choice that can be
    raised is raised, and what comes after it is 0 again.
    """
    runs: list[Run] = []
    prefix: list[int] | None = []
    while prefix is not None:
        if len(runs) == most:
            return None
        run = trial.run(decide=_Follow(prefix))
        runs.append(run)
        prefix = _next(run)
    return iter(runs)


class _Follow:
    """Takes the alternatives of a list, and 0 after its end."""

    def __init__(self, prefix: list[int]) -> None:
        self._rest = iter(prefix)

    def __call__(self, key: Key, count: int) -> int:
        return next(self._rest, 0)


def _next(run: Run) -> list[int] | None:
    made = [(choice.value, choice.count) for choice in run.choices]
    while made:
        value, count = made.pop()
        if value + 1 < count:
            return [*(before for before, _ in made), value + 1]
    return None

"""A row does the operations that it is paid for, on every contestant that is installed.

A workload gets its names through `Counting`, which counts what it asks for and what it
calls on what it got: so the number of operations is not the workload's own word only.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from compat.bench.child import describe, measure
from compat.bench.model import CONTESTANTS, RLOOP, Contestant, Row, Sample, load_suite

SUITE = load_suite("compat.bench.scheduling")
UNITS = 3

# For each row: the call that makes an operation one, and how many of it per unit.
DECISIVE_CALLS: dict[str, list[tuple[str, int]]] = {
    "switch": [("sleep", 100)],
    "spawn-await": [("create_task", 1)],
    "spawn-many": [("create_task", 1000)],
    "future": [("get_running_loop.create_future", 1), ("get_running_loop.call_soon", 1)],
    "callbacks": [("get_running_loop.call_soon", 1)],
    "timers": [("get_running_loop.call_later", 1000)],
    "sleeps": [("sleep", 1000)],
    "timeout": [("timeout.__aenter__", 1), ("timeout.__aexit__", 1), ("sleep", 1)],
    "timer-cancel": [
        ("get_running_loop.call_later", 10),
        ("get_running_loop.call_later.cancel", 10),
    ],
    "queue": [("Queue.put", 1000), ("Queue.get", 1000)],
    "semaphore": [("Semaphore.__aenter__", 20), ("Semaphore.__aexit__", 20), ("sleep", 20)],
    "event": [("Event.wait", 2), ("Event.clear", 2)],
    "cancel": [("create_task", 1), ("create_task.cancel", 1), ("create_task.__await__", 1)],
}
# Calls whose results are watched in turn.
WATCHED = {"get_running_loop", "get_running_loop.call_later"}
WATCHED |= {"Queue", "Semaphore", "Event", "timeout"}

# rloop leaves the closing of its own sockets to the garbage collector.
LEAKS = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ON_TRIAL = [
    pytest.param(found, id=found.key, marks=LEAKS if found == RLOOP else [])
    for found in CONTESTANTS
]


class Counting(ModuleType):
    """Stands for something, and counts the calls of its methods by dotted name."""

    def __init__(self, target: Any, counts: Counter[str], watched: set[str], path: str = ""):
        super().__init__(f"counting {path}")
        self.target, self.counts, self.watched, self.path = target, counts, watched, path

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.target, name)
        if not callable(found) or (isinstance(found, type) and issubclass(found, BaseException)):
            return found
        return self.counted(name, found)

    def counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        path = f"{self.path}.{name}" if self.path else name

        def call(*args: Any, **keywords: Any) -> Any:
            self.counts[path] += 1
            result = function(*args, **keywords)
            if path in self.watched:
                return Counting(result, self.counts, self.watched, path)
            return result

        return call

    def __await__(self) -> Iterator[Any]:
        result: Iterator[Any] = self.counted("__await__", self.target.__await__)()
        return result

    async def __aenter__(self) -> Any:
        return await self.counted("__aenter__", self.target.__aenter__)()

    async def __aexit__(self, *error: object) -> Any:
        return await self.counted("__aexit__", self.target.__aexit__)(*error)


def load(contestant: Contestant) -> tuple[ModuleType, Callable[[], Any]]:
    try:
        return contestant.load()
    except ImportError as error:
        if os.environ.get("CI"):
            raise  # there the development tools are always installed
        pytest.skip(str(error))


@pytest.mark.parametrize("contestant", ON_TRIAL)
@pytest.mark.parametrize("row", SUITE.rows.values(), ids=lambda found: found.key)
def test_a_row_does_its_operations(row: Row, contestant: Contestant) -> None:
    names, factory = load(contestant)
    counts: Counter[str] = Counter()
    watched = WATCHED | {"create_task"} if row.key == "cancel" else WATCHED
    sample = measure(row, Counting(names, counts, watched), factory, UNITS)
    assert sample.operations == row.operations(UNITS)
    assert sample.seconds >= 0
    assert sample.extras == {}
    expected = {call: count * UNITS for call, count in DECISIVE_CALLS[row.key]}
    assert {call: counts[call] for call in expected} == expected


def test_every_row_says_what_its_operation_is() -> None:
    assert set(DECISIVE_CALLS) == set(SUITE.rows)
    for key, row in SUITE.rows.items():
        assert row.key == key
        assert row.about
        assert row.per_unit >= 1


def test_work_that_was_not_done_is_an_error() -> None:
    async def lazy(names: ModuleType, units: int) -> int:
        return units - 1

    names, factory = CONTESTANTS[0].load()
    with pytest.raises(RuntimeError, match="lazy did 4 operations instead of 5"):
        measure(Row("lazy", "", 1, lazy), names, factory, 5)


def test_a_workload_may_take_its_time_itself() -> None:
    async def prepared(names: ModuleType, units: int) -> Sample:
        return Sample(12.5, units, {"something": 1.0})

    names, factory = CONTESTANTS[0].load()
    found = measure(Row("prepared", "", 1, prepared), names, factory, 5)
    assert found == Sample(12.5, 5, {"something": 1.0})


def test_a_loop_is_described_by_its_class() -> None:
    _, factory = CONTESTANTS[0].load()
    assert describe(factory).startswith("asyncio.")


@pytest.mark.parametrize(
    ("text", "names", "factory"),
    [
        ("some.where:Loop", "asyncio", "some.where:Loop"),
        ("miniloop@some.where:Some.Loop", "miniloop", "some.where:Some.Loop"),
    ],
)
def test_a_contestant_can_be_spelt_out(text: str, names: str, factory: str) -> None:
    found = Contestant.parse(text)
    assert (found.names, found.factory) == (names, factory)
    assert found.key == f"{names}/{factory}"


@pytest.mark.parametrize("text", ["", "asyncio", "asyncio:", ":Loop", "@asyncio:Loop"])
def test_a_contestant_without_a_loop_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        Contestant.parse(text)

"""The tests that may fail, each with its reason; anything else fails the run.

So does an entry that is out of date: a test in it that passes, or is not there.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cells import Cell, Mode

__all__ = ["EXPECTED", "Expected", "expected_in"]

EVERY = ("3.11", "3.12", "3.13")
OLD = ("3.11", "3.12")


@dataclass(frozen=True)
class Expected:
    """Tests (``Class.method``) of *module* that fail in *mode* on *versions*, and why."""

    module: str
    mode: Mode
    versions: tuple[str, ...]
    tests: tuple[str, ...]
    reason: str


EXPECTED: tuple[Expected, ...] = (
    Expected(
        "test_locks",
        "names",
        EVERY,
        ("LockTests.test_lock_doesnt_accept_loop_parameter", "ConditionTests.test_ambiguous_loops"),
        "old programs pass loop=, which is accepted here as it was up to Python 3.9",
    ),
    Expected(
        "test_events",
        "names",
        EVERY,
        ("TestPyGetEventLoop.test_get_event_loop_returns_running_loop",),
        "get_event_loop() here does not ask asyncio's event loop policy",
    ),
    Expected(
        "test_events",
        "names",
        ("3.12", "3.13"),
        ("TestPyGetEventLoop.test_get_event_loop_returns_running_loop2",),
        "get_event_loop() outside a loop makes one without a warning, as up to Python 3.11",
    ),
    Expected(
        "test_futures",
        "names",
        OLD,
        ("PyFutureTests.test_exception",),
        "set_exception(StopIteration) stores a RuntimeError as from Python 3.13; it was refused",
    ),
    Expected(
        "test_futures2",
        "names",
        ("3.11",),
        ("FutureReprTests.test_recursive_repr_for_pending_tasks",),
        "wait_for() awaits in the calling task as from Python 3.12: there is no recursion to show",
    ),
    Expected(
        "test_waitfor",
        "names",
        ("3.11",),
        ("AsyncioWaitForTest.test_wait_for_self_cancellation",),
        "wait_for() awaits in the calling task as from Python 3.12, where this test is gone",
    ),
    Expected(
        "test_taskgroups",
        "names",
        OLD,
        (
            "TestTaskGroup.test_taskgroup_finished",
            "TestTaskGroup.test_taskgroup_no_create_task_after_failure",
            "TestTaskGroup.test_taskgroup_not_entered",
            "TestTaskGroup.test_taskgroup_without_parent_task",
        ),
        "a group that is not active closes the coroutine it gets, as from Python 3.13",
    ),
    Expected(
        "test_tasks",
        "names",
        OLD,
        (
            "PyTask_PyFuture_Tests.test_as_completed_coroutine_without_loop",
            "PyTask_PyFuture_Tests.test_as_completed_invalid_args",
            "PyTask_PyFuture_SubclassTests.test_as_completed_coroutine_without_loop",
            "PyTask_PyFuture_SubclassTests.test_as_completed_invalid_args",
        ),
        "as_completed() looks at its arguments when it is called, as from Python 3.13",
    ),
)


def expected_in(cell: Cell, version: str) -> dict[str, Expected]:
    """Return the expected failures of *cell* on Python *version*, by test id."""
    return {
        test: entry
        for entry in EXPECTED
        if (cell.mode == "names" or cell.target == "miniloop")
        and (entry.module, entry.mode) == (cell.module, cell.mode)
        and version in entry.versions
        for test in entry.tests
    }

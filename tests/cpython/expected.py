"""The tests that may fail, each with its reason; anything else fails the run.

So does an entry that is out of date: a test in it that passes, or is not there.
Every entry is a deliberate difference, mostly the newest Python's behaviour on an
older one.  Measured with Python 3.11.7, 3.12.1 and 3.13.0; the tests of another
patch release may differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cells import Cell, Mode

__all__ = ["EXPECTED", "Expected", "expected_in"]

EVERY = ("3.11", "3.12", "3.13")
OLD = ("3.11", "3.12")


@dataclass(frozen=True)
class Expected:
    """The *methods* of one test class that fail in *mode* on *versions*, and why."""

    module: str
    test_class: str
    methods: tuple[str, ...]
    mode: Mode
    versions: tuple[str, ...]
    reason: str

    def tests(self) -> list[str]:
        """Return the ids of the tests that this entry stands for."""
        return [f"{self.test_class}.{method}" for method in self.methods]


LOOP_ARGUMENT = "old programs pass loop=, which is accepted here as it was up to Python 3.9"
ROUNDING = "counts the calls of the loop's private _run_once, which it replaces"
EARLY_LOOK = "as_completed() looks at its arguments when it is called, as from Python 3.13"

EXPECTED: tuple[Expected, ...] = (
    Expected(
        module="test_locks",
        test_class="LockTests",
        methods=("test_lock_doesnt_accept_loop_parameter",),
        mode="names",
        versions=EVERY,
        reason=LOOP_ARGUMENT,
    ),
    Expected(
        module="test_locks",
        test_class="ConditionTests",
        methods=("test_ambiguous_loops",),
        mode="names",
        versions=EVERY,
        reason=LOOP_ARGUMENT,
    ),
    Expected(
        module="test_events",
        test_class="TestPyGetEventLoop",
        methods=("test_get_event_loop_returns_running_loop",),
        mode="names",
        versions=EVERY,
        reason="get_event_loop() here does not ask asyncio's event loop policy",
    ),
    Expected(
        module="test_events",
        test_class="TestPyGetEventLoop",
        methods=("test_get_event_loop_returns_running_loop2",),
        mode="names",
        versions=("3.12", "3.13"),
        reason="get_event_loop() outside a loop makes one without a warning, as up to 3.11",
    ),
    Expected(
        module="test_futures",
        test_class="PyFutureTests",
        methods=("test_exception",),
        mode="names",
        versions=OLD,
        reason="set_exception(StopIteration) stores a RuntimeError, as from Python 3.13",
    ),
    Expected(
        module="test_futures2",
        test_class="FutureReprTests",
        methods=("test_recursive_repr_for_pending_tasks",),
        mode="names",
        versions=("3.11",),
        reason="wait_for() awaits in the calling task, as from Python 3.12: nothing recurs",
    ),
    Expected(
        module="test_waitfor",
        test_class="AsyncioWaitForTest",
        methods=("test_wait_for_self_cancellation",),
        mode="names",
        versions=("3.11",),
        reason="wait_for() waits for what it cancelled, as from Python 3.12 (the test is gone)",
    ),
    Expected(
        module="test_taskgroups",
        test_class="TestTaskGroup",
        methods=(
            "test_taskgroup_finished",
            "test_taskgroup_no_create_task_after_failure",
            "test_taskgroup_not_entered",
            "test_taskgroup_without_parent_task",
        ),
        mode="names",
        versions=OLD,
        reason="a group that is not active closes the coroutine it gets, as from Python 3.13",
    ),
    Expected(
        module="test_tasks",
        test_class="PyTask_PyFuture_Tests",
        methods=(
            "test_as_completed_coroutine_without_loop",
            "test_as_completed_invalid_args",
        ),
        mode="names",
        versions=OLD,
        reason=EARLY_LOOK,
    ),
    Expected(
        module="test_tasks",
        test_class="PyTask_PyFuture_SubclassTests",
        methods=(
            "test_as_completed_coroutine_without_loop",
            "test_as_completed_invalid_args",
        ),
        mode="names",
        versions=OLD,
        reason=EARLY_LOOK,
    ),
    Expected(
        module="test_events",
        test_class="TestPyGetEventLoop",
        methods=(
            "test_get_event_loop_returns_running_loop",
            "test_get_event_loop_returns_running_loop2",
        ),
        mode="loop",
        versions=EVERY,
        reason="asyncio's functions are replaced by their Python twins, which have a slot of "
        "their own for the running loop; the loop announces itself in the C functions' slot",
    ),
    Expected(
        module="test_events",
        test_class="EPollEventLoopTests",
        methods=("test_timeout_rounding",),
        mode="loop",
        versions=EVERY,
        reason=ROUNDING,
    ),
    Expected(
        module="test_events",
        test_class="PollEventLoopTests",
        methods=("test_timeout_rounding",),
        mode="loop",
        versions=EVERY,
        reason=ROUNDING,
    ),
    Expected(
        module="test_events",
        test_class="SelectEventLoopTests",
        methods=("test_timeout_rounding",),
        mode="loop",
        versions=EVERY,
        reason=ROUNDING,
    ),
    Expected(
        module="test_server",
        test_class="TestServer2",
        methods=("test_wait_closed_basic", "test_wait_closed_race"),
        mode="loop",
        versions=("3.12",),
        reason="calls the server's private _attach, which takes the transport as from Python 3.13",
    ),
    Expected(
        module="test_sslproto",
        test_class="SslProtoHandshakeTests",
        methods=("test_close_during_handshake",),
        mode="names",
        versions=OLD,
        reason="a connection closed in its handshake ends by _force_close(), as from Python 3.13",
    ),
    Expected(
        module="test_subprocess",
        test_class="GenericWatcherTests",
        methods=("test_create_subprocess_fails_with_inactive_watcher",),
        mode="loop",
        versions=EVERY,
        reason="the loop waits for its children itself: no watcher of the policy is asked",
    ),
    Expected(
        module="test_unix_events",
        test_class="SelectorEventLoopUnixSockSendfileTests",
        methods=(
            "test_sock_sendfile_blocking_error",
            "test_sock_sendfile_cancel1",
            "test_sock_sendfile_cancel2",
            "test_sock_sendfile_exception",
            "test_sock_sendfile_os_error_first_call",
            "test_sock_sendfile_os_error_next_call",
        ),
        mode="loop",
        versions=EVERY,
        reason="calls the loop's private _sock_sendfile_native_impl",
    ),
    Expected(
        module="test_unix_events",
        test_class="SelectorEventLoopUnixSocketTests",
        methods=("test_create_unix_server_path_stream_bittype",),
        mode="loop",
        versions=("3.11",),
        reason="a server that is closed takes its path away, as from Python 3.13",
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
        for test in entry.tests()
    }

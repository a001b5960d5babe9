"""The examples, in teaching order: small programs that use asyncio's names and run in every cell.

Each one is a plain program (`python compat/examples/NAME.py` runs it on asyncio) that prints the
same lines in the same order whatever loop runs it. They are never imported from here: a runner
takes the file's `path` and starts it as a program.

This file is the only place where the order and the one-line descriptions are kept; a test checks
it against the files in this directory. File names carry no numbers, so that a new example can be
put between two others without renaming any.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["EXAMPLES", "Example", "find"]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Example:
    """One program: its file name without `.py`, what it teaches, and what it needs of the loop.

    `needs` is "" for programs that only schedule, "network" for those that open sockets.
    """

    name: str
    teaches: str
    needs: str = ""

    @property
    def path(self) -> Path:
        """Where the program's file is."""
        return HERE / f"{self.name}.py"


EXAMPLES: tuple[Example, ...] = (
    # From generators to async def
    Example("generators_taking_turns", "a scheduler is a queue of generators and a while loop"),
    Example("decorator_form", "coroutines as decorated generators, as they were before async def"),
    Example("async_def", "calling an async def makes a coroutine; awaiting it runs it"),
    Example("hello_with_two_delays", "one after the other, or both at once"),
    # Several things at once
    Example("gather_results", "results come in the order asked for, not the order of finishing"),
    Example("create_task_background", "a task runs while its maker does something else"),
    Example("wait_with_timeout", "what is done by now, and what is still pending"),
    Example("as_completed_order", "take each result as soon as it is there"),
    Example("limit_by_semaphore", "at most so many at once, the next one as soon as one ends"),
    Example("limit_by_batches", "at most so many at once, the next batch when all have ended"),
    # Passing things on
    Example("queue_with_workers", "workers take jobs from one queue; join() waits for the last"),
    Example("queue_methods", "full and empty, with and without waiting"),
    Example("queue_orders", "first in, last in, or most urgent: what comes out next"),
    Example("pipeline_with_backpressure", "a bounded queue makes a fast producer wait"),
    # Waiting for each other
    Example("event_start_signal", "many wait, one sets, all go"),
    Example("condition_shop", "wait until something is true, under a lock"),
    Example("lock_protects_balance", "an update lost between two awaits, and how a lock keeps it"),
    Example("barrier_phases", "nobody starts phase two before everybody has done phase one"),
    # The async forms of Python's statements
    Example("async_context_manager", "async with: enter and leave may wait"),
    Example("contextlib_resources", "asynccontextmanager, AsyncExitStack, aclosing"),
    Example("async_iterator", "async for over an object with __anext__"),
    Example("async_generator", "yield inside async def: streams, asend, clean-up"),
    Example("async_comprehensions", "async for and await inside brackets"),
    # When things go wrong
    Example("cancellation", "cancel() raises inside the task, at its await"),
    Example("shield_from_cancellation", "work that goes on when its waiter is cancelled"),
    Example("timeout_and_wait_for", "a deadline for one await, and for a block"),
    Example("exceptions_in_tasks", "who gets them: gather, return_exceptions, exception()"),
    Example("task_group", "children end before the block does; one failure cancels the others"),
    Example("exception_groups", "several failures at once, taken apart by except*"),
    # Under the hood
    Example("future_set_by_hand", "a Future is a box that someone fills and others wait for"),
    Example("callbacks_and_call_later", "call_soon, call_later, call_at, and done callbacks"),
    Example("loop_by_hand", "run_until_complete, run_forever and stop, Runner"),
    Example("context_variables", "each task has its own copy of the context"),
    # Beside the loop
    Example("executor_threads", "blocking calls in threads while the loop goes on"),
    Example("threads_call_back", "how another thread speaks to the loop, and wakes it"),
    Example("executor_processes", "computing in other processes while the loop goes on"),
    Example("task_queue_service", "jobs with results, retries and failures, shut down in order"),
    # Over sockets
    Example("readiness_callbacks", "add_reader: a server made of callbacks alone"),
    Example("tcp_echo", "a stream server and two clients in one program", needs="network"),
    Example("udp_echo", "datagrams and the protocol callbacks", needs="network"),
    Example("chat_room", "one server passes lines on between its clients", needs="network"),
    Example(
        "raw_socket_server",
        "a blocking socket server, and the same with sock_accept and sock_recv",
        needs="network",
    ),
)


def find(name: str) -> Example:
    """The example with that name.

    Raises:
        LookupError: there is none; the message lists those that exist.
    """
    for example in EXAMPLES:
        if example.name == name:
            return example
    known = ", ".join(example.name for example in EXAMPLES)
    raise LookupError(f"no example is called {name!r}; there are: {known}")

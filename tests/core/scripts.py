"""Tasks that play scripts, on any mixture of the libraries' tasks, futures and loops."""

from __future__ import annotations

import sys
import types
from collections.abc import Generator
from typing import Any

from hypothesis import strategies as st

from .pairs import Library, Side

__all__ = ["Plain", "ScriptSide", "scripts"]

number = st.integers(0, 5)
message = st.sampled_from([None, "why", 7])


class Plain(Exception):
    """An exception like any other."""


OPERATIONS = [
    st.tuples(st.just("yield")),
    st.tuples(st.just("await"), number),
    st.tuples(st.just("await"), number),
    st.tuples(st.just("join"), number),
    st.tuples(st.just("raise"), st.sampled_from([Plain, LookupError, StopAsyncIteration])),
    st.tuples(st.just("raise cancelled"), message),
    st.tuples(st.just("return"), number),
    st.tuples(st.just("set"), number),
    st.tuples(st.just("fail"), number),
    st.tuples(st.just("cancel"), number, message),
    st.tuples(st.just("cancel future"), number, message),
    st.tuples(st.just("yield a number")),
    st.tuples(st.just("yield a future"), number),
    st.tuples(st.just("yield a generator")),
    st.tuples(st.just("swallow"), st.booleans()),
]
if sys.version_info >= (3, 13):  # from here on the last one undoes what was not thrown yet
    OPERATIONS.append(st.tuples(st.just("uncancel")))
EAGER = sys.version_info >= (3, 12)


def scripts() -> st.SearchStrategy[list[Any]]:
    """Return scripts of a few operations, some of which start tasks with scripts of their own."""
    flat = st.lists(st.one_of(*OPERATIONS), max_size=5)
    kinds = ["spawn", "spawn eagerly"] if EAGER else ["spawn"]
    spawn = st.tuples(st.sampled_from(kinds), flat)
    return st.lists(st.one_of(*OPERATIONS, spawn), max_size=6)


@types.coroutine
def give(thing: Any) -> Generator[Any, Any, Any]:
    """Yield *thing* to whoever drives the coroutine, which is mostly wrong."""
    return (yield thing)


class ScriptSide(Side):
    """Futures and script-playing tasks; each library may supply any part of it."""

    def __init__(self, tasks: Library, futures: Library, loop: Library) -> None:
        super().__init__(loop)
        self.label = f"{tasks.name} tasks, {futures.name} futures, {loop.name} loop"
        self.task_class = tasks.names.Task
        self.future_class = futures.names.Future
        self.current_task = tasks.names.current_task
        self.futures = [self.future_class(loop=self.loop) for _ in range(6)]
        self.tasks: list[Any] = []

    def start(self, script: list[Any], name: str | None, **options: Any) -> None:
        """Make a task that plays *script*."""
        index = len(self.tasks)
        self.tasks.append(None)  # an eager one is not known yet in its first step
        coro = self.play(index, script)
        task = self.task_class(coro, loop=self.loop, name=name or f"task {index}", **options)
        self.tasks[index] = task

    async def play(self, index: int, script: list[Any]) -> Any:
        """Play *script*; write down each operation with its outcome."""
        swallow = False
        for operation in script:
            if operation[0] == "swallow":
                swallow = operation[1]
                continue
            if operation[0] == "return":
                return operation[1]
            try:
                result = await self.do(index, *operation)
            except (GeneratorExit, AssertionError):
                raise
            except BaseException as error:
                context = error.__context__
                self.log.append(
                    (index, operation[0], type(error).__name__, self.words(error), bool(context))
                )
                if not swallow:
                    raise
            else:
                self.log.append((index, operation[0], result))
        return None

    def words(self, error: BaseException) -> Any:
        """Return what can be compared of the arguments of *error*."""
        if isinstance(error, RuntimeError):  # some of them show futures and tasks
            return str(error).split("<")[0]
        if type(error).__name__ == "InvalidStateError":
            return None
        return error.args

    async def do(self, index: int, what: str, value: Any = None, more: Any = None) -> Any:
        """Do one operation; return what came of it."""
        number = value if isinstance(value, int) else 0
        task = self.tasks[number % len(self.tasks)]
        future = self.futures[number % len(self.futures)]
        match what:
            case "yield":
                return await give(None)
            case "await":
                return await future
            case "join" if task in self.tasks[:index]:
                # Older ones only: tasks in a circle can wait for ever.
                return await task
            case "raise":
                raise value("raised")
            case "raise cancelled":
                raise self.names.CancelledError(*([] if value is None else [value]))
            case "set" if not future.done():
                future.set_result(value)
            case "fail" if not future.done():
                future.set_exception(Plain(value))
            case "cancel" if task is not None:
                return task.cancel(more)
            case "cancel future":
                return future.cancel(more)
            case "uncancel":
                return self.current_task(self.loop).uncancel()
            case "yield a number":
                return await give(5)
            case "yield a future":
                return await give(future)
            case "yield a generator":
                return await give(item for item in "")
            case "spawn":
                self.start(value, None)
            case "spawn eagerly":
                self.start(value, None, eager_start=True)
        return None

    def finish(self) -> None:
        """Look at all exceptions, so that nothing is reported, and close the loop."""
        for future in [*self.futures, *self.tasks]:
            future._log_traceback = False
            if not future.done() and hasattr(future, "get_coro"):
                future._log_destroy_pending = False
                future.get_coro().close()
        self.close()

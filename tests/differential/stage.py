"""What a rendered program uses besides its library: steps that are noted, tasks to pick from.

All that is noted is made of plain values, so that runs can be compared, and keeps
nothing alive, so that a program decides for itself when its tasks are freed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from contextvars import Context, ContextVar
from types import TracebackType
from typing import Any

from .values import MANY, label, number, plain, words
from .virtual import VirtualSelector

#: What the loop reports when an object is freed: only that it does is compared, not when.
WHEN_FREED = ("was never retrieved", "was destroyed but it is pending")
#: Of a failure that nobody saw: where there are shields it depends on the version which.
LOST = ("was never retrieved", "exception in shielded future")


class Boom(Exception):
    """An exception of the program."""


class Grave(BaseException):
    """An exception that no ``except Exception`` catches."""


class Nobody(Exception):
    """There is no task, handle or generator to pick yet."""


class Step:
    """Notes what comes of a part of the program; lets no *caught* exceptions out."""

    __slots__ = ("caught", "label", "note")

    def __init__(
        self,
        note: Callable[..., None],
        label: str,
        caught: type[BaseException] | tuple[type[BaseException], ...],
    ) -> None:
        self.note = note
        self.label = label
        self.caught = caught

    def __call__(self, value: object) -> None:
        self.note(self.label, plain(value))

    def __enter__(self) -> Step:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            self.note(self.label, "over")
            return False
        self.note(self.label, "raised", plain(error))
        return isinstance(error, self.caught)


class Stage:
    """One run of a program with the names *names* on *loop*, whose selector is *selector*.

    With *shields*, failures that nobody saw are not compared.
    """

    def __init__(self, names: Any, loop: Any, selector: VirtualSelector, shields: bool) -> None:
        self.names = names
        self.loop = loop
        self.selector = selector
        self.shields = shields
        self.trace: list[Any] = []
        #: What has no place in the order of events, sorted in the end.
        self.unordered: list[Any] = []
        self.ordered = True
        self.closed = False
        self.tasks: dict[Any, int] = {}
        self.handles: list[Any] = []
        self.kept: list[Any] = []
        self.generators: list[Any] = []
        self.contexts = [Context()]

    def namespace(self) -> dict[str, Any]:
        """Return the global names that a program starts with."""
        own = (
            "called step keep keep_future keep_handle keep_generator told pick pick_handle "
            "pick_generator later all_later removed many_timers cancelled_after "
            "attempt crowd wait_in wait_for_it failing orphan waits_for_itself collect_soon"
        )
        return {
            "__name__": "program",
            "asyncio": self.names,
            "loop": self.loop,
            "box": [],
            "contexts": self.contexts,
            "ordered": ordered,
            "in_order": in_order,
            "pending": pending,
            "named": named,
            "bare": bare,
            "Boom": Boom,
            "Grave": Grave,
            "ContextVar": ContextVar,
            **{name: getattr(self, name) for name in own.split()},
        }

    # -- what is noted ---------------------------------------------------------

    def note(self, *what: Any) -> None:
        """Note *what* happened, in which turn of the loop, when, and in whose step."""
        if self.closed:
            return  # a coroutine that is thrown away
        if self.ordered:
            time = round(self.loop.time(), 6)
            current = self.names.current_task(self.loop)
            self.trace.append((self.selector.turns, time, label(current), *what))
        else:
            self.unordered.append(what)

    def called(self, name: str, *given: object) -> None:
        """Note the call of a callback."""
        self.note(name, plain(given))

    def step(
        self, name: str, caught: type[BaseException] | tuple[type[BaseException], ...] = ()
    ) -> Step:
        """Return what notes the outcome of the step *name*."""
        return Step(self.note, name, caught)

    def report(self, _: Any, context: dict[str, Any]) -> None:
        """Note what the loop reports: its exception handler."""
        message = words(str(context.get("message")))
        if self.shields and any(lost in message for lost in LOST):
            return
        what = ("report", message, plain(context.get("exception")))
        if any(freed in message for freed in WHEN_FREED):
            self.unordered.append(what)
        else:
            self.note(*what)

    # -- what programs keep, and pick from -------------------------------------

    def keep(self, task: Any) -> Any:
        """Keep *task* for others to pick; return what is to be noted of it."""
        self.tasks[task] = number(task)
        return plain(task)

    def keep_future(self, future: Any) -> Any:
        """Keep *future* alive."""
        self.kept.append(future)
        return plain(future)

    def keep_handle(self, handle: Any) -> None:
        """Keep *handle* for others to pick."""
        self.handles.append(handle)

    def keep_generator(self, generator: Any) -> Any:
        """Keep *generator*; return it."""
        self.generators.append(generator)
        return generator

    def told(self, _: Any) -> None:
        """Let go of what has its own way of telling."""

    def pick(self, index: int) -> Any:
        """Return some task."""
        return _pick(list(self.tasks), index)

    def pick_handle(self, index: int) -> Any:
        """Return some handle."""
        return _pick(self.handles, index)

    def pick_generator(self, index: int) -> Any:
        """Return some asynchronous generator."""
        return _pick(self.generators, index)

    def all_later(self, me: int) -> list[Any]:
        """Return the tasks that function *me*, or the task that runs it, may wait for."""
        me = max(me, number(self.names.current_task()))
        return [task for task, its_number in self.tasks.items() if its_number > me]

    def later(self, me: int, index: int) -> Any:
        """Return some task that function *me* may wait for."""
        return _pick(self.all_later(me), index)

    # -- what programs do in one word ------------------------------------------

    def cancelled_after(self, delay: float, future: Any, message: object = None) -> Any:
        """Return *future*, which will be cancelled after *delay* seconds."""
        self.loop.call_later(delay, future.cancel, message)
        return future

    def many_timers(self, delay: float, callback: Callable[..., object]) -> None:
        """Start so many timers, and cancel so many, that a loop had better forget some."""
        timers = [self.loop.call_later(delay + n % 7, callback, n) for n in range(150)]
        for n, timer in enumerate(timers):
            if n % 11:
                timer.cancel()

    def crowd(self, count: int, wait: Callable[..., Any], *given: object) -> None:
        """Have *count* tasks wait for the same thing."""
        for _ in range(count):
            its_number = MANY + len(self.tasks)
            waiting: Any = self.waiting(f"w{its_number}", wait, *given)
            waiting.__name__ = f"w{its_number}"
            self.keep(self.names.create_task(waiting))

    async def waiting(self, name: str, wait: Callable[..., Any], *given: object) -> None:
        """Be one of a crowd."""
        with self.step(f"{name} of a crowd", Exception) as s:
            s(await wait(*given))

    async def wait_in(self, condition: Any) -> Any:
        """Wait for *condition* to be notified."""
        async with condition:
            return await condition.wait()

    async def wait_for_it(self, future: Any) -> Any:
        """Wait for *future*."""
        return await future

    def removed(self, future: Any, callback: Callable[..., object]) -> Any:
        """Add *callback* twice and remove it again."""
        future.add_done_callback(callback)
        future.add_done_callback(callback)
        return future.remove_done_callback(callback)

    def attempt(self, start: Callable[..., Any], function: Callable[[], Any]) -> None:
        """Have *start* start a task in a callback, if it still can."""
        with self.step(f"attempt {function.__name__}", Exception) as s:
            s(start(function()))

    def collect_soon(self) -> None:
        """Have what is unreachable freed between two turns, when the loop holds nothing."""
        self.selector.collect = True

    async def orphan(self) -> None:
        """Wait for what nobody else knows of."""
        await self.loop.create_future()

    async def waits_for_itself(self) -> None:
        """Wait for the task that runs this; nobody else does, since asyncio's then refuses."""
        with self.step("waits for itself", Exception):
            await self.names.current_task()

    async def failing(self, error: BaseException) -> None:
        """Raise *error*."""
        raise error


def in_order(*futures: Any) -> list[Any]:
    """Return *futures* without all that are done already but one.

    Their callbacks are called in the order of a set, that is in any order.
    """
    done = [future for future in dict.fromkeys(futures) if future.done()]
    return [future for future in dict.fromkeys(futures) if future not in done[1:]]


def named(task: Any, name: object) -> Any:
    """Give *task* the name *name*; return its name."""
    task.set_name(name)
    return task.get_name()


def pending(*futures: Any) -> list[Any]:
    """Return those of *futures* that are not done."""
    return [future for future in futures if not future.done()]


class _OrderedSet(dict[Any, None]):
    """A set that is iterated over in the order in which it was filled."""

    def add(self, element: Any) -> None:
        """Add *element* at the end."""
        self[element] = None

    def discard(self, element: Any) -> None:
        """Remove *element* if it is there."""
        self.pop(element, None)


def ordered(group: Any) -> Any:
    """Return *group*, a task group, with an order in which it cancels its tasks."""
    if isinstance(group._tasks, set):
        group._tasks = _OrderedSet()
    return group


@types.coroutine
def bare(value: object) -> Generator[Any, Any, Any]:
    """Yield *value* to the loop, which is not how one waits."""
    return (yield value)


def _pick(things: list[Any], index: int) -> Any:
    if not things:
        raise Nobody
    return things[index % len(things)]

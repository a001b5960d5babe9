"""What is looked at in every run, whatever the program is about.

    while it runs   invariants (`World.always`, `World.eventually`), cancellations that were
                    accepted, what was reported to the loop's exception handler
    at its end      tasks, timers and sockets that are left, exceptions that nobody has
                    retrieved, coroutines that were never awaited

A cancellation counts as swallowed when the task was asked, went on through three polls
or more, and then ended as if nothing had happened, without calling ``uncancel``.

Read next: world.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from .ending import foreign_tasks
from .failures import Failure, WorldError
from .labels import callback_label, place_of, task_label

if TYPE_CHECKING:
    from .world import World

__all__ = ["CHECKS", "Broken", "Checks"]

#: What can be looked at; `World(ignore=...)` takes names from here.
CHECKS = ("tasks", "timers", "sockets", "unretrieved", "never awaited", "swallowed cancellation")

#: A task that goes on for so many polls after it was cancelled has not just cleaned up.
LIVED_ON = 3


class Broken(WorldError):
    """An invariant does not hold."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _Eventually:
    """A promise: *holds* before the moment *until*."""

    def __init__(self, holds: Callable[[], object], until: float, words: str) -> None:
        self.holds = holds
        self.until = until
        self.words = words


class Checks:
    """The checks of one run."""

    def __init__(self, world: World, ignore: frozenset[str]) -> None:
        self._world = world
        self._ignore = ignore
        self.failures: list[Failure] = []
        self._always: list[tuple[Callable[[], object], str]] = []
        self._eventually: list[_Eventually] = []
        self._asked: dict[Any, int] = {}
        self.lived_on: list[Any] = []
        self.over = False

    # -- while it runs ---------------------------------------------------------

    def always(self, holds: Callable[[], object], words: str) -> None:
        """Have *holds* called at every poll."""
        self._always.append((holds, words))
        self._world.watchful = True

    def eventually(self, holds: Callable[[], object], within: float, words: str) -> None:
        """Have *holds* be true at some poll before *within* seconds have passed."""
        self._eventually.append(_Eventually(holds, self._world.now + within, words))
        self._world.watchful = True

    def cancelled(self, task: Any) -> None:
        """*task* has accepted to be cancelled."""
        if not self.over and not _by_forgetful_group():
            self._asked.setdefault(task, self._world.polls)
            self._world.watchful = True

    def never_awaited(self, coro: Any) -> None:
        """*coro* is gone, and nobody has awaited it."""
        if not self.over and "never awaited" not in self._ignore:
            name = getattr(coro, "__qualname__", type(coro).__name__)
            name = name.rpartition("<locals>.")[2]
            self.failures.append(Failure("never awaited", f"coroutine {name} was never awaited"))

    def reported(self, loop: Any, context: dict[str, Any]) -> None:
        """The loop has something to say that nobody else could be told."""
        if self.over:
            return
        error = context.get("exception")
        message = str(context.get("message", "something happened"))
        kind = "unretrieved" if "never retrieved" in message else "reported"
        if kind in self._ignore:
            return
        words = f": {type(error).__name__}: {error}" if error is not None else ""
        self.failures.append(Failure(kind, message.partition(" at ")[0] + words, error))

    def at_poll(self) -> None:
        """Look at what must hold now; raises Broken."""
        for holds, words in self._always:
            if not holds():
                raise Broken(Failure("always", words))
        if self._eventually:
            self._look_at_promises()
        if self._asked:
            self._look_at_cancelled()

    def _look_at_promises(self) -> None:
        for promise in list(self._eventually):
            if promise.holds():
                self._eventually.remove(promise)
            elif self._world.now > promise.until:
                raise Broken(Failure("eventually", promise.words))

    def _look_at_cancelled(self) -> None:
        for task, polls in list(self._asked.items()):
            if task.done() or not task.cancelling():
                del self._asked[task]
            elif self._world.polls - polls >= LIVED_ON:
                del self._asked[task]
                self.lived_on.append(task)

    # -- at its end ------------------------------------------------------------

    def pending(self) -> list[Any]:
        """Return the tasks that are not done, but for those that are dead with their host."""
        known = [task for task in self._world.tasks if not task.done() and not _is_dead(task)]
        return known + foreign_tasks(self._world.loop)

    def main_is_done(self) -> None:
        """Look at what the program, which is done, has left."""
        left = [task for task in self.pending() if task not in self._world.background_tasks]
        if left and "tasks" not in self._ignore:
            names = ", ".join(map(_whereabouts, left))
            self.failures.append(Failure("leak", f"tasks left: {names}"))
        for promise in self._eventually:
            if not promise.holds():
                self.failures.append(Failure("eventually", promise.words))
        if "swallowed cancellation" not in self._ignore:
            self._look_for_swallowed()
        self._asked.clear()

    def _look_for_swallowed(self) -> None:
        for task in self.lived_on:
            ended_well = task.done() and not task.cancelled() and task.exception() is None
            if ended_well and task.cancelling():
                words = f"{task_label(task)} was cancelled, and went on as if it had not been"
                self.failures.append(Failure("swallowed cancellation", words))

    def all_is_done(self, main: Any) -> None:
        """Look at what nobody has looked at or closed, now that every task has ended."""
        for task in self._world.tasks:
            if task.done() and task is not main and getattr(task, "_log_traceback", False):
                error = task._exception
                if "unretrieved" not in self._ignore:
                    words = f"the exception of {task_label(task)} was never retrieved"
                    words += f": {type(error).__name__}: {error}"
                    self.failures.append(Failure("unretrieved", words, error))
                task._log_traceback = False
        if "sockets" not in self._ignore and self._world.has_network:
            sockets = self._world.network.open_sockets()
            if sockets:
                names = ", ".join(self._world.network.words(sock._end) for sock in sockets)
                self.failures.append(Failure("leak", f"sockets left open: {names}"))
        if "timers" not in self._ignore:
            timers = [t for t in self._world.loop.timer_handles() if not t.cancelled()]
            if timers:
                names = ", ".join(callback_label(timer._callback) for timer in timers)
                self.failures.append(Failure("leak", f"timers left: {names}"))


def _by_forgetful_group() -> bool:
    """Return whether asyncio's TaskGroup has just cancelled its parent, as it does up to 3.12.

    Where the parent is waiting in ``__aexit__`` by then, it never calls ``uncancel``.
    """
    if sys.version_info >= (3, 13):
        return False
    frame: FrameType | None = sys._getframe(2)
    for _ in range(3):
        if frame is None:
            break
        if frame.f_globals.get("__name__") == "asyncio.taskgroups":
            return True
        frame = frame.f_back
    return False


def _whereabouts(task: Any) -> str:
    place = place_of(task.get_coro())
    return f"{task_label(task)} at {place}" if place else task_label(task)


def _is_dead(task: Any) -> bool:
    boot = getattr(task, "boot", None)
    return boot is not None and boot.dead

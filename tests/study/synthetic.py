"""A toy loop that writes down what it does, for tests of the views.

Its programs are generators that yield what they want of the loop, one operation at a time:

    ("turn",)                        one more turn at the end of the queue
    ("sleep", seconds)               a timer
    ("wait", future)                 until somebody sets it
    ("read", fd, seconds)            until a descriptor is readable, in so many seconds
    ("join", task)                   until that task is done

and, going on at once:

    ("spawn", name, program)  ("set", future)  ("cancel", task)  ("soon", label)  ("print", text)

The stream is that of a recording: dense numbers, causes, iterations, steps.

Read next: test_html.py
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeAlias

from miniloop.study.recording import Recording

__all__ = ["Toy", "chat", "long", "record"]

Event: TypeAlias = dict[str, Any]
Program: TypeAlias = Generator[tuple[Any, ...], Any, None]
STEP = 0.0004  # seconds that a step takes


class Cancelled(Exception):
    """What a cancelled program gets."""


class Toy:
    """Runs programs and records itself; *picks* says at which steps not the first one runs."""

    def __init__(
        self, file: str = "chat.py", step: float = STEP, picks: dict[int, int] | None = None
    ) -> None:
        self._picks = picks or {}
        self.events: list[Event] = []
        self.file = file
        self.t = 0.0
        self._step_takes = step
        self._it = self._step = self._timers_made = self._line = 0
        self._ready: deque[tuple[int, int, str, str | None]] = deque()  # entry, add, label, task
        self._timers: list[tuple[float, int, int, str, str]] = []  # due, timer, set, kind, task
        self._dead: set[int] = set()
        self._arriving: set[tuple[float, str]] = set()
        self._fds: dict[int, str] = {}
        self.programs: dict[str, Program] = {}
        self._throw: dict[str, int] = {}
        self._waiting: dict[str, list[str]] = {}  # future -> tasks
        self._on: dict[str, tuple[str, Any]] = {}
        self._running: int | None = None
        self._current: str | None = None

    # --- the stream ------------------------------------------------------------------------------

    def emit(self, kind: str, by: int | None = None, line: int | None = None, **own: Any) -> int:
        """Add an event and return its number."""
        n = len(self.events) + 1
        event: Event = {"n": n, "it": self._it, "step": self._step, "t": round(self.t, 6)}
        event["kind"] = kind
        if by is not None:
            event["by"] = by
        if line is not None:
            event["src"] = f"{self.file}:{line}"
        event.update({key: value for key, value in own.items() if value is not None})
        self.events.append(event)
        return n

    def _add(self, why: str, by: int | None, label: str, task: str | None, **own: Any) -> None:
        what = "task" if task is not None else own.pop("what", "callback")
        entry = len(self.events) + 1
        own |= {"entry": entry, "what": what, "label": label, "task": task, "why": why}
        n = self.emit("add", by, **own)
        self._ready.append((entry, n, label, task))

    # --- what a program may ask for --------------------------------------------------------------

    def spawn(self, name: str, program: Program, by: int | None = None) -> None:
        """Make a task of *program*."""
        self.programs[name] = program
        parent = self._current
        coro = f"{name.partition('#')[0]}()"
        n = self.emit("task_new", by, self._line, task=name, coro=coro, parent=parent)
        self._add("created", n, name, name)

    def set(self, future: str, by: int | None, outcome: str = "result") -> None:
        """Set *future* and wake whoever waits for it."""
        n = self.emit("future_set", by, self._line, future=future, outcome=outcome)
        for task in self._waiting.pop(future, ()):
            self._on.pop(task, None)
            self._wake(task, n, future, outcome)

    def _wake(self, task: str, by: int, future: str, outcome: str = "result") -> None:
        woken = self.emit("wake", by, task=task, future=future, outcome=outcome)
        self._add("woken", woken, task, task)

    def cancel(self, task: str, by: int | None) -> None:
        """Cancel *task*: it is told in its next step."""
        n = self.emit("cancel_request", by, self._line, task=task, **{"from": self._current})
        self._throw[task] = n
        kind, what = self._on.pop(task, ("", None))
        if kind == "timer":
            self._dead.add(what)
            self.emit("timer_cancel", n, timer=what)
        elif kind == "future":
            self._waiting[what].remove(task)
        elif kind == "fd":
            self._arriving = {each for each in self._arriving if each[1] != task}
            self.emit("fd_remove", n, fd=what, mode="r")
            del self._fds[what]
        if kind:
            self._wake(task, n, f"future of {task}", "cancelled")

    def _timer(self, seconds: float, task: str, kind: str, label: str) -> int:
        self._timers_made += 1
        due = round(self.t + seconds, 6)
        n = self.emit(
            "timer_set", self._running, self._line,
            timer=self._timers_made, when=due, label=label, task=task,
        )  # fmt: skip
        heapq.heappush(self._timers, (due, self._timers_made, n, kind, task))
        return self._timers_made

    # --- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until nothing is left."""
        self.emit("loop_start")
        while self._ready or self._timers or self._arriving:
            self._iterate()
        self.emit("loop_stop")
        self.emit("loop_close")

    def _iterate(self) -> None:
        self._it += 1
        self.emit("iter_begin", ready=len(self._ready))
        arrivals = self._select()
        for task in arrivals:
            fd = self._on.pop(task)[1]
            ready = self.emit("fd_ready", None, fd=fd, mode="r")
            self.emit("fd_remove", ready, fd=fd, mode="r")
            del self._fds[fd]
            self._wake(task, ready, f"fd {fd}")
        self._due()
        count = len(self._ready)
        self.emit("run_phase", count=count)
        for left in range(count, 0, -1):
            self._turn(left)

    def _select(self) -> list[str]:
        timeout: float | None
        timeout, why = 0.0, "entries are ready"
        timers = [timer for timer in self._timers if timer[1] not in self._dead]
        passes = 0.0
        if not self._ready and (timers or self._arriving):
            dues = [timer[0] for timer in timers] + [due for due, _ in self._arriving]
            passes = max(0.0, round(min(dues) - self.t, 6))
            timeout, why = None, "no timer: for ever"
            if timers:
                first = min(timers)
                timeout = max(0.0, round(first[0] - self.t, 6))
                why = f"timer {first[1]} ({first[3]}) is due first"
        begun = self.emit("select_begin", why=why)
        self.events[begun - 1]["timeout"] = timeout
        self.t += passes
        here = sorted(fd for fd in self._arriving if fd[0] <= self.t + 1e-9)
        self.emit("select_end", fds=[[self._on[task][1], "r"] for _, task in here])
        self._arriving.difference_update(here)
        return [task for _, task in here]

    def _due(self) -> None:
        while self._timers and (
            self._timers[0][0] <= self.t + 1e-9 or self._timers[0][1] in self._dead
        ):
            due, number, made, _, task = heapq.heappop(self._timers)
            if number in self._dead:
                self._dead.discard(number)
                continue
            late = round(max(0.0, self.t - due), 6)
            n = self.emit("timer_due", made, timer=number, late=late)
            self._on.pop(task, None)
            self._wake(task, n, f"sleep of {task}")

    def _turn(self, left: int) -> None:
        self._step += 1
        pick = self._picks.get(self._step, 0) % left
        entry, added, _, task = self._ready[pick]
        del self._ready[pick]
        self._running = self.emit("run", added, entry=entry, pick=pick, of=left)
        self._current = task
        self._line = self._step * 7 % 50 + 1
        began = self.t
        self.t += self._step_takes
        if task is not None:
            self._advance(task)
        self.emit("ran", self._running, entry=entry, took=round(self.t - began, 6))
        self._running = self._current = None

    def _advance(self, task: str) -> None:
        program = self.programs[task]
        answer: Callable[[], tuple[Any, ...]] = lambda: next(program)  # noqa: E731
        if task in self._throw:
            self.emit("cancel_delivered", self._throw.pop(task), task=task)
            answer = lambda: program.throw(Cancelled())  # noqa: E731
        try:
            while not self._blocks(task, answer()):
                answer = lambda: next(program)  # noqa: E731
                self._line = self._line % 50 + 1
        except StopIteration:
            self._done(task, "result", value="None")
        except Cancelled:
            self._done(task, "cancelled")
        except ValueError as error:
            self._done(task, "exception", error=f"ValueError: {error}")

    def _done(self, task: str, outcome: str, **own: Any) -> None:
        n = self.emit("task_done", self._running, self._line, task=task, outcome=outcome, **own)
        for waiter in self._waiting.pop(f"task {task}", ()):
            self._on.pop(waiter, None)
            self._wake(waiter, n, f"task {task}", outcome)
        del self.programs[task]

    def _blocks(self, task: str, what: tuple[Any, ...]) -> bool:
        """Do what *task* asked for; return whether it must wait."""
        by = self._running
        match what:
            case ("spawn", str(name), program):
                self.spawn(name, program, by)
            case ("set", str(future)):
                self.set(future, by)
            case ("cancel", str(other)):
                self.cancel(other, by)
            case ("soon", str(label)):
                self._add("call_soon", by, label, None)
            case ("print", str(text)):
                self.emit("output", by, self._line, stream="out", text=text)
            case ("turn",):
                self._suspend(task, kind="turn", label="its next turn")
                self._add("yielded", by, task, task)
                return True
            case ("sleep", float(seconds)):
                timer = self._timer(seconds, task, "sleep", f"sleep({seconds:g})")
                self._on[task] = ("timer", timer)
                self._suspend(task, kind="timer", label=f"sleep({seconds:g})", timer=timer)
                return True
            case ("wait", str(future)):
                self._waiting.setdefault(future, []).append(task)
                self._on[task] = ("future", future)
                self._suspend(task, kind="future", label=future, future=future)
                return True
            case ("join", str(other)):
                if other not in self.programs:
                    return False
                self._waiting.setdefault(f"task {other}", []).append(task)
                self._on[task] = ("future", f"task {other}")
                self._suspend(task, kind="task", label=f"task {other}", task_on=other)
                return True
            case ("read", int(fd), float(seconds)):
                label = f"conn {fd} -> {task}"
                self.emit("fd_add", by, self._line, fd=fd, mode="r", label=label)
                self._fds[fd] = label
                self._arriving.add((round(self.t + seconds, 6), task))
                self._on[task] = ("fd", fd)
                self._suspend(task, kind="fd", label=label, fd=fd)
                return True
        return False

    def _suspend(self, task: str, task_on: str | None = None, **on: Any) -> None:
        if task_on is not None:
            on["task"] = task_on
        line = self._line
        stack = [f"{self.file}:{max(1, line - 3)} main", f"{self.file}:{line} {task}"]
        self.emit("suspend", self._running, line, task=task, on=on, stack=stack)


def record(start: Callable[[Toy], None], cut: int | None = None, **own: Any) -> Recording:
    """Return what a toy records that *start* has given programs; cut short after *cut* events."""
    toy = Toy(**own)
    start(toy)
    toy.run()
    header = {
        "format": "miniloop recording", "v": 1, "program": toy.file, "names": "asyncio",
        "loop": "miniloop", "python": "3.13.0", "miniloop": "0.1.0", "clock": "virtual",
        "unseen": [],
    }  # fmt: skip
    events = toy.events if cut is None else toy.events[:cut]
    return Recording(header=header, events=events, dropped=0, complete=cut is None)


def chat(readers: int = 3, name: str = "reader") -> Callable[[Toy], None]:
    """Return a small program: readers of descriptors, a ticker, one that is cancelled."""

    def reader(number: int) -> Program:
        for turn in range(3):
            yield ("read", number, 0.05 * number)
            yield ("print", f"{name} {number} got line {turn}")
        yield ("set", f"future {number}")

    def ticker() -> Program:
        try:
            while True:
                yield ("sleep", 0.1)
                yield ("soon", "tick")
        except Cancelled:
            yield ("print", "the clock stops")
            raise

    def turns() -> Program:
        for _ in range(4):
            yield ("turn",)
        raise ValueError("no more turns")

    def main() -> Program:
        for number in range(1, readers + 1):
            yield ("spawn", f"{name}#{number}", reader(number))
        yield ("spawn", "ticker", ticker())
        yield ("spawn", "turns", turns())
        for number in range(1, readers + 1):
            yield ("wait", f"future {number}")
        yield ("cancel", "ticker")
        yield ("join", "ticker")
        yield ("print", "all lines are in")

    return lambda toy: toy.spawn("main", main())


def long(tasks: int, rounds: int) -> Callable[[Toy], None]:
    """Return a program of many tasks that take turns, sleep and read."""

    def worker(number: int) -> Program:
        for turn in range(rounds):
            match (number + turn) % 4:
                case 0:
                    yield ("sleep", 0.001 * (number % 7 + 1))
                case 1:
                    yield ("read", number, 0.002 * (number % 5 + 1))
                case _:
                    yield ("turn",)

    def main() -> Iterator[tuple[Any, ...]]:
        for number in range(1, tasks + 1):
            yield ("spawn", f"worker#{number}", worker(number))
        for number in range(1, tasks + 1):
            yield ("join", f"worker#{number}")

    return lambda toy: toy.spawn("main", main())  # type: ignore[arg-type]

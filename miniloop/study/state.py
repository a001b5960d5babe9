"""What a loop is like after each event of a recording, rebuilt from the events alone.

`State.apply` is the one place that knows what an event changes.  A `Player` holds a
recording and the state at one of its events, and goes forward and back: back is forward
again from the last place that was kept, so both ways lead to the same state.

Read next: text.py
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from .events import Event
from .recording import Recording

__all__ = ["Entry", "Player", "State", "TaskState", "Timer"]

#: After how many events a state is kept to go back to.
KEPT_EVERY = 500


@dataclass
class Entry:
    """An entry of the ready queue: *number* is that of the event that added it."""

    number: int
    what: str
    label: str
    why: str
    task: str | None = None
    by: int = 0
    dropped: bool = False


@dataclass
class Timer:
    """A timer that waits: due *when*, in seconds since the recording began, for *label*."""

    number: int
    when: float
    label: str
    task: str | None = None
    src: str = ""


@dataclass
class TaskState:
    """A task: "ready", "running", "waiting" or "done", since the event *since*.

    *on* is what it waits for, as the ``suspend`` event says; *at* the line where it stands.
    """

    name: str
    coro: str = ""
    parent: str | None = None
    state: str = "ready"
    since: int = 0
    on: dict[str, Any] | None = None
    at: str = ""
    stack: list[str] = field(default_factory=list)
    outcome: str = ""
    error: str = ""
    value: str = ""
    made_at: str = ""
    woken_by: int = 0
    cancels: int = 0
    unseen_error: bool = False
    steps: int = 0


@dataclass
class State:
    """A loop between two events.

    Attributes:
        n, iteration, step, t: those of the last event.
        phase: "timeout", "select", "arrivals", "due", "run", or "" outside of a run.
        ready: the queue, the next to run first; the first *left* belong to this iteration.
        running: the entry that runs, or None.
        timers, fds, tasks: by number and by name; of a descriptor, what each mode is watched for.
        timeout, why: what the loop waits for in its select phase, and why.
        output: what the program has printed: (stream, line).
    """

    n: int = 0
    iteration: int = 0
    step: int = 0
    t: float = 0.0
    phase: str = ""
    ready: list[Entry] = field(default_factory=list)
    left: int = 0
    running: Entry | None = None
    timers: dict[int, Timer] = field(default_factory=dict)
    fds: dict[int, dict[str, str]] = field(default_factory=dict)
    ready_fds: dict[int, str] = field(default_factory=dict)
    tasks: dict[str, TaskState] = field(default_factory=dict)
    timeout: float | None = None
    why: str = ""
    output: list[tuple[str, str]] = field(default_factory=list)

    def timers_in_order(self) -> list[Timer]:
        """Return the timers, the next to be due first; equal ones in the order they were set."""
        return sorted(self.timers.values(), key=lambda timer: (timer.when, timer.number))

    def apply(self, event: Event) -> None:
        """Become the state after *event*; a kind that is not known changes nothing."""
        self.n, self.iteration = event.get("n", self.n + 1), event.get("it", self.iteration)
        self.step, self.t = event.get("step", self.step), event.get("t", self.t)
        change = getattr(self, f"_{event['kind']}", None)
        if change is not None:
            change(event)

    # -- the loop --------------------------------------------------------------

    def _loop_stop(self, _: Event) -> None:
        self.phase, self.left, self.running = "", 0, None

    def _loop_close(self, _: Event) -> None:
        self.phase, self.left = "", 0
        self.ready.clear()
        self.timers.clear()
        self.fds.clear()

    def _iter_begin(self, _: Event) -> None:
        self.phase, self.left, self.timeout, self.why = "timeout", 0, None, ""
        self.ready_fds.clear()

    def _select_begin(self, event: Event) -> None:
        self.phase, self.timeout, self.why = "select", event.get("timeout"), event.get("why", "")

    def _select_end(self, _: Event) -> None:
        self.phase = "arrivals"

    def _run_phase(self, event: Event) -> None:
        self.phase, self.left = "run", event["count"]

    # -- entries ---------------------------------------------------------------

    def _add(self, event: Event) -> None:
        entry = Entry(event["entry"], event["what"], event["label"], event.get("why", ""))
        entry.task, entry.by = event.get("task"), event.get("by", 0)
        self.ready.append(entry)
        if entry.task is not None and entry.what == "task":
            task = self._task(entry.task)
            task.state, task.since, task.on = "ready", self.n, None
            task.woken_by = entry.by

    def _drop(self, event: Event) -> None:
        for entry in self.ready:
            if entry.number == event["entry"]:
                entry.dropped = True

    def _run(self, event: Event) -> None:
        for index, entry in enumerate(self.ready):
            if entry.number == event["entry"]:
                self.running = entry
                del self.ready[index]
                break
        self.left = max(self.left - 1, 0)
        if self.running is not None and self.running.what == "task" and self.running.task:
            task = self._task(self.running.task)
            task.state, task.since = "running", self.n
            task.steps += 1

    def _ran(self, _: Event) -> None:
        self.running = None

    # -- tasks -----------------------------------------------------------------

    def _task(self, name: str) -> TaskState:
        if name not in self.tasks:
            self.tasks[name] = TaskState(name, since=self.n)
        return self.tasks[name]

    def _task_new(self, event: Event) -> None:
        task = self._task(event["task"])
        task.coro, task.parent = event.get("coro", ""), event.get("parent")
        task.made_at = event.get("src", "")

    def _suspend(self, event: Event) -> None:
        task = self._task(event["task"])
        task.state, task.since, task.on = "waiting", self.n, event.get("on")
        task.at, task.stack = event.get("src", ""), event.get("stack", [])

    def _task_done(self, event: Event) -> None:
        task = self._task(event["task"])
        task.state, task.since, task.on = "done", self.n, None
        task.outcome, task.error = event.get("outcome", ""), event.get("error", "")
        task.value = event.get("value", "")

    def _cancel_request(self, event: Event) -> None:
        self._task(event["task"]).cancels += 1

    def _exception_stored(self, event: Event) -> None:
        if "task" in event:
            self._task(event["task"]).unseen_error = True

    def _exception_retrieved(self, event: Event) -> None:
        if "task" in event:
            self._task(event["task"]).unseen_error = False

    # -- timers, descriptors, output -------------------------------------------

    def _timer_set(self, event: Event) -> None:
        number = event["timer"]
        timer = Timer(number, event["when"], event.get("label", ""), event.get("task"))
        timer.src = event.get("src", "")
        self.timers[number] = timer

    def _timer_cancel(self, event: Event) -> None:
        self.timers.pop(event["timer"], None)

    def _timer_due(self, event: Event) -> None:
        self.phase = "due"
        self.timers.pop(event["timer"], None)

    def _fd_add(self, event: Event) -> None:
        self.fds.setdefault(event["fd"], {})[event["mode"]] = event.get("label", "")

    def _fd_remove(self, event: Event) -> None:
        modes = self.fds.get(event["fd"], {})
        modes.pop(event["mode"], None)
        if not modes:
            self.fds.pop(event["fd"], None)

    def _fd_ready(self, event: Event) -> None:
        self.ready_fds[event["fd"]] = event["mode"]

    def _output(self, event: Event) -> None:
        self.output.append((event.get("stream", "out"), event.get("text", "")))


class Player:
    """A recording, and the state after its event `n`; 0 is before the first."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.state = State()
        self._position = 0
        self._kept = [(0, copy.deepcopy(self.state))]

    @property
    def n(self) -> int:
        """How many events have happened."""
        return self._position

    @property
    def event(self) -> Event | None:
        """The event that happened last, or None."""
        return self.recording.events[self._position - 1] if self._position else None

    def __len__(self) -> int:
        return len(self.recording.events)

    def seek(self, n: int) -> State:
        """Go to the state after event *n*, or to the nearest end; return it."""
        n = min(max(n, 0), len(self))
        position, kept = max((one for one in self._kept if one[0] <= n), key=lambda one: one[0])
        if n < self._position or position > self._position:
            self._position, self.state = position, copy.deepcopy(kept)
        while self._position < n:
            self.state.apply(self.recording.events[self._position])
            self._position += 1
            if self._position % KEPT_EVERY == 0 and self._position > self._kept[-1][0]:
                self._kept.append((self._position, copy.deepcopy(self.state)))
        return self.state

    def find(self, *kinds: str, back: bool = False) -> int | None:
        """Return the number of the next event of one of *kinds*, or of the one before."""
        events = self.recording.events
        positions = (
            range(self._position - 2, -1, -1) if back else range(self._position, len(events))
        )
        for position in positions:
            if events[position]["kind"] in kinds:
                return position + 1
        return None

    def more(self) -> bool:
        """Let there be more events, if the recording still grows; return whether it does."""
        return False

    def step(self, back: bool = False) -> bool:
        """Go to where the next entry begins to run, or the one before; False at the end."""
        return self._go("run", back)

    def next_iteration(self, back: bool = False) -> bool:
        """Go to where the next iteration begins, or the one before; False at the end."""
        return self._go("iter_begin", back)

    def _go(self, kind: str, back: bool) -> bool:
        n = self.find(kind, back=back)
        while n is None and not back and self.more():
            n = self.find(kind)
        self.seek(n if n is not None else (0 if back else len(self)))
        return n is not None

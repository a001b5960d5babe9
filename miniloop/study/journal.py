"""What a recorder writes into: events in order, in the shortest form until there is time.

A step that does nothing but give up its turn is two numbers, an iteration of such steps a
tuple, and four events each when they are put into words; everything else is an event at
once.  The ``run`` of an entry is written when something happens in it, or when it is over.

Invariants
    The events are in the order of their numbers, and no number is left out.
    Nothing of the program's is kept alive, but for code objects.

Read next: happenings.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

from .events import Event, in_order
from .names import Names
from .recording import Recording, Writer

__all__ = ["Journal"]

#: How many events are kept at most.
LIMIT = 500_000


class Journal:
    """Events, and where the loop that they come from stands; see `Recorder`."""

    # What changes with every step has a slot, which is quicker to get at.
    __slots__ = (
        *("__dict__", "__weakref__", "began", "entry", "entry_n", "n", "pending"),
        *("run_n", "seen", "task"),
    )

    def __init__(
        self,
        *,
        folder: str | None = None,
        ignored: Iterable[str] = (),
        writer: Writer | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.names = Names(folder, ignored)
        self.header: dict[str, Any] = {}
        self.events: list[Event] = []
        self._writer = writer
        self._limit = limit
        #: What was not put into words yet; the list stays the same.
        self.log: list[Any] = []
        # How many events there are, and whether no more are kept.
        self.n, self.full = 0, False
        #: Seconds since the recording began, when they were last looked at.
        self.now = 0.0
        self.clock: Callable[[], float] | None = None
        self.offset = 0.0
        #: What runs: the entry, its number and its task, when on the clock it began, its ``run``.
        self.entry: Any = None
        self.entry_n = 0
        self.task: Any = None
        self.task_number = 0
        self.began = self.ended = 0.0
        self.run_n = 0
        #: How many entries of the queue were told of.
        self.seen = 0
        #: Whether that ``run`` is still to be written, and which of those left it was.
        self.pending = False
        self.pick = 0
        # What was put into words so far: events, iterations, steps, what is left of this one;
        # when the last of it was, and which entries are in the queue, with the tasks' numbers.
        self._told = self._iteration = self._step = self._left = 0
        self._time = 0.0
        self._queued: deque[tuple[int, int]] = deque()
        #: What each task runs, by its number.
        self.codes: dict[int, CodeType] = {}

    # -- the result ------------------------------------------------------------

    @property
    def dropped(self) -> int:
        """How many events were not kept because there were too many."""
        return self.n - self._told if self.full else 0

    def recording(self) -> Recording:
        """Return what was recorded so far; empty if it went to a file."""
        self.flush()
        return Recording(dict(self.header), self.events, self.dropped)

    def close(self) -> None:
        """Put the rest into words, and end the file."""
        self.flush()
        if self._writer is not None:
            self._writer.close(self.dropped)

    def check_limit(self) -> None:
        """Keep nothing more, if there is enough; it is still counted."""
        if self.n > self._limit and not self.full:
            self.flush()
            self.full = True

    def flush(self) -> None:
        """Put what waits into words."""
        log = [] if self.full else self.log[:]
        self.log.clear()
        events: list[Event] = []
        items = iter(log)
        for raw in items:
            if type(raw) is dict:
                events.append(self._numbered(raw))
            elif type(raw) is tuple:
                events += [self._numbered(event) for event in self._plain_iteration(*raw)]
            else:  # a time, and the instruction that follows it
                events += [self._numbered(event) for event in self._turn(raw, next(items))]
        if self._writer is not None:
            self._writer.add(events)
        else:
            self.events += events

    def _numbered(self, event: Event) -> Event:
        """Return *event* with its number, where it belongs, and the names of its tasks."""
        kind = event["kind"]
        self._told += 1
        if kind == "iter_begin":
            self._iteration += 1
        elif kind == "run_phase":
            self._left = event["count"]
        elif kind == "add":
            self._queued.append((self._told, event.get("task", -1)))
        elif kind == "loop_close":
            self._queued.clear()
        elif kind == "run":
            self._step += 1
            event["of"] = self._left
            self._left -= 1
            self._taken(event["entry"])
        self._time = event["t"]
        event |= {"n": self._told, "it": self._iteration, "step": self._step}
        event["t"] = round(event["t"], 6)
        label = self.names.label
        for holder in (event, event["on"]) if "on" in event else (event,):
            for key in ("task", "parent", "from", "label"):
                if type(holder.get(key)) is int:
                    holder[key] = label(holder[key])
            for key in ("held_by", "tasks"):
                if key in holder:
                    holder[key] = [label(one) for one in holder[key]]
        return in_order(event)

    def _turn(self, ended: float, instruction: int) -> list[Event]:
        """Return the events of the next entry's step, a task's that gave up its turn."""
        n, begin, end = self._told + 1, self._time, ended - self.offset
        entry, task = self._queued[0]
        suspend = {"kind": "suspend", "t": end, "by": n, "task": task}
        code = self.codes.get(task)
        if code is not None and instruction >= 0:
            suspend["src"] = f"{self.names.file(code.co_filename)}:{_line(code, instruction)}"
        suspend["on"] = {"kind": "turn", "label": "another turn"}
        own = {"entry": n + 2, "what": "task", "label": task, "task": task, "why": "yielded"}
        ran = {"entry": entry, "took": round(max(end - begin, 0.0), 6)}
        return [
            {"kind": "run", "t": begin, "by": entry, "entry": entry, "pick": 0},
            suspend,
            {"kind": "add", "t": end, "by": n + 1} | own,
            {"kind": "ran", "t": end, "by": n} | ran,
        ]

    def _plain_iteration(self, began: float, count: int) -> list[Event]:
        """Return the events of an iteration of *count* entries, less than 0 if without a poll."""
        start = began - self.offset
        begin = {"kind": "iter_begin", "t": start, "ready": abs(count)}
        run = {"kind": "run_phase", "t": start, "count": abs(count)}
        if count < 0:
            return [begin | {"polls": False}, run]
        select = {"kind": "select_begin", "t": start, "timeout": 0, "why": "entries are ready"}
        ended = {"kind": "select_end", "t": start, "by": self._told + 2, "fds": []}
        return [begin, select, ended, run]

    def _taken(self, entry: int) -> None:
        """Take *entry* out of the queue as it is in the log; most often it is the first."""
        for place, (number, _) in enumerate(self._queued):
            if number == entry:
                del self._queued[place]
                break

    # -- writing things down ---------------------------------------------------

    def tell(self, kind: str, by: int | None = None, src: str = "", **own: Any) -> int:
        """Add an event; return its number.  Without *by* it is caused by what runs now."""
        if self.pending:
            self._tell_run()
        if by is None:
            by = self.run_n
        self.tick()
        self.n += 1
        if not self.full:
            event: Event = {"kind": kind, "t": self.now}
            if by:
                event["by"] = by
            if src:
                event["src"] = src
            event.update(own)
            self.log.append(event)
        return self.n

    def _tell_run(self) -> None:
        self.pending = False
        event: Event = {"kind": "run", "t": self.began - self.offset, "by": self.entry_n}
        event |= {"entry": self.entry_n, "pick": self.pick}
        if not self.full:
            self.log.append(event)

    def tick(self) -> None:
        """Look at the clock."""
        if self.clock is not None:
            self.now = self.clock() - self.offset


def _line(code: CodeType, instruction: int) -> int | None:
    """Return the line of an instruction of *code*, which is given in bytes."""
    line = None
    for start, end, number in code.co_lines():
        if start <= instruction < end:
            line = number
    return line

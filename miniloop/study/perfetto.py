"""A recording as a Chrome trace, which https://ui.perfetto.dev opens.

A lane for the loop (its iterations, what it waits for, its callbacks) and one for each task, in
which slices that never overlap say ``step``, ``ready`` or ``await ...``; an arrow from whoever put
an entry into the queue to the step that came of it; a counter of the ready queue; marks where a
task was cancelled.

Three habits of the viewer decide how that is written.  Slices of one lane must nest, or they are
moved to another: so no two events share a time, those of one microsecond are ten nanoseconds
apart.  An arrow leaves from the end of the slice it begins in: so there is a tiny slice inside a
step for each entry that the step adds.  Lanes and processes that are not integers are not drawn.

Format: "Trace Event Format", Google, as read by Perfetto's JSON importer.

Read next: ../../compat/commands/perfetto.py
"""

from __future__ import annotations

from typing import Any

from .events import Event
from .recording import Recording

__all__ = ["perfetto"]

#: The only process, and the lane of the loop in it; tasks follow.
PROCESS, LOOP = 1, 1
#: Nanoseconds: between two events at least, of a tiny slice, from its begin to its arrow.
APART, TINY, INSIDE = 10, 5, 2

MARKS = {
    "cancel_request": "cancel() called",
    "cancel_delivered": "CancelledError raised",
    "cancel_swallowed": "cancellation swallowed",
    "exception_lost": "exception never retrieved",
}
WHY = {"created": "create", "woken": "wake", "yielded": "one more turn", "call_soon": "call_soon"}


def perfetto(recording: Recording, *, steps: bool = False) -> dict[str, Any]:
    """Return *recording* as a Chrome trace, ready for `json.dump`.

    With *steps* an event takes a microsecond whatever time it took: for programs on a virtual
    clock, in which everything happens at a few moments.
    """
    trace = Trace(steps)
    for event in recording.events:
        trace.take(event)
    trace.end()
    known = {key: str(value) for key, value in recording.header.items()}
    return {"traceEvents": trace.written(), "displayTimeUnit": "ns", "otherData": known}


class Lane:
    """A row of slices that follow one another; `name` is what the task does since `since`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = ""
        self.since = 0
        self.details: dict[str, Any] = {}
        #: Entries of the task in the ready queue, and whether it is done.
        self.queued, self.done = 0, False


class Trace:
    """Takes events in their order and makes entries of a trace of them."""

    def __init__(self, steps: bool) -> None:
        self._steps = steps
        self._now = 0
        self._out: list[dict[str, Any]] = []
        self._lanes: dict[str, Lane] = {}
        self._loop = Lane(LOOP)
        self._running: Lane | None = None
        self._callback: Event | None = None
        self._begun = 0
        self._select: tuple[int, Event] | None = None
        self._entries: dict[int, Event] = {}
        self._ready: set[int] = set()
        #: Where and when the arrow to an entry begins that has not run yet.
        self._arrows: dict[int, tuple[int, int]] = {}
        self._meta("process_name", LOOP, name="event loop")
        self._meta("thread_name", LOOP, name="the loop")

    # --- writing, all times in nanoseconds -------------------------------------------------------

    def _meta(self, what: str, lane: int, **args: Any) -> None:
        entry = {"ph": "M", "ts": 0, "pid": PROCESS, "tid": lane, "name": what, "args": args}
        self._out.append(entry)

    def _put(self, phase: str, time: int, lane: int, name: str, **more: Any) -> None:
        entry = {"ph": phase, "ts": time / 1000, "pid": PROCESS, "tid": lane, "name": name}
        self._out.append(entry | more)

    def _slice(self, lane: int, name: str, since: int, until: int, args: dict[str, Any]) -> None:
        self._put("X", since, lane, name, cat="loop", dur=(until - since) / 1000, args=args)

    def written(self) -> list[dict[str, Any]]:
        """Return the entries in the order of their time, what encloses before what it encloses."""
        return sorted(self._out, key=lambda entry: (entry["ts"], -entry.get("dur", 0)))

    # --- lanes -----------------------------------------------------------------------------------

    def _lane(self, task: str) -> Lane:
        if task not in self._lanes:
            number = LOOP + 1 + len(self._lanes)
            self._lanes[task] = Lane(number)
            self._meta("thread_name", number, name=task)
            self._meta("thread_sort_index", number, sort_index=number)
        return self._lanes[task]

    def _turn(self, lane: Lane, name: str, details: dict[str, Any]) -> None:
        """From now on the task of *lane* does what *name* says; an empty name for nothing."""
        if lane.name and self._now > lane.since:
            self._slice(lane.number, lane.name, lane.since, self._now, lane.details)
        lane.name, lane.since, lane.details = name, self._now, details

    # --- events ----------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Take the next event."""
        wanted = event["n"] * 1000 if self._steps else round((event.get("t") or 0) * 1e9)
        self._now = max(wanted, self._now + APART)
        method = getattr(self, f"_on_{event['kind']}", None)
        if method is not None:
            method(event)
        elif event["kind"] in MARKS and event.get("task") is not None:
            lane = self._lane(event["task"]).number
            self._put("i", self._now, lane, MARKS[event["kind"]], s="t", args=details(event))

    def end(self) -> None:
        """No event follows: what is open ends here."""
        self._now += APART
        if self._callback is not None:
            self._on_ran({})
        for lane in (self._loop, *self._lanes.values()):
            self._turn(lane, "", {})

    def _on_iter_begin(self, event: Event) -> None:
        self._turn(self._loop, "iteration", {"iteration": event["it"], "ready": event["ready"]})

    def _on_loop_stop(self, event: Event) -> None:
        self._turn(self._loop, "", {})

    def _on_select_begin(self, event: Event) -> None:
        self._select = self._now, event

    def _on_select_end(self, event: Event) -> None:
        if self._select is not None:
            since, begin = self._select
            self._slice(LOOP, "select", since, self._now, details(begin) | details(event))
            self._select = None

    def _on_add(self, event: Event) -> None:
        self._entries[event["entry"]] = event
        self._ready.add(event["entry"])
        self._count()
        task = event.get("task")
        if task is not None:
            lane = self._lane(task)
            lane.queued += 1
            if lane.name == "ready":
                lane.details = details(event)
            elif lane.name != "step":
                self._turn(lane, "ready", details(event))
        here = self._running.number if self._running is not None else LOOP
        name = f"{WHY.get(event.get('why', ''), event.get('why', 'add'))}: {event['label']}"
        self._slice(here, name, self._now, self._now + TINY, details(event))
        self._arrows[event["entry"]] = self._now + INSIDE, here

    def _on_run(self, event: Event) -> None:
        self._ready.discard(event["entry"])
        self._count()
        added = self._entries.get(event["entry"], {})
        task = added.get("task")
        self._callback, self._begun = added | event, self._now
        self._running = self._loop
        lane = LOOP
        if task is not None:
            self._running = self._lane(task)
            self._running.queued = max(0, self._running.queued - 1)
            self._turn(self._running, "step", details(event) | {"number": event["step"]})
            lane = self._running.number
        if event["entry"] in self._arrows:
            arrow = {"cat": "wake-up", "id": event["entry"]}
            self._put("s", *self._arrows.pop(event["entry"]), "wake-up", **arrow)
            self._put("f", self._now + INSIDE, lane, "wake-up", bp="e", **arrow)

    def _on_ran(self, event: Event) -> None:
        lane, entry = self._running, self._callback
        self._running = self._callback = None
        if lane is None or entry is None:
            return
        if lane is self._loop:
            label = entry.get("label", "callback")
            self._slice(LOOP, str(label), self._begun, self._now, details(entry))
        elif lane.done:
            self._turn(lane, "", {})
        else:
            self._turn(lane, *self._rest(lane))

    def _rest(self, lane: Lane) -> tuple[str, dict[str, Any]]:
        """Return what a task does that has made its step."""
        if lane.queued:
            return "ready", {}
        on = lane.details.get("on") or {}
        return f"await {on.get('kind', 'something')}", on

    def _on_task_new(self, event: Event) -> None:
        lane = self._lane(event["task"])
        self._turn(lane, "step" if event.get("eager") else "ready", details(event))

    def _on_suspend(self, event: Event) -> None:
        lane = self._lane(event["task"])
        lane.details = lane.details | details(event)
        if lane is not self._running:  # it ran inside somebody else's step
            self._turn(lane, *self._rest(lane))

    def _on_task_done(self, event: Event) -> None:
        lane = self._lane(event["task"])
        lane.details = lane.details | details(event)
        lane.done = True
        if lane is not self._running:
            self._turn(lane, "", {})

    def _on_output(self, event: Event) -> None:
        lane = (self._running or self._loop).number
        self._put("i", self._now, lane, "print", s="t", args=details(event))

    def _count(self) -> None:
        self._put("C", self._now, LOOP, "ready queue", args={"entries": len(self._ready)})


def details(event: Event) -> dict[str, Any]:
    """Return what is told of *event* when its slice is chosen."""
    hidden = ("it", "step", "t", "kind", "by")
    return {k: v for k, v in event.items() if k not in hidden}

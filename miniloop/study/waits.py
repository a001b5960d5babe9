"""Why a task does not run: what it waits for, who can wake it, followed to the end.

The chain goes from task to task, over locks and their holders, groups and what they gather,
down to what the world outside does: a timer, a descriptor, a thread; or to nobody.  A circle
is drawn as a circle, and the chain is told all the same.

Read next: lints.py
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .events import Event
from .recording import Recording
from .state import Player, State, TaskState
from .text import seconds, sentence, waiting_for

__all__ = [
    "NotATaskError",
    "at_end",
    "circles",
    "kept_alive_by",
    "next_wake",
    "who_can_wake",
    "why",
]

#: What only another task, or a callback, can end.
BETWEEN_TASKS = ("Lock", "Semaphore", "Event", "Condition", "Queue", "Barrier")


class NotATaskError(LookupError):
    """There is no such task; says which there are."""


@dataclass(frozen=True)
class Wakers:
    """Who can wake a task: other *tasks*, or something *outside*; neither: nobody is known."""

    tasks: tuple[str, ...] = ()
    outside: str = ""
    seen: tuple[str, ...] = field(default=())


def who_can_wake(state: State, task: TaskState, recording: Recording | None = None) -> Wakers:
    """Return who can wake *task*, which waits, as far as *state* tells.

    From a *recording* it is learned besides who woke somebody at the same thing before.
    """
    on = task.on or {}
    kind = on.get("kind", "future")
    if kind == "task":
        return Wakers((on["task"],))
    if kind == "timer":
        timer = state.timers.get(on.get("timer", 0))
        rest = timer.when - state.t if timer is not None else 0
        when = f"due in {seconds(rest)}" if rest > 0 else "due now"
        return Wakers(outside=f"timer {on.get('timer')}, {when}")
    if kind == "gather":
        return Wakers(tuple(_alive(state, on.get("tasks", ()))))
    if on.get("held_by"):
        return Wakers(tuple(on["held_by"]))
    if kind == "thread":
        return Wakers(outside="a thread of the executor")
    if kind in ("stream", "fd", "connect"):
        return Wakers(outside=_descriptors(state))
    seen = _seen_wakers(recording, state.n, on) if recording is not None else ()
    return Wakers(seen=tuple(_alive(state, seen)))


def _alive(state: State, names: tuple[str, ...] | list[str]) -> list[str]:
    return [name for name in names if name in state.tasks and state.tasks[name].state != "done"]


def _descriptors(state: State) -> str:
    watched = [
        f"{fd} ({'/'.join(sorted(modes))}: {label})"
        for fd, modes in sorted(state.fds.items())
        for label in [next(iter(modes.values()))]
        if label != "self-pipe"
    ]
    return f"descriptor {' or '.join(watched)}" if watched else ""


def _seen_wakers(recording: Recording, n: int, on: dict[str, object]) -> tuple[str, ...]:
    """Return the tasks that woke somebody who waited for the same, until event *n*."""
    label, waiting = on.get("label"), dict[str, object]()
    found: list[str] = []
    for event in recording.events[:n]:
        kind = event["kind"]
        if kind == "suspend":
            waiting[event["task"]] = event["on"].get("label")
        elif kind == "wake":
            by = _task_behind(recording, event)
            if waiting.get(event["task"]) == label and by and by not in found:
                found.append(by)
    return tuple(found)


def _task_behind(recording: Recording, event: Event) -> str:
    """Return the task in whose step *event* happened, or an empty string."""
    while event.get("by"):
        event = recording.events[event["by"] - 1]
        if event["kind"] == "run":
            added = recording.events[event["entry"] - 1]
            return str(added.get("task", "")) if added.get("what") == "task" else ""
    return ""


def why(state: State, name: str, recording: Recording | None = None) -> list[str]:
    """Return lines that say why the task *name* does not run at *state*.

    With the *recording* that *state* is of they say as well what happens to it later.
    Raises NotATaskError.
    """
    if name not in state.tasks:
        known = ", ".join(sorted(one for one, task in state.tasks.items() if task.state != "done"))
        raise NotATaskError(f"there is no task {name} at this point; there are: {known or 'none'}")
    task = state.tasks[name]
    lines = _told(state, task, recording, 0, [])
    if task.state == "waiting":
        lines.append(f"  kept alive by: {kept_alive_by(state, task)}")
        if recording is not None:
            lines.append(f"  later: {_later(recording, state, task)}")
    return lines


def _told(
    state: State, task: TaskState, recording: Recording | None, depth: int, path: list[str]
) -> list[str]:
    indent = "  " * depth
    place = f" at {task.at}" if task.at else ""
    if task.state == "running":
        return [f"{indent}{task.name} runs now"]
    if task.state == "ready":
        return [f"{indent}{task.name} is ready: {_place_in_queue(state, task)}"]
    if task.state == "done":
        error = f": {task.error}" if task.error else ""
        return [f"{indent}{task.name} is done, with {task.outcome}{error}"]
    lines = [f"{indent}{task.name} waits{place} for {waiting_for(task.on)}"]
    wakers = who_can_wake(state, task, recording)
    if wakers.outside:
        lines.append(f"{indent}  {wakers.outside} can wake it")
    elif wakers.tasks:
        for other in wakers.tasks:
            if other in path or other == task.name:
                circle = [*path[path.index(other) if other in path else len(path) :], task.name]
                lines.append(f"{indent}  in a circle: {' -> '.join([*circle, other])}")
            elif other in state.tasks:
                following = state.tasks[other]
                lines += _told(state, following, recording, depth + 1, [*path, task.name])
    elif wakers.seen:
        lines.append(f"{indent}  {' or '.join(wakers.seen)} has woken who waited for it before")
    elif not _between(task) or recording is None:
        lines.append(f"{indent}  nothing tells who could wake it")
    else:
        lines.append(f"{indent}  nobody has been seen who could wake it")
    return lines


def _between(task: TaskState) -> bool:
    return (task.on or {}).get("kind") in BETWEEN_TASKS


def _place_in_queue(state: State, task: TaskState) -> str:
    for place, entry in enumerate(state.ready):
        if entry.task == task.name and entry.what == "task":
            when = "in this iteration" if place < state.left else "in the next iteration"
            before = f"{place} before it" if place else "it is next"
            return f"{before}, {when}"
    return "in the queue"


def kept_alive_by(state: State, task: TaskState) -> str:
    """Return what holds on to *task*, so that it is not collected while it waits."""
    on = task.on or {}
    kind = on.get("kind", "future")
    if kind == "timer":
        return f"the loop: timer heap -> timer {on.get('timer')} -> future -> {task.name}"
    if kind in ("stream", "fd", "connect"):
        return f"the loop: selector -> descriptor -> callback -> future -> {task.name}"
    if kind == "thread":
        return f"the executor: thread -> future -> {task.name}"
    if kind == "task":
        return f"task {on['task']}, which it waits for: {on['task']} -> {task.name}"
    if kind == "gather":
        return f"the tasks that it gathers -> {task.name}"
    if kind in BETWEEN_TASKS:
        return f"whoever holds the {kind}; the loop itself has only a weak reference"
    return "whoever holds the future; the loop itself has only a weak reference"


def next_wake(recording: Recording, n: int, task: str) -> Event | None:
    """Return the event after *n* that lets *task* in again, or None if there is none."""
    for event in recording.events[n:]:
        if event["kind"] == "wake" and event["task"] == task:
            return event
    return None


def _later(recording: Recording, state: State, task: TaskState) -> str:
    event = next_wake(recording, state.n, task.name)
    if event is None:
        return "it is never woken in this recording"
    cause = recording.events[event["by"] - 1] if event.get("by") else event
    by = _task_behind(recording, event)
    who = f" by {by}" if by else ""
    place = f" at {cause['src']}" if cause.get("src") else ""
    return f"event {event['n']}, t={event['t']:.6g} s{who}{place}: {sentence(event)}"


def circles(state: State) -> list[list[str]]:
    """Return the circles of tasks of which each waits for the next, and the last for the first."""
    found: list[list[str]] = []
    for task in state.tasks.values():
        path = [task.name]
        while len(path) <= len(state.tasks):
            current = state.tasks[path[-1]]
            waits = current.state == "waiting"
            wakers = who_can_wake(state, current).tasks if waits else ()
            if len(wakers) != 1 or wakers[0] not in state.tasks:
                break
            if wakers[0] in path:
                circle = path[path.index(wakers[0]) :]
                if not any(set(circle) == set(known) for known in found):
                    found.append(circle)
                break
            path.append(wakers[0])
    return found


def at_end(recording: Recording) -> State:
    """Return the state at which a program got stuck or ended: before its last loop stops."""
    player = Player(recording)
    stops = [event["n"] for event in recording.events if event["kind"] == "loop_stop"]
    return player.seek(stops[0] - 1 if stops else len(player))

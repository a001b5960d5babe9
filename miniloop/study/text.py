"""A state and an event as text: sentences, and panes of lines for a terminal.

Everything here is a function from what was recorded to text, so that the views in a terminal,
in a file and in a test are the same.

Read next: waits.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .events import PHASES, Event
from .recording import Recording
from .state import Entry, State, TaskState

__all__ = ["WIDTH", "log", "panes", "sentence", "told", "waiting_for"]

WIDTH = 100

#: How long a list in a pane may be.
MOST = 12

_WHY = {
    "created": "just created",
    "woken": "woken",
    "yielded": "gave up its turn",
    "call_soon": "call_soon",
    "threadsafe": "from thread",
    "due": "its time has come",
    "ready": "its descriptor is ready",
    "done callback": "what it waited for is done",
}
_MODES = {"r": "to read", "w": "to write", "rw": "to read and to write"}
_OUTCOMES = {"result": "with a result", "exception": "with an exception", "cancelled": "cancelled"}


def seconds(value: float) -> str:
    """Return a time in the unit that suits it: ``1.2 s``, ``340 µs``."""
    if value >= 1:
        return f"{value:.3g} s"
    if value >= 0.001:
        return f"{value * 1000:.3g} ms"
    return f"{value * 1e6:.0f} µs"


def waiting_for(on: dict[str, Any] | None) -> str:
    """Return in words what a task waits for: ``Lock lock, held by worker``."""
    if not on:
        return "nothing that was told"
    kind, label = on.get("kind", "future"), on.get("label", "")
    if kind == "turn":
        return "its next turn"
    if kind == "task":
        return f"task {on.get('task', label)}"
    if kind == "timer":
        return f"timer {on.get('timer')} ({label})"
    if kind == "gather":
        return f"gather of {', '.join(on['tasks'])}" if on.get("tasks") else "gather"
    held = on.get("held_by")
    return f"{label}, held by {', '.join(held)}" if held else str(label)


# -- sentences -----------------------------------------------------------------


def sentence(event: Event) -> str:
    """Return what an event says, in one sentence without its place."""
    tell = _SENTENCES.get(event["kind"])
    return tell(event) if tell is not None else event["kind"]


def told(event: Event, state: State) -> str:
    """Return what *event*, the last of *state*, says, with its place: what runs by its name."""
    said = sentence(event)
    if event["kind"] == "run" and state.running is not None:
        said = f"{state.running.label} runs"
    return f"{said}  [{event['src']}]" if event.get("src") else said


def _add(event: Event) -> str:
    why = _WHY.get(event.get("why", ""), event.get("why", ""))
    if event.get("thread"):
        why = f"from thread {event['thread']}"
    return f"{event['label']} goes to the end of the ready queue ({why})"


def _suspend(event: Event) -> str:
    on = event.get("on") or {}
    if on.get("kind") == "turn":
        return f"{event['task']} gives up its turn"
    return f"{event['task']} waits for {waiting_for(on)}"


def _select(event: Event) -> str:
    timeout = event.get("timeout")
    if timeout is None:
        return f"the loop waits for events, for ever: {event.get('why', '')}"
    if timeout == 0:
        return f"the loop looks for events without waiting: {event.get('why', '')}"
    return f"the loop waits for events, {seconds(timeout)} at most: {event.get('why', '')}"


def _selected(event: Event) -> str:
    fds = ", ".join(f"descriptor {fd} {_MODES.get(mode, mode)}" for fd, mode in event["fds"])
    return f"ready: {fds}" if fds else "no descriptor is ready"


def _due(event: Event) -> str:
    return f"timer {event['timer']} is due, {seconds(event.get('late', 0))} late"


def _timer(event: Event) -> str:
    return f"timer {event['timer']} ({event.get('label', '')}) is set for t={event['when']:.6g} s"


def _done(event: Event) -> str:
    words = f"{event['task']} ends {_OUTCOMES.get(event['outcome'], event['outcome'])}"
    value = event.get("error") or event.get("value")
    return f"{words}: {value}" if value else words


def _set(event: Event) -> str:
    words = f"{event['future']} is done {_OUTCOMES.get(event['outcome'], event['outcome'])}"
    return f"{words}: {event['error']}" if event.get("error") else words


def _wake(event: Event) -> str:
    what = event.get("future") or f"task {event.get('from')}"
    return f"{event['task']} is let in: {what} is done"


def _cancel(event: Event) -> str:
    who = event.get("from", "the program")
    message = f" ({event['message']})" if event.get("message") else ""
    return f"{who} asks {event['task']} to stop{message}"


def _whose(event: Event) -> str:
    return str(event.get("task") or event.get("future") or "a future")


def _ran(event: Event) -> str:
    if event.get("skipped"):
        return "it was cancelled: skipped"
    return f"that took {seconds(event.get('took', 0))}"


_SENTENCES: dict[str, Callable[[Event], str]] = {
    "loop_start": lambda _: "the loop starts",
    "loop_stop": lambda _: "the loop stops",
    "loop_close": lambda _: "the loop is closed",
    "iter_begin": lambda event: f"iteration {event.get('it', '')}: {event['ready']} in the queue",
    "select_begin": _select,
    "select_end": _selected,
    "run_phase": lambda event: f"exactly {event['count']} entries run in this iteration",
    "add": _add,
    "drop": lambda event: f"entry {event['entry']} is cancelled; it stays in the queue",
    "run": lambda event: f"entry {event['entry']} runs",
    "ran": _ran,
    "task_new": lambda event: f"task {event['task']} is made of {event.get('coro', '?')}()",
    "suspend": _suspend,
    "wake": _wake,
    "task_done": _done,
    "cancel_request": _cancel,
    "cancel_delivered": lambda event: f"CancelledError is thrown into {event['task']}",
    "cancel_swallowed": lambda event: f"{event['task']} goes on although it was told to stop",
    "future_set": _set,
    "exception_stored": lambda event: f"{_whose(event)} keeps {event.get('error', '')}",
    "exception_retrieved": lambda event: f"somebody looks at the exception of {_whose(event)}",
    "exception_lost": lambda event: f"nobody has looked at {event.get('error')} of {_whose(event)}",
    "timer_set": _timer,
    "timer_cancel": lambda event: f"timer {event['timer']} is cancelled",
    "timer_due": _due,
    "fd_add": lambda event: (
        f"descriptor {event['fd']} is watched {_MODES.get(event['mode'], event['mode'])}"
        f" for {event.get('label', '')}"
    ),
    "fd_remove": lambda event: (
        f"descriptor {event['fd']} is watched no more {_MODES.get(event['mode'], event['mode'])}"
    ),
    "fd_ready": lambda event: f"descriptor {event['fd']} is ready {_MODES.get(event['mode'], '')}",
    "choice": lambda event: (
        f"{event['choice']} is {event['value']} of 0 to {event['count'] - 1}: {event['about']}"
    ),
    "failure": lambda event: f"the run fails, {event['what']}: {event['message']}",
    "never_awaited": lambda event: f"coroutine {event['coro']}() was never awaited",
    "report": lambda event: f"reported: {event['message']}",
    "output": lambda event: f"prints: {event['text']}",
}


def log(recording: Recording, kinds: Iterable[str] = (), task: str = "") -> Iterator[str]:
    """Yield a line for each event: its number, time, sentence and place; iterations are headed.

    Only those of *kinds*, if any are given, and only those about *task*, if one is.
    """
    wanted = set(kinds)
    labels = {event["n"]: event["label"] for event in recording.events if event["kind"] == "add"}
    for event in recording.events:
        if wanted and event["kind"] not in wanted:
            continue
        if task and task not in (event.get("task"), labels.get(event.get("entry", 0))):
            continue
        said = sentence(event)
        if event["kind"] in ("run", "drop"):
            said = said.replace(f"entry {event['entry']}", labels.get(event["entry"], "an entry"))
        if event["kind"] == "iter_begin":
            yield f"--- {said}"
            continue
        indent = "    " if event.get("by") and event["kind"] not in ("run", "select_end") else "  "
        place = f"  [{event['src']}]" if event.get("src") else ""
        yield f"{event['n']:>6} {event['t']:>10.6f}{indent}{said}{place}"


# -- panes ---------------------------------------------------------------------


def panes(state: State, width: int = WIDTH) -> list[str]:
    """Return the whole state as text: phase, ready queue, timers, selector, tasks."""
    lines = [f"iteration {state.iteration}   step {state.step}   event {state.n}   t={state.t:.6f}"]
    lines += ["", phase(state), "", *ready(state), "", *timers(state), "", *selector(state)]
    lines += ["", *tasks(state)]
    return [_cut(line, width) for line in lines]


def phase(state: State) -> str:
    """Return the five phases in a line, the present one in brackets."""
    names = [
        f"[{number} {name.upper()}]" if name == state.phase else f" {number} {name} "
        for number, name in enumerate(PHASES, 1)
    ]
    if state.phase == "select":
        wait = "for ever" if state.timeout is None else f"{seconds(state.timeout)} at most"
        return " ".join(names) + f"   {wait}: {state.why}"
    return " ".join(names) if state.phase else " ".join(names) + "   the loop does not run"


def ready(state: State) -> list[str]:
    """Return the ready queue: what runs, what is left of this iteration, what is for the next."""
    lines = ["ready"]
    if state.running is not None:
        lines.append(f"  > {_entry(state.running)}   runs now")
    here, there = state.ready[: state.left], state.ready[state.left :]
    lines += _some(f"    {_entry(entry)}" for entry in here)
    if there:
        lines.append("  --- for the next iteration")
        lines += _some(f"    {_entry(entry)}" for entry in there)
    if len(lines) == 1:
        lines.append("    (empty)")
    return lines


def _entry(entry: Entry) -> str:
    words = f"{entry.label}   {_WHY.get(entry.why, entry.why)}"
    return f"{words}   cancelled: will be skipped" if entry.dropped else words


def timers(state: State) -> list[str]:
    """Return the timers, the next to be due first."""
    lines = ["timers"]
    for timer in state.timers_in_order():
        rest = timer.when - state.t
        when = f"in {seconds(rest)}" if rest >= 0 else f"{seconds(-rest)} overdue"
        whom = f" -> {timer.task}" if timer.task else ""
        lines.append(f"    {when:<16} {timer.number} ({timer.label}){whom}   {timer.src}".rstrip())
    return lines if len(lines) > 1 else [*lines, "    (none)"]


def selector(state: State) -> list[str]:
    """Return what the selector watches."""
    lines = ["selector"]
    for fd, modes in sorted(state.fds.items()):
        for mode, label in sorted(modes.items()):
            mark = " *" if fd in state.ready_fds else ""
            lines.append(f"    descriptor {fd} {_MODES[mode]} -> {label}{mark}")
    return lines if len(lines) > 1 else [*lines, "    (nothing)"]


_SIGNS = {"running": ">", "ready": "-", "waiting": ".", "done": "x"}


def tasks(state: State) -> list[str]:
    """Return the tasks as a tree of who made whom; those that are done only as a number."""
    alive = {name: task for name, task in state.tasks.items() if task.state != "done"}
    lines = ["tasks"]
    roots = [task for task in alive.values() if task.parent not in alive]
    for task in roots:
        lines += _tree(task, alive, 0, set())
    done = len(state.tasks) - len(alive)
    if done:
        lines.append(f"    ({done} done)")
    return lines if len(lines) > 1 else [*lines, "    (none)"]


def _tree(task: TaskState, alive: dict[str, TaskState], depth: int, seen: set[str]) -> list[str]:
    if task.name in seen:
        return []
    seen.add(task.name)
    words = task.state
    if task.state == "waiting":
        words = f"waits for {waiting_for(task.on)}"
    place = f"   {task.at}" if task.at and task.state != "running" else ""
    asked = "   told to stop" if task.cancels else ""
    lines = [f"  {_SIGNS[task.state]} {'  ' * depth}{task.name}   {words}{place}{asked}"]
    for other in alive.values():
        if other.parent == task.name:
            lines += _tree(other, alive, depth + 1, seen)
    return lines


def _some(lines: Iterable[str]) -> list[str]:
    kept = list(lines)
    if len(kept) > MOST:
        return [*kept[: MOST - 1], f"    ... and {len(kept) - MOST + 1} more"]
    return kept


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 3] + "..."

"""What is probably wrong in a recording, in plain sentences with a line of the source.

Each lint is a function from what was recorded to findings; `LINTS` names them all.

Read next: stepper.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .events import Event
from .recording import Recording
from .state import State, TaskState
from .text import seconds, waiting_for
from .waits import BETWEEN_TASKS, at_end, circles, who_can_wake

__all__ = ["LINTS", "Finding", "lint"]

#: What is slow for one step, and late for a timer, in seconds.
SLOW, LATE = 0.1, 0.05
#: How often a task must wake itself, and a descriptor be ready for nothing, to be remarked on.
SPINS = 100
#: In how many iterations in a row the queue must grow.
GROWS = 50


@dataclass(frozen=True)
class Finding:
    """One remark: what *kind*, the *sentence*, the line *src* and the event *n* to look at."""

    kind: str
    sentence: str
    src: str = ""
    n: int = 0


Lint = Callable[["Story"], Iterator[Finding]]


class Story:
    """A recording, and what several lints want to know of it."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.events = recording.events
        self.end: State = at_end(recording)
        #: For each event that added an entry: the task whose step it is, or what it is called.
        self.added = {event["n"]: event for event in self.events if event["kind"] == "add"}
        self.stopped = next((e["n"] for e in self.events if e["kind"] == "loop_stop"), None)

    def of(self, *kinds: str) -> Iterator[Event]:
        """Yield the events of some kinds."""
        return (event for event in self.events if event["kind"] in kinds)

    def who(self, entry: int) -> str:
        """Return what an entry is: a task's step, or a callback."""
        added = self.added.get(entry, {})
        return str(added.get("task") or added.get("label") or "an entry")

    def stuck(self) -> list[TaskState]:
        """Return the tasks that wait at the end."""
        return [task for task in self.end.tasks.values() if task.state == "waiting"]

    def steps(self) -> Iterator[tuple[Event, Event, list[Event]]]:
        """Yield for each step its ``run``, its ``ran`` and what happened in between."""
        run, between = None, list[Event]()
        for event in self.events:
            if event["kind"] == "run":
                run, between = event, []
            elif event["kind"] == "ran" and run is not None:
                yield run, event, between
                run = None
            elif run is not None:
                between.append(event)


def lint(recording: Recording) -> list[Finding]:
    """Return all that the lints find in *recording*, in the order of `LINTS`."""
    story = Story(recording)
    return [finding for find in LINTS.values() for finding in find(story)]


def failures(story: Story) -> Iterator[Finding]:
    """What a World says is wrong with the run."""
    for event in story.of("failure"):
        words = f"the run fails, {event['what']}: {event['message']}"
        yield Finding("failure", words, "", event["n"])


def slow_steps(story: Story) -> Iterator[Finding]:
    """A step that took so long that everything else had to wait."""
    for run, ran, between in story.steps():
        if ran["took"] >= SLOW:
            who, waited = story.who(run["entry"]), run["of"] - 1
            src = next((event["src"] for event in reversed(between) if event.get("src")), "")
            others = f"; {waited} entries had to wait" if waited else ""
            words = f"{who} ran for {seconds(ran['took'])} without giving up its turn{others}"
            yield Finding("slow step", words, src, run["n"])


def never_yielded(story: Story) -> Iterator[Finding]:
    """A task that did long work in a single step: it was never concurrent with anything."""
    took: Counter[str] = Counter()
    steps: Counter[str] = Counter()
    for run, ran, _ in story.steps():
        if story.added.get(run["entry"], {}).get("what") == "task":
            who = story.who(run["entry"])
            took[who] += round(ran["took"] * 1e6)
            steps[who] += 1
    made = {event["task"]: event for event in story.of("task_new")}
    for who, count in steps.items():
        done = story.end.tasks.get(who)
        if count == 1 and took[who] >= SLOW * 1e6 / 2 and done and done.state == "done":
            words = f"{who} did all its work, {seconds(took[who] / 1e6)}, in one step"
            yield Finding("never yielded", words, made.get(who, {}).get("src", ""), done.since)


def wakes_itself(story: Story) -> Iterator[Finding]:
    """A task that asks again and again for its next turn instead of waiting for something."""
    turns: Counter[str] = Counter()
    waits: Counter[str] = Counter()
    last: dict[str, Event] = {}
    for event in story.of("suspend"):
        waits[event["task"]] += 1
        if event["on"].get("kind") == "turn":
            turns[event["task"]] += 1
            last[event["task"]] = event
    for who, count in turns.items():
        if count >= SPINS and count > waits[who] / 2:
            share = round(100 * count / waits[who])
            words = f"{who} woke itself {count} times ({share} % of its waits): it polls"
            yield Finding("wakes itself", words, last[who].get("src", ""), last[who]["n"])


def lost_wakers(story: Story) -> Iterator[Finding]:
    """A task that waits at the end for what nobody will do."""
    in_circle = {name for circle in circles(story.end) for name in circle}
    for task in story.stuck():
        kind = (task.on or {}).get("kind", "future")
        if kind not in (*BETWEEN_TASKS, "future") or task.name in in_circle:
            continue
        wakers = who_can_wake(story.end, task, story.recording)
        if not (wakers.tasks or wakers.outside or wakers.seen):
            words = f"{task.name} waits for {waiting_for(task.on)}, and nobody can wake it"
            yield Finding("lost waker", words, task.at, task.since)


def deadlocks(story: Story) -> Iterator[Finding]:
    """Tasks that wait for each other in a circle, at the end or until somebody breaks it."""
    at_the_end = circles(story.end)
    for circle in at_the_end:
        tasks = [story.end.tasks[name] for name in circle]
        waits = {task.name: task.on for task in tasks}
        yield _deadlock(circle, waits, tasks[0].at, max(task.since for task in tasks), "")
    known = {frozenset(circle) for circle in at_the_end}
    waiting: dict[str, Event] = {}
    for event in story.of("suspend", "wake", "cancel_delivered", "task_done"):
        waiting.pop(event["task"], None)
        if event["kind"] != "suspend":
            continue
        waiting[event["task"]] = event
        circle = _circle_of(event["task"], waiting)
        if circle and frozenset(circle) not in known:
            known.add(frozenset(circle))
            waits = {name: waiting[name]["on"] for name in circle}
            broken = "; in the end it was broken from outside"
            yield _deadlock(circle, waits, event.get("src", ""), event["n"], broken)


def _deadlock(circle: list[str], waits: dict[str, Any], src: str, n: int, ending: str) -> Finding:
    parts = [f"{name} waits for {waiting_for(waits[name])}" for name in circle]
    words = f"{' -> '.join([*circle, circle[0]])}: {'; '.join(parts)}{ending}"
    return Finding("deadlock", words, src, n)


def _circle_of(task: str, waiting: dict[str, Event]) -> list[str]:
    """Return the tasks from *task* on that each wait for nobody but the next, if that closes."""
    circle: list[str] = []
    while task in waiting and task not in circle:
        circle.append(task)
        on = waiting[task]["on"]
        wakers = [on["task"]] if on.get("kind") == "task" else on.get("held_by", [])
        if len(wakers) != 1:
            return []
        task = wakers[0]
    return circle if circle and task == circle[0] else []


def locks_kept(story: Story) -> Iterator[Finding]:
    """A lock that somebody waits for at the end, and whose holder is done or unknown."""
    for task in story.stuck():
        on = task.on or {}
        if on.get("kind") != "Lock":
            continue
        held = on.get("held_by", [])
        alive = [one for one in held if story.end.tasks.get(one, TaskState("")).state != "done"]
        if not alive:
            holder = f"its holder {held[0]} is done" if held else "no task alive is inside it"
            words = f"{task.name} waits for {on.get('label')}, but {holder}: it was not released"
            yield Finding("lock kept", words, task.at, task.since)


def swallowed_cancels(story: Story) -> Iterator[Finding]:
    """A task that was told to stop and went on."""
    for event in story.of("cancel_swallowed"):
        words = f"{event['task']} was told to stop, caught CancelledError and went on"
        yield Finding("swallowed cancel", words, event.get("src", ""), event["n"])


def orphans(story: Story) -> Iterator[Finding]:
    """Tasks that go on after the gather that was to wait for them has failed."""
    gathers: dict[str, tuple[Event, list[str]]] = {}
    done: set[str] = set()
    for event in story.of("suspend", "task_done", "wake"):
        if event["kind"] == "task_done":
            done.add(event["task"])
        elif event["kind"] == "suspend":
            if event["on"].get("kind") == "gather":
                gathers[event["task"]] = (event, event["on"].get("tasks", []))
            else:
                gathers.pop(event["task"], None)
        elif event["task"] in gathers:
            suspend, tasks = gathers.pop(event["task"])
            left = [one for one in tasks if one not in done]
            if event["outcome"] == "exception" and left:
                words = f"gather has failed in {event['task']}, and {', '.join(left)} goes on"
                yield Finding("orphan", words, suspend.get("src", ""), event["n"])


def unread_exceptions(story: Story) -> Iterator[Finding]:
    """An exception that a task or future keeps and nobody has looked at."""
    kept: dict[str, Event] = {}
    for event in story.of("exception_stored", "exception_retrieved", "wake"):
        who = str(event.get("task") or event.get("future"))
        if event["kind"] == "exception_stored":
            kept[who] = event
        elif event["kind"] == "exception_retrieved":
            kept.pop(who, None)
        elif event.get("from"):
            kept.pop(event["from"], None)
    for who, event in kept.items():
        words = f"{who} failed with {event.get('error')}, and nobody has looked at it"
        src = next((e.get("src", "") for e in story.of("task_new") if e["task"] == who), "")
        yield Finding("unread exception", words, src, event["n"])


def never_awaited(story: Story) -> Iterator[Finding]:
    """A coroutine that was made and never awaited: it did nothing."""
    for event in story.of("never_awaited"):
        words = f"{event['coro']}() was called and never awaited: nothing of it has run"
        yield Finding("never awaited", words, event.get("src", ""), event["n"])


def late_timers(story: Story) -> Iterator[Finding]:
    """Timers that came late, because something took its time before them."""
    armed = {event["timer"]: event for event in story.of("timer_set")}
    late = [event for event in story.of("timer_due") if event.get("late", 0) >= LATE]
    if late:
        worst = max(late, key=lambda event: float(event["late"]))
        where = armed.get(worst["timer"], {})
        count = f"{len(late)} timers were" if len(late) > 1 else "a timer was"
        words = f"{count} late, timer {worst['timer']} ({where.get('label', '')}) by"
        words += f" {seconds(worst['late'])}"
        yield Finding("late timer", words, where.get("src", ""), worst["n"])


def spinning_descriptors(story: Story) -> Iterator[Finding]:
    """A descriptor that is always ready, and whose callback does nothing about it."""
    idle: Counter[int] = Counter()
    for run, _, between in story.steps():
        added = story.added.get(run["entry"], {})
        if added.get("what") == "fd":
            fd = added["fd"]
            idle[fd] = 0 if between else idle[fd] + 1
            if idle[fd] == SPINS:
                words = f"descriptor {fd} was ready {SPINS} times in a row, and {added['label']}"
                yield Finding("spinning descriptor", f"{words} did nothing", "", run["n"])


def growing_queues(story: Story) -> Iterator[Finding]:
    """A ready queue that grows and grows: more is added than runs."""
    before, grown = 0, 0
    for event in story.of("run_phase"):
        grown = grown + 1 if event["count"] > before else 0
        before = event["count"]
        if grown == GROWS:
            words = f"the ready queue grew in {GROWS} iterations in a row, to {before} entries"
            yield Finding("growing queue", words, "", event["n"])


def held_weakly(story: Story) -> Iterator[Finding]:
    """A task that was collected while it waited: nobody had kept a reference to it."""
    for event in story.of("report"):
        if "destroyed but it is pending" in event["message"]:
            words = "a task was collected while it waited: nobody had kept a reference to it"
            yield Finding("held weakly", words, event.get("src", ""), event["n"])


#: Every lint by its name.
LINTS: dict[str, Lint] = {
    "slow step": slow_steps,
    "never yielded": never_yielded,
    "wakes itself": wakes_itself,
    "lost waker": lost_wakers,
    "failure": failures,
    "deadlock": deadlocks,
    "lock kept": locks_kept,
    "swallowed cancel": swallowed_cancels,
    "orphan": orphans,
    "unread exception": unread_exceptions,
    "never awaited": never_awaited,
    "late timer": late_timers,
    "spinning descriptor": spinning_descriptors,
    "growing queue": growing_queues,
    "held weakly": held_weakly,
}

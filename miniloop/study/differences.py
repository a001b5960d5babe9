"""Two recordings of one program, compared at three levels; the first that differs is what counts.

    1  outputs       what was printed, which errors were reported, what went unseen
    2  tasks         for each task by itself: what it waited for, in turn, and how it ended
    3  order         which step came before which, across all tasks

An order that differs is allowed where no wake-up forbids it: a step happens before another
if it is an earlier one of the same task, or woke it, or made it, at whatever distance.  Times
never count.  What a library's loop does inside is left out: its callbacks, its own tasks, and
which future a task of the program's waits for in it.

Read next: html_compare.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from .recording import Recording

__all__ = ["Differences", "Step", "compare", "order_of", "steps", "text"]

#: What programs wait for by name; whatever else it is, it comes from outside.
NAMED = (
    *("turn", "task", "timer", "gather", "wait", "Lock", "Semaphore", "Event", "Condition"),
    *("Queue", "Barrier", "TaskGroup"),
)
#: Up to how many steps it is looked for what happens before what.
MOST_STEPS = 4000
#: How wide a column of the text is, and how many lines are kept around what differs.
COLUMN, AROUND = 46, 2


@dataclass(frozen=True)
class Step:
    """One step of a task: *who*, how it *ends*, in which *iteration*; the event *n*, and *src*."""

    who: str
    ends: str
    iteration: int
    n: int
    src: str = ""
    causes: tuple[int, ...] = field(default=(), compare=False)

    @property
    def key(self) -> tuple[str, str]:
        """What must be the same in both runs."""
        return self.who, self.ends

    def words(self) -> str:
        """Return the step in a line."""
        return f"{self.who}: {self.ends}" + (f"  {self.src}" if self.src else "")


@dataclass(frozen=True)
class Differences:
    """What is different: the first *level*, 0 if nothing is, and *sentences* that say what.

    With level 3 and *allowed* the order differs only where nothing forbids it.
    """

    level: int
    sentences: tuple[str, ...]
    allowed: bool
    left: tuple[Step, ...]
    right: tuple[Step, ...]

    @property
    def same(self) -> bool:
        """Whether both runs did the same, as far as a program can rely on."""
        return self.level == 0 or (self.level == 3 and self.allowed)


def compare(left: Recording, right: Recording) -> Differences:
    """Return what is different between two recordings of one program."""
    mine, theirs = tuple(steps(left)), tuple(steps(right))
    said = _outputs(left, right)
    if said:
        return Differences(1, tuple(said), False, mine, theirs)
    said = _tasks(mine, theirs)
    if said:
        return Differences(2, tuple(said), False, mine, theirs)
    if [step.who for step in mine] == [step.who for step in theirs]:
        return Differences(0, (), True, mine, theirs)
    allowed, words = order_of(mine, theirs)
    return Differences(3, (words,), allowed, mine, theirs)


# -- what a run did ------------------------------------------------------------


def steps(recording: Recording) -> Iterator[Step]:
    """Yield the steps of the program's tasks, in the order in which they ran."""
    added: dict[int, dict[str, Any]] = {}
    inside: set[str] = set()
    #: For each run: the place of the step that caused it; and what runs now.
    place_of: dict[int, int] = {}
    latest: dict[str, int] = {}
    count, run, who, ends, src = 0, None, "", "", ""
    for event in recording.events:
        kind = event["kind"]
        if kind == "add":
            added[event["n"]] = event
        elif kind == "task_new" and event.get("library"):
            inside.add(event["task"])
        elif kind == "run":
            entry = added.get(event["entry"], {})
            run, ends, src = event, "goes on", ""
            who = entry.get("task", "") if entry.get("what") == "task" else ""
        elif kind == "suspend" and event["task"] == who:
            ends, src = _wait(event["on"]), event.get("src", "")
        elif kind == "task_done" and event["task"] == who:
            error = event.get("error") or event.get("value")
            ends = f"ends: {event['outcome']}" + (f" {error}" if error else "")
        elif kind == "ran" and run is not None:
            cause = _cause(recording, run, place_of)
            if who and who not in inside:
                before = (latest[who],) if who in latest else ()
                causes = (*before, *((cause,) if cause is not None else ()))
                yield Step(who, ends, run["it"], run["n"], src, causes)
                place_of[run["n"]] = latest[who] = count
                count += 1
            elif cause is not None:
                place_of[run["n"]] = cause
            run = None


def _wait(on: dict[str, Any]) -> str:
    kind = on.get("kind", "")
    if kind == "turn":
        return "gives up its turn"
    if kind == "task":
        return f"waits for task {on.get('task')}"
    if kind == "timer":
        return "sleeps"
    if kind in NAMED:
        return f"waits for {kind if kind in ('gather', 'wait') else on.get('label')}"
    return "waits for what comes from outside"


def _cause(recording: Recording, run: dict[str, Any], place_of: dict[int, int]) -> int | None:
    """Return the place of the step that led to *run*, however far back; None if none did."""
    event = run
    while event.get("by"):
        event = recording.events[event["by"] - 1]
        if event["kind"] == "run" and event["n"] in place_of:
            return place_of[event["n"]]
    return None


# -- the three levels ----------------------------------------------------------


def _outputs(left: Recording, right: Recording) -> list[str]:
    said = []
    for kind, key, what in (
        ("output", "text", "printed"),
        ("report", "message", "reported"),
        ("never_awaited", "coro", "left unawaited"),
        ("failure", "message", "failed"),
    ):
        mine, theirs = (
            [event[key] for event in one.events if event["kind"] == kind] for one in (left, right)
        )
        if mine != theirs:
            place = _first(mine, theirs)
            said.append(
                f"{what}: {_at(mine, place)} on the left, {_at(theirs, place)} on the right"
            )
    return said


def _tasks(mine: tuple[Step, ...], theirs: tuple[Step, ...]) -> list[str]:
    said = []
    names = dict.fromkeys(step.who for step in (*mine, *theirs))
    for who in names:
        one = [step.ends for step in mine if step.who == who]
        other = [step.ends for step in theirs if step.who == who]
        if one != other:
            place = _first(one, other)
            words = f"{_at(one, place)} on the left, {_at(other, place)} on the right"
            said.append(f"task {who}, step {place + 1}: {words}")
    return said


def _first(mine: list[str], theirs: list[str]) -> int:
    for place, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        if one != other:
            return place
    return min(len(mine), len(theirs))


def _at(things: list[str], place: int) -> str:
    return repr(things[place]) if place < len(things) else "nothing more"


def order_of(mine: tuple[Step, ...], theirs: tuple[Step, ...]) -> tuple[bool, str]:
    """Return whether the order of *theirs* is one that *mine* allows, and a sentence about it."""
    places = dict(zip(_counted(mine), range(len(mine)), strict=True))
    order = [places[step] for step in _counted(theirs)]
    first = next(place for place, at in enumerate(order) if at != place)
    words = f"{theirs[first].who} runs before {mine[first].who} on the right"
    if len(mine) > MOST_STEPS:
        return False, f"{words}; there are too many steps to see whether it may"
    before = [0] * len(mine)  # the steps that happen before each, as the bits of a number
    for place, step in enumerate(mine):
        for cause in step.causes:
            before[place] |= before[cause] | 1 << cause
    done = 0
    for at in order:
        missing = before[at] & ~done
        if missing:
            first_of = mine[missing.bit_length() - 1].who
            return False, f"{mine[at].who} runs before {first_of} on the right, which leads to it"
        done |= 1 << at
    return True, f"{words}: nothing orders these two, so either order is allowed"


def _counted(run: tuple[Step, ...]) -> Iterator[tuple[str, int]]:
    """Yield for each step its task and how many steps of that came before it."""
    seen: Counter[str] = Counter()
    for step in run:
        yield step.who, seen[step.who]
        seen[step.who] += 1


# -- as text -------------------------------------------------------------------


def text(differences: Differences, heads: tuple[str, str]) -> list[str]:
    """Return lines: what differs, and the steps side by side, those that are alike folded.

    ``=`` marks what is alike, ``~`` an order that may differ, ``!`` what must not.
    """
    lines = [f"{differences_in_words(differences)}", "", _row(" ", *heads)]
    left, right = differences.left, differences.right
    matcher = SequenceMatcher(
        None, [step.key for step in left], [step.key for step in right], autojunk=False
    )
    mark = "~" if differences.same else "!"
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            lines += _folded(left[a:b], right[c:d])
            continue
        for number in range(max(b - a, d - c)):
            one = left[a + number].words() if a + number < b else ""
            other = right[c + number].words() if c + number < d else ""
            lines.append(_row(mark, one, other))
    return lines


def differences_in_words(differences: Differences) -> str:
    """Return the verdict in a sentence."""
    if differences.level == 0:
        return "Both runs did the same, in the same order."
    level = ("", "outputs", "tasks", "order")[differences.level]
    head = "Both runs did the same" if differences.same else f"The {level} differ"
    return f"{head}: {'; '.join(differences.sentences)}."


def _folded(left: tuple[Step, ...], right: tuple[Step, ...]) -> Iterator[str]:
    rows = [_row("=", one.words(), two.words()) for one, two in zip(left, right, strict=True)]
    if len(rows) <= 2 * AROUND + 1:
        yield from rows
        return
    yield from rows[:AROUND]
    yield f"    ... {len(rows) - 2 * AROUND} steps alike ..."
    yield from rows[-AROUND:]


def _row(mark: str, left: str, right: str) -> str:
    return f"{mark} {_cut(left):<{COLUMN}}  {_cut(right)}".rstrip()


def _cut(words: str) -> str:
    return words if len(words) <= COLUMN else words[: COLUMN - 3] + "..."

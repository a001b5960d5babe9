"""What is learned from: a loop built up in nine steps, and what is easily believed of loops.

A step is a program that needs no loop.  A misconception is a program for one, with its belief,
its truth and where to look in its docstring; here is which event of its recording shows it, and
how the recording reads without what differs from run to run.

Read next: steps/one_generators.py
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from miniloop.study.events import Event
from miniloop.study.lints import LATE
from miniloop.study.recording import Recording
from miniloop.study.text import sentence

HERE = Path(__file__).parent

#: The kinds of events that tell the story of a program; what a lesson names comes on top.
TELLING = (
    *("task_new", "add", "run", "suspend", "wake", "task_done", "output", "report"),
    *("cancel_request", "cancel_delivered", "cancel_swallowed"),
    *("exception_retrieved", "exception_stored", "exception_lost", "never_awaited"),
)

#: What is another number in another run, or on another loop.
_VARYING = (
    (re.compile(r"\bfuture \d+"), "a future"),
    (re.compile(r", [\d.e-]+ (s|ms|µs) (late|at most)"), ""),
    (re.compile(r" is set for t=\S+ s"), " is set"),
)


class Program:
    """A program to learn from, by its name in a folder beside this file."""

    folder = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = HERE / self.folder / f"{name}.py"

    @cached_property
    def text(self) -> str:
        """The program's text."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def docstring(self) -> str:
        """What the program says of itself."""
        return ast.get_docstring(ast.parse(self.text)) or ""

    @property
    def summary(self) -> str:
        """What it is about, in a line."""
        return self.docstring.partition("\n")[0].partition(": ")[2]


class Step(Program):
    """One of the programs that build up a loop."""

    folder = "steps"

    @property
    def following(self) -> str:
        """What its docstring sends its reader to: a file's name, and maybe words about it."""
        return self.docstring.rpartition("\nNext: ")[2]


@dataclass(frozen=True)
class Moment:
    """The event at which it clicks: the first of *kind* that has all that is *wanted*."""

    kind: str
    wanted: dict[str, Any] = field(default_factory=dict)

    def of(self, recording: Recording) -> Event:
        """Return that event; raises LookupError where there is none."""
        for event in recording.events:
            if event["kind"] == self.kind and self.wanted.items() <= event.items():
                return event
        raise LookupError(f"there is no {self.kind} with {self.wanted} in the recording")


class Misconception(Program):
    """A program that shows that something is not as it is easily believed to be.

    *moment* is where it clicks; *tells* are kinds of events that its story needs besides.
    """

    folder = "misconceptions"

    def __init__(self, name: str, moment: Moment, *tells: str) -> None:
        super().__init__(name)
        self.moment = moment
        self.kinds = {*TELLING, *tells}

    def part(self, name: str) -> str:
        """Return the "Belief", "Truth" or "Look" of its docstring, in one line."""
        for part in re.split(r"^(?=(?:Belief|Truth|Look): )", self.docstring, flags=re.MULTILINE):
            if part.startswith(f"{name}: "):
                return " ".join(part.partition(": ")[2].split())
        return ""

    @cached_property
    def functions(self) -> set[str]:
        """The names of the functions that the program defines."""
        functions = ast.FunctionDef | ast.AsyncFunctionDef
        return {node.name for node in ast.walk(ast.parse(self.text)) if isinstance(node, functions)}

    def story(self, recording: Recording) -> Iterator[str]:
        """Yield its recording as lines that are the same in every run: no times, no numbers.

        It ends when the program does.  The event at which it clicks has an arrow; iterations in
        which the same happens are counted.
        """
        before: list[str] = []
        alike = 0
        for number, lines in self._iterations(recording):
            if lines == before:
                alike += 1
                continue
            if alike:
                yield f"    ... and the same in {alike} more"
            before, alike = lines, 0
            yield f"iteration {number}" if number else "before the loop"
            yield from lines

    def _iterations(self, recording: Recording) -> Iterator[tuple[int, list[str]]]:
        """Yield each iteration in which something is told, with its lines."""
        added = {event["n"]: event for event in recording.events if event["kind"] == "add"}
        moment = self.moment.of(recording)["n"]
        number, lines, others = 0, list[str](), False
        for event in recording.events:
            if event["it"] != number:
                if others:
                    yield number, lines
                number, lines, others = event["it"], [], False
            if event["kind"] == "loop_stop":
                break
            entry = added.get(event.get("entry", 0), {})
            if self._is_told(event, entry):
                shows = event["n"] == moment or ("thread" in entry and entry["n"] == moment)
                lines.append(("--> " if shows else "    ") + self._line(event, added))
                others |= event["kind"] != "run_phase"
        if others:
            yield number, lines

    def _is_told(self, event: Event, entry: Event) -> bool:
        """Return whether *event*, which may be about an *entry*, belongs to the story.

        Libraries' callbacks do not, nor polls, which the loops do not make equally often.
        """
        if event["kind"] not in self.kinds or event.get("timeout") == 0:
            return False
        if event.get("stream") == "err":  # other events say so in fewer words
            return False
        if entry.get("what", "task") == "task":
            return True
        if "thread" in entry:  # when it is seen to come is a race
            return event["kind"] == "run" and not entry["label"].startswith("_")
        return entry["label"].rpartition(".")[2] in self.functions

    def _line(self, event: Event, added: dict[int, Event]) -> str:
        said = sentence(event)
        if event["kind"] == "run":
            entry = added[event["entry"]]
            said = f"{entry['label']} runs"
            said += f", from thread {entry['thread']}" if "thread" in entry else ""
        for pattern, words in _VARYING:
            said = pattern.sub(words, said)
        said += ", late" if event.get("late", 0) >= LATE else ""
        file, _, line = str(event.get("src", "")).rpartition(":")
        return said + (f"  [line {line}]" if file == self.path.name else "")


STEPS = tuple(
    Step(name)
    for name in (
        *("one_generators", "two_sleep", "three_future", "four_task", "five_callbacks"),
        *("six_selector", "seven_cancellation", "eight_streams", "nine_the_real_one"),
    )
)

MISCONCEPTIONS = (
    Misconception("calling_runs", Moment("never_awaited", {"coro": "greet"})),
    Misconception(
        "create_task_starts",
        Moment("output", {"text": "main goes on: the child is in the queue"}),
    ),
    Misconception(
        "await_gives_way", Moment("output", {"text": "main: that await has let nobody run"})
    ),
    Misconception(
        "async_is_concurrent", Moment("suspend", {"task": "fetch#3"}), "timer_set", "timer_due"
    ),
    Misconception(
        "blocking_call", Moment("output", {"text": "main blocks it no more"}), "timer_due"
    ),
    Misconception("sleep_zero", Moment("task_new", {"task": "worker"}), "run_phase"),
    Misconception("cancel_kills", Moment("cancel_delivered", {"task": "worker"})),
    Misconception("cancel_arrives", Moment("cancel_swallowed", {"task": "stubborn"})),
    Misconception("gather_cancels", Moment("output", {"text": "gather has failed"})),
    Misconception("fire_and_forget", Moment("output", {"text": "main collects garbage"})),
    Misconception("errors_show_up", Moment("exception_lost", {"task": "forgotten"})),
    Misconception(
        "idle_loop_spins",
        Moment("select_begin", {"why": "timer 1 (sleep) is due first"}),
        "select_begin",
    ),
    Misconception("callbacks_run_now", Moment("add", {"label": "third"}), "run_phase"),
    Misconception("sync_calls_async", Moment("add", {"thread": "helper"})),
    Misconception("waiting_costs", Moment("suspend", {"task": "waiter#5"})),
    Misconception("exact_timers", Moment("timer_due", {}), "timer_set", "timer_due"),
    Misconception("busy_waiting", Moment("suspend", {"task": "poller"}), "select_begin"),
)


def program(name: str) -> Step | Misconception | None:
    """Return the program of that name, or None."""
    programs: tuple[Step | Misconception, ...] = (*STEPS, *MISCONCEPTIONS)
    return next((each for each in programs if each.name == name), None)

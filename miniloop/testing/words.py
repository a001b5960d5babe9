"""A schedule in words: what happens otherwise than on asyncio, and at which line.

Read next: report.py
"""

from __future__ import annotations

from collections.abc import Callable

from .bounded import OUTSIDE
from .choices import Choice
from .executor import HOLDS as THREAD_HOLDS
from .network.network import HOLDS as ARRIVAL_HOLDS
from .world import Run

__all__ = ["deviation_words", "in_words"]


def in_words(run: Run) -> list[str]:
    """Return a line for each deviation of *run*, which kept labels, in the order they were made."""
    return [
        deviation_words(choice, run.trace) + _lateness(run.late.get(place, 0.0))
        for place, choice in enumerate(run.choices)
        if choice.value
    ]


def _lateness(seconds: float) -> str:
    """Return what is to be said of waiting, in which a poll took as long as nothing was ready."""
    return f", after {round(seconds, 6):g} s" if seconds >= 1e-6 else ""


def deviation_words(choice: Choice, trace: list[str]) -> str:
    """Return what *choice* changes: ``event 0 (Task-2) lands 2 polls later, at x.py:3``."""
    name = f"{choice.kind} {choice.index}"
    assert choice.kind in ("pick", *OUTSIDE)
    return _WORDS[choice.kind](name, choice, trace)


def _pick(name: str, choice: Choice, trace: list[str]) -> str:
    entries = choice.about.split(" | ")
    return f"{name}: {entries[choice.value]} before {entries[0]}"


def _timer(name: str, choice: Choice, trace: list[str]) -> str:
    return f"{name} ({choice.about}) is {choice.value} µs late"


def _jump(name: str, choice: Choice, trace: list[str]) -> str:
    return f"{name}: time passes {choice.about}, until the next timer or arrival is due as well"


def _event(name: str, choice: Choice, trace: list[str]) -> str:
    return f"{name} ({choice.about}) lands {_polls(choice.value)} later{_landing(choice, trace)}"


def _cancel(name: str, choice: Choice, trace: list[str]) -> str:
    return f"{name}: {_struck(choice, trace, 'cancel of ')} is cancelled{_landing(choice, trace)}"


def _timeout(name: str, choice: Choice, trace: list[str]) -> str:
    who = _struck(choice, trace, "time is up for ")
    return f"{name}: the time of {who} is up{_landing(choice, trace)}"


def _thread(name: str, choice: Choice, trace: list[str]) -> str:
    return f"{name}: the {choice.about} comes {_polls(min(choice.value, THREAD_HOLDS))} later"


def _arrival(name: str, choice: Choice, trace: list[str]) -> str:
    if choice.value > ARRIVAL_HOLDS:
        where = "after its first byte" if choice.value == ARRIVAL_HOLDS + 1 else "in the middle"
        return f"{name} ({choice.about}) comes in two pieces, cut {where}"
    return f"{name} ({choice.about}) comes {_polls(choice.value)} later"


def _fault(name: str, choice: Choice, trace: list[str]) -> str:
    return f"{name} happens: {choice.about}"


def _draw(name: str, choice: Choice, trace: list[str]) -> str:
    about = f" ({choice.about})" if choice.about else ""
    return f"{name}{about} is {choice.value}"


def _polls(count: int) -> str:
    return f"{count} poll{'s' * (count != 1)}"


def _landing(choice: Choice, trace: list[str]) -> str:
    """Return where it landed, as the trace has it."""
    entry = _landed(choice, trace)
    if entry is None:
        return ", and is too late"
    return f", at {entry.rpartition(' at ')[2]}" if " at " in entry else ""


def _struck(choice: Choice, trace: list[str], what: str) -> str:
    """Return the task that was cancelled by the name it had then: it may be given one late."""
    entry = _landed(choice, trace)
    if entry is None or what not in entry:
        return choice.about
    return entry.partition(what)[2].partition(" at ")[0]


def _landed(choice: Choice, trace: list[str]) -> str | None:
    function = choice.about[max(choice.about.rfind("("), 0) :]
    for entry in trace:
        if entry.startswith(_LANDED) and function in entry:
            return entry
    return None


_LANDED = "from outside: "

_WORDS: dict[str, Callable[[str, Choice, list[str]], str]] = {
    "pick": _pick,
    "timer": _timer,
    "jump": _jump,
    "event": _event,
    "cancel": _cancel,
    "timeout": _timeout,
    "thread": _thread,
    "arrival": _arrival,
    "fault": _fault,
    "draw": _draw,
}

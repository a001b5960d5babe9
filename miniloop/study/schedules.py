"""A schedule of a World on a page: the plain order above, the schedule below.

    schedule_page(scenario, "fifo:event0=2")    the text of the page

Both runs are made again, recorded.  Every order that the page offers is a command: another
alternative of what the schedule decides, or another pick among the entries that were ready,
after which all goes on as on asyncio.

Read next: html_compare.py
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..testing.choices import Key
from ..testing.report import first_sentence, target_of
from ..testing.schedule import Schedule
from ..testing.trial import Trial
from ..testing.words import in_words
from ..testing.world import Limits, Run, Scenario
from .events import Event
from .html import page
from .html_compare import all_steps, common, compare_page
from .lints import lint
from .recording import Recording
from .state import Player
from .worlds import Recorded, name_of, recorded

__all__ = ["command_of", "other_pick", "page_of", "schedule_page", "trial_of"]

#: How many other schedules a page offers in all, and how many at one step.
MOST_OTHERS, MOST_AT_ONCE = 600, 12

#: Where an entry stands, after its name.
_PLACE = re.compile(r" \S+:\d+$")

#: What is offered: the number of the step (0: wherever one is), in words, and the command.
Other = tuple[int, str, str]


def schedule_page(
    scenario: Scenario,
    schedule: Schedule | str,
    *,
    cancel: str | None = None,
    ignore: tuple[str, ...] = (),
    limits: Limits | None = None,
    command: str | None = None,
) -> str:
    """Return the page that shows *scenario* in plain order and, below it, under *schedule*.

    *cancel*, *ignore* and *limits* as in `miniloop.testing.explore`.  The page offers other
    schedules as *command*, in which ``{}`` stands for one; unless it is given, and *scenario* can
    be named on a command line, ``miniloop replay``.

    Raises ValueError when that is no schedule.
    """
    if isinstance(schedule, str):
        schedule = Schedule.parse(schedule)
    trial = trial_of(scenario, schedule, cancel=cancel, ignore=ignore, limits=limits)
    if command is None:
        target = target_of(trial)
        command = command_of(target, cancel) if target else ""
    return page_of(trial, recorded(trial, schedule.deviations, quiet=True), command)


def trial_of(scenario: Scenario, schedule: Schedule, **options: Any) -> Trial:
    """Return how *scenario* is run so that *schedule* fits."""
    return Trial(scenario, schedule.level, **options).reaching(schedule.deviations)


def command_of(target: str, cancel: str | None) -> str:
    """Return the command that writes the page of a schedule, for which ``{}`` stands."""
    cancelling = f" --cancel {cancel}" if cancel else ""
    return f"miniloop replay {target} {{}}{cancelling} --html page.html"


def page_of(trial: Trial, failing: Recorded, command: str = "") -> str:
    """Return the page of a run of *trial* below the plain one; see `schedule_page`.

    A run in plain order has a page that plays it alone.
    """
    run, recording = failing.run, failing.recording
    sources = texts_of(failing)
    if not run.schedule.deviations:
        return page(recording, title=name_of(trial), sources=sources, findings=lint(recording))
    plain = recorded(trial, {}, quiet=True)
    again: list[Other] = []
    if command:
        steps = all_steps(plain.recording).keys, all_steps(recording).keys
        again = others(recording, run.schedule, command, common(*steps) + 1)
    return compare_page(
        plain.recording,
        recording,
        title=f"{name_of(trial)} under {run.schedule}",
        heads=heads_of(plain.run, run),
        sentence=failing.words(told(trial, run)),
        sources=texts_of(plain) | sources,
        again=again,
    )


def texts_of(of: Recorded) -> dict[str, str]:
    """Return the text of the files that a run names, as it was run."""
    return {name: "".join(linecache.getlines(path)) for name, path in of.files.items()}


def heads_of(plain: Run, run: Run) -> tuple[str, str]:
    """Return what two runs of one scenario are called."""
    one, other = "plain order", "this schedule"
    if plain.failures:
        one += ", which fails too"
    if not run.failures:
        other += ", which holds"
    return one, other


def told(trial: Trial, run: Run) -> str:
    """Return what the run comes to, and where it is not as asyncio would have it."""
    name = name_of(trial)
    first = f"{name} holds" if run.failure is None else first_sentence(trial, run.failure)
    return f"{first}. As asyncio, except that {'; '.join(in_words(run))}."


# -- what else could be ------------------------------------------------------------------


def other_pick(trial: Trial, schedule: Schedule, step: int, number: int) -> Schedule:
    """Return the schedule that is as *schedule* up to *step*, where entry *number* runs instead.

    The entries that are ready there are numbered from 0, which is the one that asyncio runs;
    afterwards all goes on as on asyncio.  A schedule of level fifo becomes one of level any.

    Raises ValueError when there is no such step, or no such entry in it.
    """
    if schedule.level == "fifo":
        schedule, trial = schedule.at_level("any"), trial.at(level="any")
    events = recorded(trial, schedule.deviations, quiet=True).recording.events
    for at, before, pick in picks(events):
        if at != step:
            continue
        if pick is None:
            raise ValueError(f"in step {step} there was nothing to choose between")
        if not 0 <= number < pick["count"]:
            most = pick["count"] - 1
            raise ValueError(f"in step {step} it is one of 0 to {most}, not {number}")
        return Schedule(before | {key_of(pick): number}, schedule.level)
    steps = max((event["step"] for event in events), default=0)
    raise ValueError(f"there is no step {step}: the run has {steps}")


def picks(events: Iterable[Event]) -> Iterator[tuple[int, dict[Key, int], Event | None]]:
    """Yield each step, what deviates before it, and the choice that picked it, if one did."""
    deviating: dict[Key, int] = {}
    before, pick = deviating, None
    for event in events:
        if event["kind"] == "choice":
            before, pick = deviating, event if key_of(event)[0] == "pick" else None
            if event["value"]:
                deviating = deviating | {key_of(event): event["value"]}
        elif event["kind"] == "run":
            yield event["step"], before if pick else deviating, pick
            pick = None


def key_of(choice: Event) -> Key:
    """Return the key of a choice that a recording tells of."""
    kind = choice["choice"].rstrip("0123456789")
    return kind, int(choice["choice"].removeprefix(kind))


def others(recording: Recording, schedule: Schedule, command: str, around: int) -> list[Other]:
    """Return what could be instead: of each deviation, and at the steps nearest to *around*."""
    found = other_values(recording, schedule, command)
    if schedule.level != "fifo":
        found += other_picks(recording, schedule, command)
    elif command.startswith("miniloop replay"):
        found += other_entries(recording, schedule, command)
    found.sort(key=lambda one: abs(one[0] - around) if one[0] else -1)
    return found[:MOST_OTHERS]


def other_values(recording: Recording, schedule: Schedule, command: str) -> list[Other]:
    """Return other alternatives of what *schedule* decides, but for picks."""
    found = []
    for event in recording.events:
        if event["kind"] != "choice" or not event["value"] or key_of(event)[0] == "pick":
            continue
        key, value = key_of(event), event["value"]
        for other in sorted({0, value - 1, value + 1} & set(range(event["count"]))):
            words = f"{key[0]} {key[1]} ({event['about']})"
            words += f" at {other}, not at {value}" if other else " as asyncio would have it"
            changed = Schedule({**schedule.deviations, key: other}, schedule.level)
            found.append((0, words, command.replace("{}", f"'{changed}'")))
    return found


def other_picks(recording: Recording, schedule: Schedule, command: str) -> list[Other]:
    """Return the other picks that a schedule of level tasks or any could make."""
    found = []
    for step, before, pick in picks(recording.events):
        if pick is None:
            continue
        for number, name in enumerate(pick["about"].split(" | ")[:MOST_AT_ONCE]):
            if number != pick["value"]:
                changed = Schedule(before | {key_of(pick): number}, schedule.level)
                words = f"let {_PLACE.sub('', name)} run instead"
                found.append((step, words, command.replace("{}", f"'{changed}'")))
    return found


def other_entries(recording: Recording, schedule: Schedule, command: str) -> list[Other]:
    """Return the entries that were ready when another ran, as it was its turn."""
    found = []
    player = Player(recording)
    for event in recording.events:
        if event["kind"] == "run":
            ready = player.seek(event["n"] - 1).ready[1:MOST_AT_ONCE]
            for number, entry in enumerate(ready, 1):
                pick = f"'{schedule}' --pick {event['step']}={number}"
                words = f"let {entry.label} run instead"
                found.append((event["step"], words, command.replace("{}", pick)))
    return found

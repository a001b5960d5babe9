"""What `miniloop replay` and `explore` do with a schedule besides running it: record, show, vary.

Read next: ../../miniloop/study/schedules.py
"""

from pathlib import Path

import click

from compat.commands.html import write
from compat.commands.replay import Scenario, show
from compat.options import BadUsage
from miniloop.study import RecordingError
from miniloop.study import write as write_recording
from miniloop.study.differences import compare, differences_in_words, text
from miniloop.study.html_compare import compare_page
from miniloop.study.schedules import command_of, other_pick, page_of, texts_of, trial_of
from miniloop.study.worlds import Recorded, name_of, recorded
from miniloop.testing import Schedule
from miniloop.testing.trial import Trial


def replay_recorded(
    target: str,
    scenario: Scenario,
    schedule: str,
    library: str,
    cancel: str | None,
    trace: bool,
    pick: str | None,
    against: str | None,
    html: str | None,
    record: str | None,
) -> int:
    """Run `scenario` once more, recorded, and do what is asked for; return the exit status.

    Raises ValueError for what makes no sense.
    """
    chosen = Schedule.parse(schedule)
    trial = trial_of(scenario, chosen, library=library, cancel=cancel)
    if pick is not None:
        chosen = other_pick(trial, chosen, *parsed_pick(pick))
        trial = trial_of(scenario, chosen, library=library, cancel=cancel)
        click.echo(f"miniloop: this is {chosen}", err=True)
    if library == "asyncio" and chosen.level != "fifo":
        raise ValueError(f"asyncio's loop runs schedules of level fifo, not {chosen.level}")
    run = recorded(trial, chosen.deviations)
    if record is not None:
        save(record, run)
    if against is not None:
        return compare_with(trial, run, Schedule.parse(against), html)
    status = show(target, run.run, trace, chosen)
    if html is not None:
        save_page(html, page_of(trial, run, command_of(target, cancel)))
    return status


def parsed_pick(words: str) -> tuple[int, int]:
    """Return the step and the number that `--pick` names."""
    step, _, number = words.partition("=")
    if not step.isdecimal() or not number.isdecimal():
        raise BadUsage(f"--pick {words}: write STEP=K, for instance 12=1")
    return int(step), int(number)


def save(path: str, run: Recorded) -> None:
    """Write the recording of a run."""
    try:
        write_recording(path, run.recording)
    except RecordingError as error:
        raise BadUsage(str(error)) from None
    click.echo(f"miniloop: {len(run.recording.events):,} events are in {path}", err=True)


def save_page(path: str, page: str) -> None:
    """Write a page, and say so."""
    write(Path(path), page)
    click.echo(f"miniloop: {path} shows it", err=True)


def compare_with(trial: Trial, run: Recorded, other: Schedule, html: str | None) -> int:
    """Show where `run` parts from the run under `other`; return the exit status."""
    if other.level != trial.level:
        trial = trial.at(level=other.level)
    theirs = recorded(trial.reaching(other.deviations), other.deviations, quiet=True)
    found = compare(theirs.recording, run.recording)
    heads = (str(theirs.run.schedule), str(run.run.schedule))
    click.echo("\n".join(text(found, heads)))
    if html is not None:
        page = compare_page(
            theirs.recording,
            run.recording,
            title=name_of(trial),
            heads=heads,
            sentence=differences_in_words(found),
            sources=texts_of(theirs) | texts_of(run),
        )
        save_page(html, page)
    return 0 if found.same else 1


def page_of_found(target: str, scenario: Scenario, found: Schedule, cancel: str | None) -> str:
    """Return the page of what `explore` has found."""
    trial = trial_of(scenario, found, cancel=cancel)
    run = recorded(trial, found.deviations, quiet=True)
    return page_of(trial, run, command_of(target, cancel))

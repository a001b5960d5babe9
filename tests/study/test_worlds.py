"""Runs of Worlds, recorded: the same runs, on both loops, and the page of a failing schedule.

Read next: test_perfetto.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.commands.explore import explore
from compat.commands.replay import replay
from miniloop.study import Recording, read, schedule_page
from miniloop.study.differences import compare, differences_in_words, text
from miniloop.study.lints import lint
from miniloop.study.schedules import other_pick, picks, trial_of
from miniloop.study.state import Player
from miniloop.study.worlds import Recorded, recorded
from miniloop.testing import Schedule, World
from miniloop.testing.choices import Key
from miniloop.testing.trial import Trial
from tests.browser import Browser
from tests.effort import effort
from tests.museum.everyday import opened_twice
from tests.testing import reported, scenarios

from .test_recorder import story

OVERSOLD = "tests.testing.reported:oversold"
LOST = "tests.testing.reported:lost_item"


def check(trial: Trial, deviations: Mapping[Key, int]) -> Recorded:
    """Record a run; raise AssertionError unless it is the run that it is without a recorder."""
    plain = trial.run(deviations, trace=True)
    told = recorded(trial, deviations, quiet=True)
    run, events = told.run, told.recording.events
    assert run.trace == plain.trace
    assert run.choices == plain.choices
    assert (run.polls, run.seconds, run.result) == (plain.polls, plain.seconds, plain.result)
    assert [str(failure) for failure in run.failures] == [str(each) for each in plain.failures]
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    assert told.recording.header["clock"] == "virtual"
    decided = [event for event in events if event["kind"] == "choice"]
    assert [(one["choice"], one["count"], one["value"]) for one in decided] == [
        (f"{choice.kind}{choice.index}", choice.count, choice.value) for choice in plain.choices
    ]
    failed = [event["what"] for event in events if event["kind"] == "failure"]
    assert sorted(failed) == sorted(failure.kind for failure in run.failures)
    return told


def told_alike(recording: Recording) -> list[tuple[Any, ...]]:
    """Return the story with the callbacks of either library called the same."""
    tasks = {event["task"] for event in recording.events if event["kind"] == "task_new"}
    return [(*rest, name if name in tasks else "a callback") for *rest, name in story(recording)]


@pytest.mark.parametrize("scenario", scenarios.SCENARIOS, ids=lambda one: one.__name__)
def test_a_recorded_run_is_the_run_and_the_same_story_on_both_loops(
    scenario: scenarios.Scenario,
) -> None:
    ours = check(Trial(scenario), {})
    theirs = check(Trial(scenario, library="asyncio"), {})
    if scenario in scenarios.SCHEDULING:
        assert told_alike(ours.recording) == told_alike(theirs.recording)
    assert check(Trial(scenario, "any"), {}).run.trace == ours.run.trace
    assert recorded(Trial(scenario), {}, quiet=True).recording == ours.recording


async def everything() -> None:
    """A little of everything that can be picked."""
    lock, queue = asyncio.Lock(), asyncio.Queue[int](1)

    async def worker(number: int) -> None:
        async with lock:
            await queue.put(number)
        await asyncio.sleep(number / 10)

    loop = asyncio.get_running_loop()
    handle = loop.call_soon(print, "never")
    loop.call_soon(handle.cancel)
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(worker(number))
        for _ in range(4):
            await queue.get()
            await asyncio.sleep(0)


@settings(max_examples=effort(60, 15))
@given(
    st.sampled_from(["tasks", "any"]),
    st.dictionaries(st.integers(0, 20), st.integers(0, 4), max_size=6),
)
def test_whatever_is_picked_is_where_the_recording_says(level: str, picked: dict[int, int]) -> None:
    told = check(Trial(everything, level), {("pick", at): value for at, value in picked.items()})
    player = Player(told.recording)
    for event in told.recording.events:
        if event["kind"] == "run":
            ready = player.seek(event["n"] - 1).ready
            assert ready[event["pick"]].number == event["entry"]


def test_what_comes_from_outside_has_words() -> None:
    told = check(trial_of(reported.lost_item, Schedule({("event", 0): 2})), {("event", 0): 2})
    events = told.recording.events
    (come,) = [event for event in events if event.get("label", "").startswith("from outside")]
    assert come["label"] == "from outside: cancel of consume"
    (asked,) = [event for event in events if event["kind"] == "cancel_request"]
    assert asked["task"] == "consume"
    cause = events[asked["by"] - 1]
    assert (cause["kind"], cause["entry"]) == ("run", come["entry"])


def test_what_a_crashed_host_has_in_the_queue_is_dropped() -> None:
    async def scenario(world: World) -> None:
        async def work() -> None:
            while True:
                await asyncio.sleep(0)

        world.host("db").spawn(work())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        world.host("db").crash()
        await asyncio.sleep(0)

    events = check(Trial(scenario), {}).recording.events
    (drop,) = [event for event in events if event["kind"] == "drop"]
    assert events[drop["entry"] - 1]["task"] == "scenario.<locals>.work".rpartition(".")[2]
    (ran,) = [each for each in events if each["kind"] == "ran" and each["entry"] == drop["entry"]]
    assert ran["skipped"]


def run_of(scenario: scenarios.Scenario, schedule: str) -> Recording:
    parsed = Schedule.parse(schedule)
    return recorded(trial_of(scenario, parsed), parsed.deviations, quiet=True).recording


def test_passing_and_failing_side_by_side_as_text() -> None:
    found = compare(run_of(reported.oversold, "tasks"), run_of(reported.oversold, "tasks:pick0=1"))
    assert found.same
    found = compare(
        run_of(reported.oversold, "tasks"), run_of(reported.oversold, "tasks:pick0=1,pick1=1")
    )
    assert not found.same
    assert differences_in_words(found) == (
        "The outputs differ: failed: nothing more on the left,"
        " 'AssertionError: a seat is sold twice' on the right."
    )
    lines = text(found, ("plain", "failing"))
    assert lines[3].startswith("= main: waits for gather")
    assert sum(line.startswith("!") for line in lines) > 2


def test_another_pick_keeps_what_was_decided_before() -> None:
    fifo = Schedule.parse("fifo:event0=2")
    trial = trial_of(reported.lost_item, fifo)
    assert str(other_pick(trial, fifo, 2, 1)) == "any:event0=2,pick0=1"
    tasks = Schedule.parse("tasks:pick0=1,pick1=1")
    trial = trial_of(reported.oversold, tasks)
    assert str(other_pick(trial, tasks, 2, 0)) == "tasks"
    assert str(other_pick(trial, tasks, 3, 0)) == "tasks:pick0=1"
    with pytest.raises(ValueError, match="in step 1 there was nothing to choose between"):
        other_pick(trial, tasks, 1, 0)
    with pytest.raises(ValueError, match="in step 2 it is one of 0 to 1, not 7"):
        other_pick(trial, tasks, 2, 7)
    with pytest.raises(ValueError, match="there is no step 99: the run has "):
        other_pick(trial, tasks, 99, 0)
    steps = [
        (step, before)
        for step, before, pick in picks(run_of(reported.oversold, str(tasks)).events)
        if pick
    ]
    assert steps[:2] == [(2, {}), (3, {("pick", 0): 1})]


def test_what_fails_in_plain_order_has_a_page_of_its_own_that_says_so() -> None:
    (finding, *_) = lint(run_of(reported.object_in_message, "fifo"))
    assert finding.sentence == "the run fails, exception: ValueError: cannot use <object object>"
    page = schedule_page(reported.object_in_message, "fifo")
    assert "the run fails, exception: ValueError" in page


# -- the page ----------------------------------------------------------------------------


def test_the_page_of_a_schedule_shows_the_pick_and_what_was_ready_as_well(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(schedule_page(reported.oversold, "tasks:pick0=1,pick1=1"), encoding="utf-8")
    with browser.page(path.as_uri()) as page:
        page.offline(True)
        assert page.text("#story").startswith(
            "oversold: AssertionError: a seat is sold twice, raised at reported.py:64."
            " As asyncio, except that pick 0: buy#2 reported.py:55 before buy reported.py:55;"
        )
        assert "“this schedule” ran buy#2, number 2 in the queue (ready as well: buy)" in page.text(
            "#story"
        )
        column = "pair.columns[pair.at]"
        assert page.evaluate(f"{column}.loud")
        assert page.evaluate(f"{column}.ghosts.right.map(entryName)") == ["buy"]
        page.click("#again summary")
        assert page.text("#again ul").splitlines() == [
            "let buy run instead:",
            f"miniloop replay {OVERSOLD} 'tasks' --html page.html",
        ]
        assert page.problems() == []


def test_the_page_of_a_bug_of_the_museum(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    words = ["tests.museum.everyday:opened_twice", "--runs", "200", "--html", str(path)]
    found = CliRunner().invoke(explore, words, standalone_mode=False)
    assert found.return_value == 1
    with browser.page(path.as_uri()) as page:
        page.offline(True)
        story = page.text("#story")
        assert story.startswith("opened_twice: AssertionError: it is opened twice")
        assert "As asyncio, except that event 0 (<lambda>) lands 1 poll later, after 1 s." in story
        page.click("#again summary")
        assert f"{opened_twice.__module__}:opened_twice 'fifo' --html" in page.text("#again")
        assert page.evaluate("pair.only.right.size") > 0
        assert "from outside: " in page.evaluate(
            "[...pair.models.right.entries.values()].map(entryName).join()"
        )
        assert page.problems() == []


# -- the commands ------------------------------------------------------------------------


def test_a_run_is_recorded_and_drawn_by_the_command(tmp_path: Path) -> None:
    page, run = str(tmp_path / "page.html"), str(tmp_path / "run.mlt.gz")
    words = [LOST, "fifo:event0=2", "--html", page, "--record", run]
    done = CliRunner().invoke(replay, words, standalone_mode=False)
    assert done.return_value == 1
    recording = read(run)
    assert recording.header["schedule"] == "fifo:event0=2"
    assert recording.complete
    assert "--pick 5=1 --html page.html" in (tmp_path / "page.html").read_text("utf-8")


def test_two_schedules_are_compared_by_the_command(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = [OVERSOLD, "tasks:pick0=1,pick1=1", "--against", "tasks:pick0=1", "--html", str(page)]
    done = CliRunner().invoke(replay, words, standalone_mode=False)
    assert done.return_value == 1
    assert done.output.startswith("The outputs differ: failed: ")
    assert '"heads":["tasks:pick0=1","tasks:pick0=1,pick1=1"]' in page.read_text("utf-8")
    words = [OVERSOLD, "tasks:pick0=1", "--against", "tasks"]
    done = CliRunner().invoke(replay, words, standalone_mode=False)
    assert done.return_value == 0
    assert done.output.startswith("Both runs did the same")


def test_another_pick_is_run_by_the_command() -> None:
    words = [OVERSOLD, "tasks:pick0=1", "--pick", "3=1"]
    done = CliRunner().invoke(replay, words, standalone_mode=False)
    assert done.return_value == 1
    assert "miniloop: this is tasks:pick0=1,pick1=1\n" in done.output
    for pick, said in (("3", "write STEP=K"), ("1=0", "nothing to choose"), ("99=1", "no step 99")):
        done = CliRunner().invoke(replay, [OVERSOLD, "tasks", "--pick", pick])
        assert (done.exit_code, said in done.output) == (2, True)

"""Each misconception's recording reads as it should, on both loops, and shows what it is to show.

The stories are in `golden`, one for both loops.  To take over new ones, run these tests once
with ``MINILOOP_WRITE_REPORTS=1`` in the environment, and read them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compat.examples.learning import MISCONCEPTIONS, Misconception
from miniloop.study import Recording
from miniloop.study.lints import lint
from miniloop.study.state import Player, State
from miniloop.study.waits import kept_alive_by

from .lessons import LOOPS, record

GOLDEN = Path(__file__).with_name("golden")

both = pytest.mark.parametrize("loop", LOOPS)


def events(recording: Recording, kind: str, **wanted: Any) -> list[dict[str, Any]]:
    """Return the events of a kind that have what is wanted."""
    return [
        event
        for event in recording.events
        if event["kind"] == kind and wanted.items() <= event.items()
    ]


def one(recording: Recording, kind: str, **wanted: Any) -> dict[str, Any]:
    """Return the only such event."""
    [event] = events(recording, kind, **wanted)
    return event


def at(recording: Recording, event: dict[str, Any]) -> State:
    """Return the state after *event*."""
    return Player(recording).seek(event["n"])


def turns(recording: Recording, task: str) -> list[dict[str, Any]]:
    """Return the steps of a task."""
    added = {event["n"] for event in events(recording, "add", task=task, what="task")}
    return [event for event in events(recording, "run") if event["entry"] in added]


def lints(recording: Recording) -> set[str]:
    """Return the kinds of what the lints find."""
    return {finding.kind for finding in lint(recording)}


# -- what makes each of them click ---------------------------------------------


def calling_runs(recording: Recording) -> None:
    """The coroutine is no task and never enters the queue; where it was made is told."""
    dropped = one(recording, "never_awaited", coro="greet")
    assert dropped["src"].startswith("calling_runs.py:")
    assert "never awaited" in lints(recording)
    assert len(events(recording, "task_new", coro="greet")) == 0
    before = [event["text"] for event in events(recording, "output") if event["n"] < dropped["n"]]
    assert before == ["main has called it, and nobody was greeted"]
    assert one(recording, "output", text="hello")["step"] == dropped["step"]


def create_task_starts(recording: Recording) -> None:
    """While main goes on the child is in the queue, for the next iteration."""
    printed = one(recording, "output", text="main goes on: the child is in the queue")
    state = at(recording, printed)
    assert state.running is not None
    assert (state.running.task, state.left) == ("main", 0)
    assert [entry.task for entry in state.ready] == ["child"]
    assert turns(recording, "child")[0]["it"] == printed["it"] + 1


def await_gives_way(recording: Recording) -> None:
    """Main has two steps, and what it awaits directly belongs to the first."""
    first, second = turns(recording, "main")
    direct = one(recording, "output", text="direct runs inside main's step")
    assert direct["by"] == first["n"]
    [suspend] = events(recording, "suspend", task="main")
    assert suspend["on"]["kind"] == "turn"
    assert first["n"] < turns(recording, "other")[0]["n"] < second["n"]


def async_is_concurrent(recording: Recording) -> None:
    """Never more than one waits in the loop of awaits, and three in gather."""
    half = one(recording, "output", text="gather:")["n"]
    player = Player(recording)
    most = {False: 0, True: 0}
    for n in range(1, len(player) + 1):
        most[n > half] = max(most[n > half], len(player.seek(n).timers))
    assert most == {False: 1, True: 3}


def blocking_call(recording: Recording) -> None:
    """The heartbeat's timer is late by what main has blocked; with a thread none is."""
    blocked = one(recording, "output", text="main blocks it no more")
    late = {event["it"]: event["late"] for event in events(recording, "timer_due")}
    after = min(it for it in late if it > blocked["it"])
    assert late.pop(after) == pytest.approx(0.19)
    assert max(late.values()) < 1e-5
    assert {"slow step", "late timer"} <= lints(recording)
    slow = next(finding for finding in lint(recording) if finding.kind == "slow step")
    assert slow.n == blocked["by"]


def sleep_zero(recording: Recording) -> None:
    """Main is in the queue before the worker, which sleep(0) therefore does not wait for."""
    [again] = events(recording, "add", task="main", why="yielded")
    made = one(recording, "add", task="worker")
    assert again["n"] < made["n"] < turns(recording, "main")[1]["n"]
    assert turns(recording, "main")[1]["n"] < turns(recording, "worker")[0]["n"]


def cancel_kills(recording: Recording) -> None:
    """Asked in one iteration, told in the next; and who has not begun never runs its body."""
    for task in ("worker", "newcomer"):
        request = one(recording, "cancel_request", task=task)
        delivered = one(recording, "cancel_delivered", task=task)
        assert request["from"] == "main"
        assert delivered["by"] == request["n"]
        assert delivered["it"] == request["it"] + 1
        assert one(recording, "task_done", task=task)["outcome"] == "cancelled"
    assert len(turns(recording, "newcomer")) == 1
    assert events(recording, "output", text="this is never printed") == []


def cancel_arrives(recording: Recording) -> None:
    """The request was swallowed, where the task waits next, and it ends with a result."""
    swallowed = one(recording, "cancel_swallowed", task="stubborn")
    assert swallowed["n"] > one(recording, "cancel_delivered", task="stubborn")["n"]
    assert one(recording, "task_done", task="stubborn")["outcome"] == "result"
    assert "swallowed cancel" in lints(recording)


def gather_cancels(recording: Recording) -> None:
    """The one that gather leaves behind is remarked on; the one in the group is asked to stop."""
    [orphan] = [finding for finding in lint(recording) if finding.kind == "orphan"]
    assert orphan.sentence == "gather has failed in main, and slow goes on"
    assert one(recording, "task_done", task="slow")["outcome"] == "result"
    assert events(recording, "cancel_request", task="slow") == []
    assert one(recording, "task_done", task="slow in a group")["outcome"] == "cancelled"
    assert events(recording, "cancel_swallowed") == []  # the group has taken main's request back


def fire_and_forget(recording: Recording) -> None:
    """Who waits for a timer is held by it; who waits for what nobody holds is collected."""
    collected = one(recording, "output", text="main collects garbage")
    state = at(recording, collected)
    assert kept_alive_by(state, state.tasks["sleeper"]).startswith("the loop: timer heap")
    assert kept_alive_by(state, state.tasks["orphan"]).endswith("only a weak reference")
    report = one(recording, "report")
    assert report["message"] == "Task was destroyed but it is pending!"
    assert report["step"] == collected["step"]
    assert "held weakly" in lints(recording)
    assert one(recording, "task_done", task="sleeper")["n"] > report["n"]
    assert events(recording, "task_done", task="orphan") == []


def errors_show_up(recording: Recording) -> None:
    """The exception is kept iterations before anybody is told, and then only for one of them."""
    stored = {event["task"]: event for event in events(recording, "exception_stored")}
    lost = one(recording, "exception_lost")
    assert (set(stored), lost["task"]) == ({"forgotten", "seen"}, "forgotten")
    assert lost["it"] == stored["forgotten"]["it"] + 2
    looked = one(recording, "exception_retrieved", task="seen")
    assert stored["seen"]["n"] < looked["n"] < lost["n"]
    state = at(recording, looked)
    assert {task.name for task in state.tasks.values() if task.unseen_error} == {"forgotten"}


def idle_loop_spins(recording: Recording) -> None:
    """There is one wait of the whole half second, and no iteration begins during it."""
    waits = [event for event in events(recording, "select_begin") if event["timeout"] != 0]
    before = [event for event in waits if event["n"] < events(recording, "loop_stop")[0]["n"]]
    assert [(each["timeout"], each["why"]) for each in before] == [
        (0.5, "timer 1 (sleep) is due first")
    ]
    [end] = [event for event in events(recording, "select_end") if event["by"] == before[0]["n"]]
    assert end["t"] - before[0]["t"] == pytest.approx(0.5)
    assert (end["it"], end["n"]) == (before[0]["it"], before[0]["n"] + 1)


def callbacks_run_now(recording: Recording) -> None:
    """What is added during an iteration is not counted in it, though others still wait in it."""
    added = one(recording, "add", label="third")
    state = at(recording, added)
    assert [entry.label for entry in state.ready] == ["second", "main", "third"]
    assert state.left == 2
    [ran] = [event for event in events(recording, "run") if event["entry"] == added["n"]]
    assert ran["it"] == added["it"] + 1


def sync_calls_async(recording: Recording) -> None:
    """The second loop never starts; the thread's entry wakes the task that waits."""
    assert len(events(recording, "output", text="refused: a loop runs here already")) == 1
    entry = one(recording, "add", thread="helper")
    assert (entry["why"], entry["label"]) == ("threadsafe", "Future.set_result")
    [wake] = [event for event in events(recording, "wake", task="main") if event["n"] > entry["n"]]
    completed = recording.events[wake["by"] - 1]
    ran = recording.events[completed["by"] - 1]
    assert (completed["kind"], ran["kind"]) == ("future_set", "run")
    assert ran["entry"] == entry["n"]


def waiting_costs(recording: Recording) -> None:
    """Each has two steps, which took no time of the clock on which it waited."""
    waiting = events(recording, "suspend", task="waiter#5")[-1]
    state = at(recording, waiting)
    waiters = [task for task in state.tasks.values() if task.coro == "waiter"]
    assert [task.state for task in waiters] == ["waiting"] * 5
    took = {event["entry"]: event["took"] for event in events(recording, "ran")}
    for task in waiters:
        first, second = turns(recording, task.name)
        assert second["t"] - first["t"] >= 0.0999
        assert took[first["entry"]] == took[second["entry"]] == 0
    assert one(recording, "output")["text"].endswith("in threads: 1")


def exact_timers(recording: Recording) -> None:
    """All four are late by what main's step has taken, and equal ones come as the heap has them."""
    due = [event for event in events(recording, "timer_due") if event["timer"] <= 4]
    assert [event["late"] for event in due] == [pytest.approx(0.08, abs=1e-5)] * 4
    assert [event["timer"] for event in due] == [1, 3, 2, 4]
    assert "late timer" in lints(recording)


def busy_waiting(recording: Recording) -> None:
    """The poller has a step for each look, and wakes itself; the waiter has two."""
    assert len(turns(recording, "poller")) == 201
    assert len(turns(recording, "waiter")) == 2
    own = events(recording, "add", task="poller", why="yielded")
    assert len(own) == 200
    assert all(recording.events[event["by"] - 1]["task"] == "poller" for event in own)
    [found] = [finding for finding in lint(recording) if finding.kind == "wakes itself"]
    assert found.sentence == "poller woke itself 200 times (100 % of its waits): it polls"
    timeouts = [
        event["timeout"]
        for event in events(recording, "select_begin")
        if own[0]["n"] < event["n"] < own[-1]["n"]
    ]
    assert set(timeouts) <= {0}


SHOWN: dict[str, Callable[[Recording], None]] = {
    shown.__name__: shown
    for shown in (
        *(calling_runs, create_task_starts, await_gives_way, async_is_concurrent, blocking_call),
        *(sleep_zero, cancel_kills, cancel_arrives, gather_cancels, fire_and_forget),
        *(errors_show_up, idle_loop_spins, callbacks_run_now, sync_calls_async, waiting_costs),
        *(exact_timers, busy_waiting),
    )
}


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    """Two of the programs are about what is only logged."""


@both
@pytest.mark.parametrize("lesson", MISCONCEPTIONS, ids=[each.name for each in MISCONCEPTIONS])
def test_its_recording_reads_alike_and_shows_what_is_true(
    lesson: Misconception, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(lesson, loop, monkeypatch)
    story = "\n".join(lesson.story(recording)) + "\n"
    path = GOLDEN / f"{lesson.name}.txt"
    if os.environ.get("MINILOOP_WRITE_REPORTS") and loop == "miniloop":
        path.write_text(story, "utf-8")
    assert story == path.read_text("utf-8")
    SHOWN[lesson.name](recording)
    moment = lesson.moment.of(recording)
    assert moment["n"] < events(recording, "loop_stop")[0]["n"]


def test_each_program_is_a_lesson_and_says_what_is_believed_and_what_is_true() -> None:
    folder = MISCONCEPTIONS[0].path.parent
    names = sorted(path.stem for path in folder.glob("*.py"))
    assert sorted(lesson.name for lesson in MISCONCEPTIONS) == names == sorted(SHOWN)
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == names
    for lesson in MISCONCEPTIONS:
        parts = [lesson.part(name) for name in ("Belief", "Truth", "Look")]
        assert all(len(part) > 20 and part.endswith(".") for part in parts), lesson.name
        assert lesson.summary == parts[0]
        assert len(lesson.text.splitlines()) <= 50, lesson.name

"""The views as text: panes, sentences, why, lints, and the stepper."""

from __future__ import annotations

import asyncio
import io
import json

import pytest

from miniloop.study import Recording
from miniloop.study.events import KINDS
from miniloop.study.lints import lint
from miniloop.study.state import Player
from miniloop.study.stepper import Stepper
from miniloop.study.text import log, panes, sentence
from miniloop.study.waits import NotATaskError, at_end, circles, why

from . import stories
from .programs import LOOPS, record

both = pytest.mark.parametrize("loop", LOOPS)


def found(recording: Recording) -> dict[str, str]:
    """Return the sentences of the lints by their kinds."""
    return {finding.kind: finding.sentence for finding in lint(recording)}


@both
class TestLints:
    def test_nothing_is_found_where_nothing_is_wrong(self, loop: str) -> None:
        said = found(record(stories.fine, loop))
        assert set(said) <= {"slow step", "late timer", "never yielded"}  # on a busy machine

    def test_a_deadlock_that_somebody_breaks_is_found_as_well(self, loop: str) -> None:
        async def main() -> None:
            locks = {name: asyncio.Lock() for name in ("ann", "bob")}

            async def pay(source: str, target: str) -> None:
                async with locks[source]:
                    await asyncio.sleep(0)
                    async with locks[target]:
                        pass

            tasks = [
                asyncio.create_task(pay("ann", "bob"), name="a"),
                asyncio.create_task(pay("bob", "ann"), name="b"),
            ]
            for _ in range(5):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

        [finding] = [one for one in lint(record(main, loop)) if one.kind == "deadlock"]
        assert finding.sentence == (
            "b -> a -> b: b waits for Lock locks['ann'], held by a; a waits for"
            " Lock locks['bob'], held by b; in the end it was broken from outside"
        )

    def test_a_deadlock_is_a_circle_of_tasks_and_locks(self, loop: str) -> None:
        recording = record(stories.deadlock, loop)
        [finding] = [one for one in lint(recording) if one.kind == "deadlock"]
        assert finding.sentence == (
            "a -> b -> a: a waits for Lock second, held by b; b waits for Lock second#2, held by a"
        )
        assert finding.src.startswith("stories.py:")
        assert circles(at_end(recording)) == [["a", "b"]]

    def test_who_waits_for_what_nobody_will_do(self, loop: str) -> None:
        said = found(record(stories.lost_waker, loop))
        assert said["lost waker"] == "hopeful waits for Event event, and nobody can wake it"

    def test_a_step_that_blocks_the_loop_and_the_timer_it_makes_late(self, loop: str) -> None:
        said = found(record(stories.slow_step, loop))
        assert said["slow step"].startswith("blocker ran for ")
        assert said["never yielded"].startswith("blocker did all its work, ")
        assert said["late timer"].startswith("a timer was late, timer ")

    def test_a_task_that_polls(self, loop: str) -> None:
        said = found(record(stories.wakes_itself, loop))
        assert said["wakes itself"].startswith("poller woke itself 15")

    def test_a_cancellation_that_is_swallowed(self, loop: str) -> None:
        said = found(record(stories.swallowed, loop))
        assert said["swallowed cancel"] == (
            "deaf was told to stop, caught CancelledError and went on"
        )

    def test_what_goes_on_after_a_gather_has_failed(self, loop: str) -> None:
        said = found(record(stories.orphan, loop))
        assert said["orphan"] == "gather has failed in orphan, and slow goes on"


@both
class TestMoreLints:
    def test_a_lock_that_its_holder_never_gave_back(self, loop: str) -> None:
        said = found(record(stories.lock_kept, loop))
        assert said["lock kept"] == (
            "waiter waits for Lock lock, but no task alive is inside it: it was not released"
        )

    def test_a_descriptor_that_is_ready_for_nothing(self, loop: str) -> None:
        said = found(record(stories.spinning, loop))
        assert said["spinning descriptor"] == (
            "descriptor 2 was ready 100 times in a row, and look did nothing"
        )

    def test_a_queue_that_grows(self, loop: str) -> None:
        said = found(record(stories.growing, loop))
        assert said["growing queue"].startswith("the ready queue grew in 50 iterations in a row")


@both
class TestWhy:
    def test_a_chain_ends_at_what_can_wake_it(self, loop: str) -> None:
        recording = record(stories.fine, loop)
        player = Player(recording)
        suspend = next(
            event
            for event in recording.events
            if event["kind"] == "suspend" and event["task"] == "fine"
        )
        lines = why(player.seek(suspend["n"]), "fine", recording)
        assert lines[0].startswith("fine waits at stories.py:")
        assert " can wake it" in lines[1]
        assert lines[2].endswith("-> future -> fine")
        assert lines[3].startswith("  later: event ")

    def test_a_circle_is_drawn_and_the_chain_told_all_the_same(self, loop: str) -> None:
        recording = record(stories.deadlock, loop)
        lines = why(at_end(recording), "a", recording)
        assert "held by b" in lines[0]
        assert "held by a" in lines[1]
        assert lines[2].strip() == "in a circle: a -> b -> a"
        assert any("weak reference" in line for line in lines)

    def test_a_name_that_no_task_has(self, loop: str) -> None:
        recording = record(stories.fine, loop)
        with pytest.raises(NotATaskError, match="there is no task nobody at this point"):
            why(Player(recording).seek(20), "nobody", recording)


@both
def test_every_event_has_a_sentence_and_every_state_its_panes(loop: str) -> None:
    for story in (stories.deadlock, stories.swallowed, stories.orphan):
        recording = record(story, loop)
        player = Player(recording)
        for event in recording.events:
            assert event["kind"] in KINDS
            assert set(event) <= {"n", "it", "step", "t", "kind", "by", "src"} | set(
                KINDS[event["kind"]]
            )
            assert sentence(event) != event["kind"]
            lines = panes(player.seek(event["n"]), 80)
            assert all(len(line) <= 80 for line in lines)
            assert {"ready", "timers", "selector", "tasks"} <= set(lines)
        json.dumps(recording.events)


def test_the_log_is_headed_by_iterations_and_can_be_filtered() -> None:
    recording = record(stories.fine)
    lines = list(log(recording))
    assert sum(line.startswith("--- iteration") for line in lines) == recording.events[-1]["it"]
    assert len(lines) == len(recording.events)
    about = list(log(recording, task="consumer"))
    assert about
    assert all("consumer" in line or "that took" in line for line in about)
    first = next(log(recording, kinds=["loop_start"]))
    assert "the loop starts  [programs.py:" in first


def stepped(recording: Recording, *commands: str) -> str:
    """Return what the stepper prints for some commands."""
    out = io.StringIO()
    Stepper(Player(recording), io.StringIO("\n".join([*commands, "q"]) + "\n"), out).cmdloop()
    return out.getvalue()


class TestStepper:
    def test_forward_and_back_shows_the_same(self) -> None:
        recording = record(stories.fine)
        said = stepped(recording, "n", "n", "n", "b", "b").split("iteration ")
        assert said[2] == said[6]  # after the first n, and after the last b

    def test_iterations_events_and_places(self) -> None:
        recording = record(stories.fine)
        said = stepped(recording, "i 2", "g 7", "be", "g end")
        assert "iteration 2 " in said
        assert "event 7 " in said
        assert "event 6 " in said
        assert f"event {len(recording.events)} " in said
        assert "this is the end" in said

    def test_it_asks_who_runs_next_and_keeps_the_score(self) -> None:
        recording = record(stories.fine)
        said = stepped(recording, "p fine", "p nobody")
        assert "Right. 1 of 1 right so far." in said
        assert "No: consumer runs. 1 of 2 right so far." in said

    def test_it_finds_and_explains(self) -> None:
        recording = record(stories.deadlock)
        said = stepped(recording, "/ held by", "w", "w a", "w nobody", "/ no such thing", "o")
        assert "in a circle: a -> b -> a" not in stepped(recording, "n", "w")
        assert "waits for Lock" in said
        assert "there is no task nobody" in said
        assert "nothing further on has 'no such thing' in it" in said

    def test_what_makes_no_sense_is_said_to_make_none(self) -> None:
        said = stepped(record(stories.fine), "g x", "n many", "what is this", "/", "p")
        assert "say which event: g NUMBER" in said
        assert "'many' is not a number of times" in said
        assert "no command 'what'" in said
        assert "say what to look for" in said

"""What makes no sense is refused, and what is not one whole exploration proves nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from miniloop.testing import Exploration, Limits, Schedule, World, explore, merged, replay
from tests.compat.cells import write
from tests.testing.test_replay_command import run


async def busy(world: World) -> None:
    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(0.01)

    world.sometime(int)
    await asyncio.gather(work(), work())


async def other(world: World) -> None:
    await busy(world)


NONSENSE: dict[str, dict[str, Any]] = {
    "runs is at least 1, not 0": {"runs": 0},
    "runs is at least 1, not -5": {"runs": -5},
    "seconds is more than 0, not 0": {"seconds": 0},
    "seconds is more than 0, not -1": {"seconds": -1},
    "depth is at least 1, not 0": {"depth": 0},
    "horizon is at least 1, not 0": {"horizon": 0},
    "horizon is at least 1, not -1": {"horizon": -1},
    "of 2 shards there is none with number 2": {"shard": (2, 2)},
    "of 2 shards there is none with number -1": {"shard": (-1, 2)},
    "of 0 shards there is none with number 0": {"shard": (0, 0)},
    "runs schedules of level fifo, not tasks": {"library": "asyncio", "level": "tasks"},
    "the state of an exploration": {"resume": {"phases": []}},
}


@pytest.mark.parametrize("words", NONSENSE)
def test_nonsense_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=words):
        explore(busy, **NONSENSE[words])


@pytest.mark.parametrize("scenario", [None, "busy"])
def test_what_is_no_function_is_refused(scenario: Any) -> None:
    with pytest.raises(TypeError, match="an async def, not called yet"):
        explore(scenario)


def test_a_coroutine_is_no_scenario() -> None:
    coro = asyncio.sleep(0)
    with pytest.raises(TypeError, match="an async def, not called yet"):
        explore(coro)  # type: ignore[arg-type]
    coro.close()


@pytest.mark.parametrize(
    "options",
    [
        {"depth": 1},
        {"horizon": 3},
        {"ignore": ("tasks",)},
        {"limits": Limits(polls=500)},
        {"library": "asyncio"},
        {"reduce": False},
        {"shard": (0, 2)},
        {"cancel": "everywhere"},
        {"level": "any"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_exploration_goes_on_with_the_same_arguments_only(options: dict[str, Any]) -> None:
    state = json.loads(json.dumps(explore(busy, runs=20).state))
    explore(busy, runs=20, resume=state)
    with pytest.raises(ValueError, match=next(iter(options))):
        explore(busy, runs=20, resume=state, **options)


def test_an_exploration_goes_on_with_its_own_scenario_only() -> None:
    with pytest.raises(ValueError, match="scenario"):
        explore(other, runs=20, resume=explore(busy, runs=20).state)


def shards() -> list[Exploration]:
    return [explore(busy, runs=300, shard=(number, 3)) for number in range(3)]


def test_shards_prove_something_when_they_are_all_there_and_of_one_exploration() -> None:
    parts = shards()
    assert merged(parts).proved == explore(busy, runs=300).proved == 1
    strange = explore(busy, runs=300, seed=1, shard=(2, 3))
    for wrong in (parts[:2], [parts[0]] * 3, [*parts, parts[0]], []):
        with pytest.raises(ValueError, match="not all the shards"):
            merged(wrong)
    with pytest.raises(ValueError, match="two explorations: seed is 0 and 1"):
        merged([*parts[:2], strange])


def test_a_deviation_is_written_down_once() -> None:
    with pytest.raises(ValueError, match="jump0 is there twice"):
        Schedule.parse("fifo:jump0=1,event1=1,jump0=2")


def test_a_schedule_of_another_program_is_told_from_one_that_holds(tmp_path: Path) -> None:
    program = """
        import asyncio
        async def scenario(world):
            world.sometime(print)
            await asyncio.sleep(1)
        """
    write(tmp_path, {"mine.py": program})
    done = run(tmp_path, "replay", "mine.py:scenario", "fifo:event0=1,event7=1,jump90=1")
    assert done.returncode == 0
    assert "holds under fifo:event0=1" in done.stdout
    assert "event7=1,jump90=1 never came up" in done.stderr
    done = run(tmp_path, "replay", "mine.py:scenario", "fifo:event0=1")
    assert "never came up" not in done.stderr


def test_replaying_in_a_program_refuses_what_exploring_does() -> None:
    with pytest.raises(ValueError, match="level fifo, not any"):
        replay(busy, "any:pick0=1", library="asyncio")

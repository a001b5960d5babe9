"""What is decided is recorded, whichever way it is asked for: at length, or the short way."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections import Counter, deque
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.testing.choices import KINDS, Choice, Choices, Key
from miniloop.testing.fence import fenced
from miniloop.testing.schedule import LEVELS
from miniloop.testing.strategies import WALKS, RandomWalk, make_walk
from miniloop.testing.trial import Trial
from miniloop.testing.world import World

from .scenarios import echo, queue_and_locks

ASKED = st.lists(st.tuples(st.sampled_from(KINDS[:3]), st.integers(1, 4)), max_size=30)
DEVIATIONS = st.dictionaries(
    st.tuples(st.sampled_from(KINDS[:3]), st.integers(0, 8)), st.integers(1, 5), max_size=5
)


@given(first=ASKED, deviations=DEVIATIONS, then=ASKED, others=DEVIATIONS, calm=ASKED)
def test_choices_are_numbered_by_kind_and_follow_their_deviations(
    first: Any, deviations: Any, then: Any, others: Any, calm: Any
) -> None:
    choices = Choices(None, deviations, labels=True)
    expected: list[Choice] = []

    def ask(asked: Any, followed: dict[Key, int]) -> None:
        for kind, count in asked:
            words = f"of {count}"
            value = choices.choose(kind, count, partial(str, words))
            if count > 1:
                index = sum(choice.kind == kind for choice in expected)
                taken = min(followed.get((kind, index), 0), count - 1)
                assert value == taken
                expected.append(Choice(kind, index, count, taken, words))
            else:
                assert value == 0

    ask(first, deviations)
    choices.follow(others)
    ask(then, others)
    choices.calm_down()
    assert not any(choices.choose(kind, count) for kind, count in calm)
    assert choices.made == expected
    assert len(choices) == len(expected)
    assert choices.counts == Counter(choice.kind for choice in expected)
    assert choices.deviations() == {choice.key: choice.value for choice in expected if choice.value}


@given(counts=st.lists(st.integers(2, 70), max_size=40), seed=st.integers(0, 2**16))
def test_a_walk_draws_as_randrange_does(counts: list[int], seed: int) -> None:
    """A schedule that was printed once is found again under the same seed."""

    class Even(RandomWalk):
        _even = property(lambda _: True, lambda *_: None)

    walk = Even(random.Random(seed), {"pick": 9})
    made: list[Any] = []
    pick, other = walk.of_kind("pick", made), random.Random(seed)
    Even(other, {"pick": 9})  # draws as many numbers first
    assert [pick(count) for count in counts] == [other.randrange(count) for count in counts]
    assert made[1::3] == counts


@pytest.mark.parametrize("strategy", WALKS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("scenario", [queue_and_locks, echo])
def test_the_short_ways_choose_what_the_long_way_does(
    strategy: str, level: str, scenario: Any
) -> None:
    trial = Trial(scenario, level)
    with fenced():
        counts = Counter(choice.kind for choice in trial.run().choices)
        for number in range(10):
            short, long = (make_walk(strategy, 0, number, counts) for _ in range(2))
            run = trial.run(decide=short)
            again = trial.run(decide=_AtLength(long))
            traced = trial.run(decide=make_walk(strategy, 0, number, counts), trace=True)
            keys = [(choice.key, choice.count, choice.value) for choice in run.choices]
            for other in (again, traced):
                assert [(one.key, one.count, one.value) for one in other.choices] == keys
                assert (other.polls, other.seconds) == (run.polls, run.seconds)
            assert any(key[0] == "pick" for key, _, _ in keys) == (level != "fifo")


class _AtLength:
    """A walk without its short ways."""

    def __init__(self, walk: RandomWalk) -> None:
        self._walk = walk
        self.bind = walk.bind

    def __call__(self, key: Key, count: int) -> int:
        return self._walk(key, count)


def test_what_takes_an_entry_takes_the_one_that_it_picked() -> None:
    for number in range(50):
        walk, same = (make_walk("random", 0, number, {"pick": 8}) for _ in range(2))
        made: list[Any] = []
        ready = deque(range(12))
        take, pick = walk.taker(ready, made), same.of_kind("pick", [])
        left = list(ready)
        while left:
            index = pick(len(left)) if len(left) > 1 else 0
            assert take() == left.pop(index)
        assert made[1::3] == list(range(12, 1, -1))


def test_a_run_without_a_network_makes_none() -> None:
    async def sleep() -> None:
        await asyncio.gather(*(asyncio.sleep(number) for number in range(3)))

    world = World(level="any")
    assert world.run(sleep).failures == []
    assert not world.has_network


def test_timers_of_debug_mode_and_others_are_due_together() -> None:
    """They are kept in one heap, and of two that are due at once none is less."""

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        seen: list[int] = []
        timers = []
        for number in range(12):
            loop.set_debug(number % 3 == 1)
            timers.append(loop.call_later(1, seen.append, number))
        for number in (2, 4, 9):
            timers[number].cancel()
        left = [timer for timer in timers if not timer.cancelled()]
        told = [repr(timer).split(" created")[0].rstrip(">") for timer in left]
        loop.set_debug(False)
        await asyncio.sleep(2)
        return [*map(str, seen), *told]

    ours, theirs = (World(library=library).run(main) for library in ("miniloop", "asyncio"))
    assert ours.failures == theirs.failures == []
    assert ours.result == theirs.result
    assert len(ours.result) == 9 + 9


def test_what_a_run_held_is_gone_when_it_is_over() -> None:
    """The World is part of a cycle; what the program made need not wait for its collection."""
    made: list[Any] = []

    class Thing:
        """What a task holds, in its frame and as its result."""

    async def hold() -> Thing:
        thing = Thing()
        made.append(weakref.ref(thing))
        await asyncio.sleep(1)
        return thing

    async def main() -> None:
        await asyncio.gather(hold(), hold())

    for library in ("miniloop", "asyncio"):
        world = World(library=library)
        assert world.run(main).failures == []
        assert [thing() for thing in made] == [None] * len(made)
    assert len(made) == 4

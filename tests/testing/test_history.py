"""Histories whose linearizability is known, and the search against trying every order."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniloop.testing import Call, History, Model, NotLinearizable, explore


class Register(Model):
    """One value, that is written and read."""

    value = 0

    def write(self, value: int) -> None:
        self.value = value

    def read(self) -> int:
        return self.value

    def swap(self, old: int, new: int) -> bool:
        if self.value != old:
            return False
        self.value = new
        return True


class Fifo(Model):
    """A queue."""

    def __init__(self) -> None:
        self.items: list[int] = []

    def put(self, item: int) -> None:
        self.items.append(item)

    def take(self) -> int | None:
        return self.items.pop(0) if self.items else None


def step(state: int, operation: str, arguments: tuple[Any, ...]) -> tuple[int, Any]:
    """The register as a pure function."""
    if operation == "write":
        return arguments[0], None
    if operation == "swap":
        return (arguments[1], True) if state == arguments[0] else (state, False)
    return state, state


#: ``(moment, "begin" or "end", call, operation and arguments or answer)``, in order.
Events = list[tuple[str, str, Any]]


def history(events: Events) -> History:
    """Return the history of *events*: a name begins a call, or ends the one it has begun."""
    made = History()
    calls: dict[str, Call] = {}
    for name, what, detail in events:
        if what == "end":
            made.returned(calls.pop(name), detail)
        else:
            calls[name] = made.invoked(what, *detail, client=name)
    return made


OVERLAPPING: Events = [
    ("a", "write", (1,)),
    ("b", "read", ()),
    ("b", "end", 1),  # while a writes
    ("c", "read", ()),
    ("c", "end", 1),
    ("a", "end", None),
]
BACK_IN_TIME: Events = [
    ("a", "write", (1,)),
    ("b", "read", ()),
    ("b", "end", 1),
    ("c", "read", ()),
    ("c", "end", 0),  # after somebody has seen 1
    ("a", "end", None),
]
STALE: Events = [("a", "write", (1,)), ("a", "end", None), ("b", "read", ()), ("b", "end", 0)]
NEVER_BACK: Events = [
    ("a", "write", (1,)),
    ("b", "read", ()),
    ("b", "end", 0),
    ("c", "read", ()),
    ("c", "end", 1),  # the write, of which nobody knows how it ended, has happened now
]
TWO_WINNERS: Events = [
    ("a", "swap", (0, 1)),
    ("b", "swap", (0, 2)),
    ("a", "end", True),
    ("b", "end", True),
]


@pytest.mark.parametrize(
    ("events", "linearizable"),
    [
        (OVERLAPPING, True),
        (BACK_IN_TIME, False),
        (STALE, False),
        (NEVER_BACK, True),
        (TWO_WINNERS, False),
        ([], True),
    ],
    ids=["overlapping", "back-in-time", "stale", "never-back", "two-winners", "empty"],
)
def test_known_histories(events: Events, linearizable: bool) -> None:
    made = history(events)
    assert (made.order(Register) is not None) is linearizable
    assert (made.order(step, 0) is not None) is linearizable
    if not linearizable:
        with pytest.raises(NotLinearizable, match="no order of the calls"):
            made.check(Register)


def test_a_queue_keeps_its_order() -> None:
    right = history(
        [
            ("a", "put", (1,)),
            ("b", "put", (2,)),
            ("a", "end", None),
            ("b", "end", None),
            ("a", "take", ()),
            ("b", "take", ()),
            ("b", "end", 1),
            ("a", "end", 2),
        ]
    )
    assert [call.operation for call in right.check(Fifo)] == ["put", "put", "take", "take"]
    wrong = history(
        [
            ("a", "put", (1,)),
            ("a", "end", None),
            ("b", "put", (2,)),
            ("b", "end", None),
            ("a", "take", ()),
            ("a", "end", 2),
        ]
    )
    assert wrong.order(Fifo) is None


def test_what_certainly_never_happened_is_left_out() -> None:
    made = History()
    call = made.invoked("write", 5)
    made.never_happened(call)
    made.returned(made.invoked("read"), 5)
    assert made.order(Register) is None


def test_a_call_ends_once() -> None:
    made = History()
    call = made.invoked("read")
    made.returned(call, 0)
    with pytest.raises(RuntimeError, match="over already"):
        made.returned(call, 0)


def test_the_message_tells_the_calls() -> None:
    with pytest.raises(NotLinearizable) as caught:
        history(STALE).check(Register)
    assert str(caught.value).splitlines()[1:] == ["  a: write(1) -> None", "  b: read() -> 0"]


def by_trying(calls: list[Call]) -> bool:
    """Return whether some order explains the answers, by trying all of them."""
    ended = [call for call in calls if call.ended is not None]
    never = [call for call in calls if call.ended is None]
    for some in range(len(never) + 1):
        for extra in itertools.combinations(never, some):
            if any(map(explains, itertools.permutations([*ended, *extra]))):
                return True
    return False


def explains(order: tuple[Call, ...]) -> bool:
    for earlier, later in itertools.combinations(order, 2):
        if later.ended is not None and later.ended < earlier.begun:
            return False
    state = 0
    for call in order:
        state, answer = step(state, call.operation, call.arguments)
        if call.ended is not None and answer != call.answer:
            return False
    return True


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to five calls by three clients, with whatever answers."""
    made = History()
    open_calls: dict[str, Call] = {}
    for _ in range(draw(st.integers(0, 9))):
        client = draw(st.sampled_from("abc"))
        if client in open_calls:
            call = open_calls.pop(client)
            answers: dict[str, list[Any]] = {
                "write": [None],
                "read": [0, 1, 2],
                "swap": [True, False],
            }
            made.returned(call, draw(st.sampled_from(answers[call.operation])))
        elif len(made.calls) < 5:
            operation = draw(st.sampled_from(["write", "read", "swap"]))
            number = st.integers(0, 2)
            count = {"write": 1, "read": 0, "swap": 2}[operation]
            arguments = [draw(number) for _ in range(count)]
            open_calls[client] = made.invoked(operation, *arguments, client=client)
    return made


@settings(max_examples=200)
@given(histories())
def test_the_search_agrees_with_trying_every_order(made: History) -> None:
    order = made.order(Register)
    assert (order is not None) == by_trying(made.calls)
    if order is not None:
        assert explains(tuple(order))


def test_a_race_shows_as_a_history_without_an_order() -> None:
    import asyncio

    from miniloop.testing import World

    async def scenario(world: World) -> None:
        value = 0

        async def increment(name: str) -> None:
            nonlocal value
            await asyncio.sleep(0)
            with world.history.call("swap", 0, 1, client=name) as call:
                seen = value
                await asyncio.sleep(0.01 if name == "b" else 0)
                if seen == 0:
                    value = 1
                call.returned(seen == 0)

        await asyncio.gather(increment("a"), increment("b"))
        world.history.check(Register)

    found = explore(scenario).failure
    assert found is not None
    assert found.failure.identity[1].startswith("NotLinearizable: no order of the calls")

"""Handles: what they hold, how they are cancelled, and that they look like asyncio's."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop.core.handles import Handle
from miniloop.core.timers import TimerHandle

from .pairs import LIBRARIES, Side, text, turn

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def function(*args: object, **kwargs: object) -> None:
    """Do nothing, under a name that reprs can show."""


@functools.wraps(function)
def wrapper(*args: object) -> None:
    """Do nothing, for somebody else."""


class Callback:
    """What can be called, in the ways in which a program may put it."""

    def __call__(self, *args: object) -> None:
        """Do nothing."""

    def __repr__(self) -> str:
        return "<a callback>"

    def method(self, *args: object) -> None:
        """Do nothing."""

    @classmethod
    def of_class(cls, *args: object) -> None:
        """Do nothing."""


CALLBACKS: list[Callable[..., object]] = [
    function,
    wrapper,
    print,
    Callback(),
    Callback().method,
    Callback.of_class,
    Callback,
    lambda *args: None,
    functools.partial(function, 1, key="value"),
    functools.partial(functools.partial(print, 1), 2, sep="-"),
    functools.partial(Callback().method, []),
    "".join,
]

arguments = st.lists(
    st.one_of(st.integers(), st.text(max_size=40), st.lists(st.integers(), max_size=9)), max_size=3
)


@pytest.fixture
def loop() -> Iterator[miniloop.EventLoop]:
    made = miniloop.EventLoop()
    yield made
    made.close()


@pytest.mark.parametrize("debug", [False, True])
@given(callback=st.sampled_from(CALLBACKS), args=arguments, cancel=st.booleans())
def test_a_handle_looks_as_asyncios_handle_does(
    debug: bool, callback: Callable[..., object], args: list[Any], cancel: bool
) -> None:
    reprs = []
    for library in LIBRARIES:
        side = Side(library)
        side.loop.set_debug(debug)
        handles: list[Any] = [
            library.names.Handle(callback, tuple(args), side.loop),
            library.names.TimerHandle(12.5, callback, tuple(args), side.loop),
        ]
        if cancel:
            for handle in handles:
                handle.cancel()
        reprs.append([text(handle) for handle in handles])
        side.close()
    assert reprs[0] == reprs[1]


@pytest.mark.parametrize("debug", [False, True])
def test_handles_that_a_loop_made_look_the_same_too(debug: bool) -> None:
    reprs = []
    for library in LIBRARIES:
        side = Side(library)
        side.loop.set_debug(debug)
        reprs.append(
            [
                text(make())
                for make in (
                    functools.partial(side.loop.call_soon, function, 1),
                    functools.partial(side.loop.call_at, 3.0, function, 1),
                    functools.partial(side.loop.call_later, 3.0, function, "x"),
                    functools.partial(side.loop.call_soon_threadsafe, function),
                )
            ]
        )
        side.close()
    assert reprs[0] == reprs[1]


@pytest.mark.parametrize("debug", [False, True])
def test_what_fails_is_reported_with_as_much_as_asyncio_tells(debug: bool) -> None:
    messages: list[str] = []
    for library in LIBRARIES:
        side = Side(library)
        side.loop.set_debug(debug)
        side.loop.set_exception_handler(lambda _, context: messages.append(context["message"]))
        side.loop.call_soon(int, "secret", 36, 5)
        turn(side.loop)
        side.close()
    assert messages[0] == messages[1]


def test_a_cancelled_handle_lets_go_of_what_it_holds(loop: miniloop.EventLoop) -> None:
    held = Callback()
    reference = weakref.ref(held)
    handles = [loop.call_soon(held, held), loop.call_later(5, held, held)]
    del held
    assert reference() is not None
    for handle in handles:
        handle.cancel()
        assert handle.cancelled()
    gc.disable()
    try:
        assert reference() is None
    finally:
        gc.enable()
    handles[0].cancel()  # once more: nothing happens


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_a_handle_cancelled_in_the_very_batch_it_is_in_does_not_run(library: Any) -> None:
    side = Side(library)
    handles: list[Any] = []
    side.loop.call_soon(lambda: [handle.cancel() for handle in handles[::2]])
    handles += [side.loop.call_soon(side.log.append, number) for number in range(5)]
    turn(side.loop)
    assert side.log == [1, 3]
    assert [handle.cancelled() for handle in handles] == [True, False, True, False, True]
    side.close()


def test_cancelling_after_it_ran_changes_nothing_that_anybody_sees() -> None:
    logs = []
    for library in LIBRARIES:
        side = Side(library)
        handle = side.loop.call_soon(side.log.append, "ran")
        turn(side.loop)
        side.log.append(handle.cancelled())
        handle.cancel()
        turn(side.loop)
        side.log.append(handle.cancelled())
        logs.append(side.log)
        side.close()
    assert logs[0] == logs[1] == ["ran", False, True]


def test_a_handle_runs_in_its_context(loop: miniloop.EventLoop) -> None:
    seen = []
    context = contextvars.copy_context()
    context.run(variable.set, "given")
    variable.set("at the call")
    handles = [
        loop.call_soon(lambda: seen.append(variable.get()), context=context),
        loop.call_soon(lambda: seen.append(variable.get())),
        loop.call_later(0, lambda: seen.append(variable.get()), context=context),
        loop.call_soon_threadsafe(lambda: seen.append(variable.get()), context=context),
    ]
    variable.set("later")
    assert [handle.get_context() is context for handle in handles] == [True, False, True, True]
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert sorted(seen) == ["at the call", "given", "given", "given"]


def test_a_handle_made_by_hand_runs_and_reports(loop: miniloop.EventLoop) -> None:
    reported: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    handle = Handle(lambda: 1 / 0, (), loop)
    handle._run()
    assert isinstance(reported[0]["exception"], ZeroDivisionError)
    assert reported[0]["handle"] is handle
    for stopper in (KeyboardInterrupt, SystemExit):
        with pytest.raises(stopper):
            Handle(raising, (stopper,), loop)._run()
    assert len(reported) == 1


def raising(kind: type[BaseException]) -> None:
    raise kind


times = st.sampled_from([1.0, 2.0, 3.0])
timers = st.tuples(times, st.sampled_from([function, print]), st.sampled_from([(), (1,)]))


@given(timers, timers)
def test_timers_compare_as_asyncios_do(left: Any, right: Any) -> None:
    outcomes = []
    for library in LIBRARIES:
        side = Side(library)
        pair = [library.names.TimerHandle(*each, side.loop) for each in (left, right)]
        first, second = pair
        outcomes.append(
            (
                first < second,
                first <= second,
                first > second,
                first >= second,
                first == second,
                first != second,
                hash(first) == hash(second),
                [first.__lt__(1), first.__le__(1), first.__eq__(1), first.__gt__(1)],
            )
        )
        side.close()
    assert outcomes[0] == outcomes[1]


def test_a_timer_says_when_and_is_a_handle(loop: miniloop.EventLoop) -> None:
    timer = loop.call_at(12.5, function)
    assert timer.when() == 12.5
    assert isinstance(timer, TimerHandle)
    assert isinstance(timer, Handle)
    assert loop.call_later(10, function).when() == pytest.approx(loop.time() + 10, abs=5)


def test_no_time_is_no_time(loop: miniloop.EventLoop) -> None:
    for library in LIBRARIES:
        side = Side(library)
        with pytest.raises(TypeError):
            side.loop.call_at(None, function)
        with pytest.raises(TypeError):
            side.loop.call_later(None, function)
        side.close()


def test_asyncios_own_classes_are_not_ours() -> None:
    assert not issubclass(Handle, asyncio.Handle)
    assert set(dir(asyncio.Handle)) - set(dir(Handle)) <= {"_repr_info"}
    assert set(dir(asyncio.TimerHandle)) - set(dir(TimerHandle)) <= {"_repr_info"}

"""Future in lock-step with asyncio's C Future: every method, in any order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from .pairs import LIBRARIES, Side, outcome, settle, text, turn

which = st.integers(0, 2)
messages = st.sampled_from([None, "why", 7])


class Plain(Exception):
    """An exception like any other."""


EXCEPTIONS: list[Callable[[], Any]] = [
    lambda: Plain("an instance"),
    lambda: Plain,
    lambda: LookupError,
    lambda: KeyError("key"),
]
if sys.version_info >= (3, 13):  # it was a TypeError before
    EXCEPTIONS += [lambda: StopIteration(1), lambda: StopIteration]


class FutureSide(Side):
    """Three futures of one library, with callbacks that can be told apart."""

    def __init__(self, library: Any) -> None:
        super().__init__(library)
        self.futures = [library.names.Future(loop=self.loop) for _ in range(3)]
        self.callbacks = [self.make_callback(number) for number in range(4)]
        self.tasks: list[Any] = []

    def make_callback(self, number: int) -> Callable[[Any], None]:
        """Return a callback; some of them do something to the future that called them."""

        def callback(future: Any) -> None:
            index = self.futures.index(future)
            self.log.append((number, index, future.done(), future.cancelled()))
            if number == 1:
                future.add_done_callback(self.callbacks[0])
            elif number == 2:
                self.log.append(future.remove_done_callback(self.callbacks[0]))
            elif number == 3:
                raise Plain(number)

        return callback

    async def wait(self, number: int) -> None:
        """Await one of the futures, and write down what came of it."""
        try:
            result = await self.futures[number]
        except BaseException as error:
            self.log.append((number, type(error).__name__, error.args))
            raise
        self.log.append((number, result))


class FutureMachine(RuleBasedStateMachine):
    """Each rule does the same to both libraries, and the outcomes must be equal."""

    def __init__(self) -> None:
        super().__init__()
        self.sides = [FutureSide(library) for library in LIBRARIES]

    def teardown(self) -> None:
        """Look at everything, so that nothing is reported, and close the loops."""
        for side in self.sides:
            settle(side.loop)
            for future in side.futures + side.tasks:
                future._log_traceback = False
            side.close()

    def both(self, do: Callable[[FutureSide], Any]) -> None:
        """Do something on both sides, and compare what comes out."""
        theirs, ours = (outcome(do, side) for side in self.sides)
        assert theirs == ours

    @rule(number=which, value=st.integers(0, 3))
    def set_result(self, number: int, value: int) -> None:
        self.both(lambda side: side.futures[number].set_result(value))

    @rule(number=which, make=st.sampled_from(EXCEPTIONS))
    def set_exception(self, number: int, make: Callable[[], Any]) -> None:
        self.both(lambda side: side.futures[number].set_exception(make()))

    @rule(number=which, message=messages)
    def cancel(self, number: int, message: Any) -> None:
        self.both(lambda side: side.futures[number].cancel(msg=message))

    @rule(number=which)
    def cancel_silently(self, number: int) -> None:
        self.both(lambda side: side.futures[number].cancel())

    @rule(number=which)
    def result(self, number: int) -> None:
        self.both(lambda side: side.futures[number].result())

    @rule(number=which)
    def exception(self, number: int) -> None:
        self.both(lambda side: side.futures[number].exception())

    @rule(number=which, callback=st.integers(0, 3))
    def add_callback(self, number: int, callback: int) -> None:
        self.both(lambda side: side.futures[number].add_done_callback(side.callbacks[callback]))

    @rule(number=which, callback=st.integers(0, 3))
    def remove_callback(self, number: int, callback: int) -> None:
        self.both(lambda side: side.futures[number].remove_done_callback(side.callbacks[callback]))

    @rule(number=which)
    def start_to_wait(self, number: int) -> None:
        for side in self.sides:
            side.tasks.append(side.loop.create_task(side.wait(number)))

    @rule(number=which, message=messages)
    def cancel_a_waiting_task(self, number: int, message: Any) -> None:
        self.both(lambda side: side.tasks[number].cancel(message))

    @rule(number=which)
    def await_by_hand(self, number: int) -> None:
        def step(side: FutureSide) -> Any:
            iterator = iter(side.futures[number])
            yielded = next(iterator)
            assert yielded is side.futures[number]
            shown = bool(yielded._asyncio_future_blocking)
            result = outcome(next, iterator)
            yielded._asyncio_future_blocking = False
            return shown, result

        self.both(step)

    @rule()
    def turn(self) -> None:
        for side in self.sides:
            turn(side.loop)

    @invariant()
    def logs_agree(self) -> None:
        assert self.sides[0].log == self.sides[1].log
        assert self.sides[0].reports == self.sides[1].reports

    @invariant()
    def states_agree(self) -> None:
        theirs, ours = (
            [
                (
                    future.done(),
                    future.cancelled(),
                    future._state,
                    future._log_traceback,
                    bool(future._asyncio_future_blocking),
                    text(future._exception),
                    future._cancel_message,
                    len(future._callbacks or ()),
                    [context is not None for _, context in future._callbacks or ()],
                )
                for future in side.futures
            ]
            for side in self.sides
        )
        assert theirs == ours

    @invariant()
    def reprs_agree(self) -> None:
        theirs, ours = ([text(future) for future in side.futures] for side in self.sides)
        assert theirs == ours


TestFuture = FutureMachine.TestCase

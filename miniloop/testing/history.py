"""Histories: who asked for what when, and whether one order of all that explains it.

A history is *linearizable* (Herlihy and Wing, 1990) when every call can be given one
moment between its beginning and its end, such that the answers are those of a model that
does one call after the other.  A call that never ended may have happened, or not.

    class Register(Model):
        value = 0
        def write(self, value): self.value = value
        def read(self): return self.value

    async def client(world):
        with world.history.call("write", 1) as call:
            call.returned(await write(1))
    ...
    world.history.check(Register)

The search is Wing and Gong's with Lowe's memory (2017): a set of calls that are done and
a state of the model, once found to lead nowhere, are not looked into again.

Read next: waiting.py
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from .failures import WorldError

__all__ = ["Call", "History", "Model", "NotLinearizable"]

#: A model as a pure function: ``step(state, operation, arguments) -> (state, answer)``.
Step = Callable[[Any, str, tuple[Any, ...]], tuple[Any, Any]]


class NotLinearizable(WorldError, AssertionError):
    """No order of the calls explains their answers."""


class Model:
    """What a system does when it does one call at a time.

    A subclass has a method for each operation, which changes ``self`` and returns the
    answer.  States are compared by their attributes.
    """


class Call:
    """One call: *operation* with *arguments* by *client*, begun and perhaps ended."""

    __slots__ = ("answer", "arguments", "begun", "client", "ended", "failed", "operation")

    def __init__(self, client: str, operation: str, arguments: tuple[Any, ...], begun: int) -> None:
        self.client = client
        self.operation = operation
        self.arguments = arguments
        self.begun = begun
        self.ended: int | None = None
        self.answer: Any = None
        self.failed = False

    def __repr__(self) -> str:
        words = f"{self.operation}({', '.join(map(repr, self.arguments))})"
        if self.client:
            words = f"{self.client}: {words}"
        if self.ended is None:
            return f"{words} never came back"
        return f"{words} -> {self.answer!r}"


class _Recording:
    """What a ``with history.call(...)`` block gives: say there what the answer was."""

    def __init__(self, history: History, call: Call) -> None:
        self._history = history
        self.call = call

    def returned(self, answer: Any) -> Any:
        """The call is over, and this is its answer; returns it."""
        self._history.returned(self.call, answer)
        return answer


class History:
    """The calls of one run, in the order in which they began and ended."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._moment = 0

    def invoked(self, operation: str, *arguments: Any, client: str = "") -> Call:
        """Record that a call begins; return it, for `returned`."""
        call = Call(client, operation, arguments, self._next_moment())
        self.calls.append(call)
        return call

    def returned(self, call: Call, answer: Any = None) -> None:
        """Record that *call* is over, and what it answered.

        RuntimeError when it was over before.
        """
        if call.ended is not None:
            raise RuntimeError(f"{call!r} is over already")
        call.ended = self._next_moment()
        call.answer = answer

    def never_happened(self, call: Call) -> None:
        """Record that *call* failed in such a way that it certainly had no effect."""
        call.failed = True

    @contextmanager
    def call(self, operation: str, *arguments: Any, client: str = "") -> Iterator[_Recording]:
        """Record a call around a block that says ``returned(answer)``.

        Without that, as when the block is left by an exception, it may have happened or not.
        """
        yield _Recording(self, self.invoked(operation, *arguments, client=client))

    def _next_moment(self) -> int:
        self._moment += 1
        return self._moment

    def order(self, model: type[Model] | Step, start: Any = None) -> list[Call] | None:
        """Return the calls in an order that explains their answers, or None if there is none.

        *model* is a subclass of `Model`, or a pure function with its first state *start*.
        """
        calls = [call for call in self.calls if not call.failed]
        if isinstance(model, type):
            return _Search(calls, _stepper(model)).order(model())
        return _Search(calls, model).order(start)

    def check(self, model: type[Model] | Step, start: Any = None) -> list[Call]:
        """Return the calls in an order that explains their answers; else raise NotLinearizable."""
        order = self.order(model, start)
        if order is None:
            lines = "\n".join(f"  {call!r}" for call in self.calls)
            raise NotLinearizable(f"no order of the calls explains their answers\n{lines}")
        return order


class _Search:
    """Looks for an order, depth first, remembering what leads nowhere."""

    def __init__(self, calls: list[Call], step: Step) -> None:
        self._calls = calls
        self._step = step
        self._hopeless: set[tuple[int, Hashable]] = set()
        self._all = sum(1 << number for number, call in enumerate(calls) if call.ended is not None)

    def order(self, state: Any) -> list[Call] | None:
        """Return an order of the calls from *state*, or None."""
        path: list[tuple[int, Any, Iterator[int]]] = [(0, state, self._next(0))]
        taken: list[Call] = []
        while path:
            done, state, candidates = path[-1]
            if done & self._all == self._all:
                return taken
            for number in candidates:
                call = self._calls[number]
                after, answer = self._step(state, call.operation, call.arguments)
                if call.ended is not None and answer != call.answer:
                    continue
                key = (done | 1 << number, _frozen(after))
                if key in self._hopeless:
                    continue
                self._hopeless.add(key)
                path.append((key[0], after, self._next(key[0])))
                taken.append(call)
                break
            else:
                path.pop()
                if taken:
                    taken.pop()
        return None

    def _next(self, done: int) -> Iterator[int]:
        """Yield the calls that may come next: begun before any other of the rest has ended."""
        rest = [n for n in range(len(self._calls)) if not done >> n & 1]
        ends = [call.ended for n in rest if (call := self._calls[n]).ended is not None]
        first_end = min(ends, default=None)
        for number in rest:
            if first_end is None or self._calls[number].begun < first_end:
                yield number


def _stepper(model: type[Model]) -> Step:
    def step(state: Model, operation: str, arguments: tuple[Any, ...]) -> tuple[Model, Any]:
        after = copy.deepcopy(state)
        return after, getattr(after, operation)(*arguments)

    return step


def _frozen(state: Any) -> Hashable:
    """Return something hashable that is equal for equal states."""
    if isinstance(state, Model):
        return (type(state).__name__, _frozen(vars(state)))
    if isinstance(state, dict):
        return ("dict", frozenset((_frozen(k), _frozen(v)) for k, v in state.items()))
    if isinstance(state, (list, tuple)):
        return (type(state).__name__, *map(_frozen, state))
    if isinstance(state, (set, frozenset)):
        return ("set", frozenset(map(_frozen, state)))
    try:
        hash(state)
    except TypeError:
        return repr(state)
    return state  # type: ignore[no-any-return]

"""Barrier: tasks that wait until all of them have come.

`Barrier`, one Condition that is notified at every change of state.

States
    filling   -- last party arrives -----------> draining
              -- reset while parties wait -----> resetting
              -- abort ------------------------> broken
    draining  -- last party leaves ------------> filling
              -- reset while parties leave ----> resetting
              -- abort ------------------------> broken
    resetting -- last party leaves ------------> filling
              -- abort ------------------------> broken
    broken    -- reset when nobody is inside --> filling
              -- reset while parties leave ----> resetting

Invariants
    Nobody comes in while the previous round is still leaving.
    Whoever waits inside when the barrier is reset or aborted gets
    BrokenBarrierError, and counts as inside until it has left.

Where it differs from asyncio
    The states are a table, not an enumeration spread over the methods.

Read next: queues.py
"""

from __future__ import annotations

from ..interface import AbstractEventLoop, BrokenBarrierError
from .locks import Condition, describe
from .mixins import LoopBound

__all__ = ["TRANSITIONS", "Barrier"]

_FILLING, _DRAINING, _RESETTING, _BROKEN = "filling", "draining", "resetting", "broken"

TRANSITIONS = (
    (_FILLING, "last party arrives", _DRAINING),
    (_FILLING, "reset while parties wait", _RESETTING),
    (_FILLING, "abort", _BROKEN),
    (_DRAINING, "last party leaves", _FILLING),
    (_DRAINING, "reset while parties leave", _RESETTING),
    (_DRAINING, "abort", _BROKEN),
    (_RESETTING, "last party leaves", _FILLING),
    (_RESETTING, "abort", _BROKEN),
    (_BROKEN, "reset when nobody is inside", _FILLING),
    (_BROKEN, "reset while parties leave", _RESETTING),
)


class Barrier(LoopBound):
    """A point at which *parties* tasks meet: all wait there until the last has come.

    Raises ValueError when *parties* is less than one.
    """

    def __init__(self, parties: int, *, loop: AbstractEventLoop | None = None) -> None:
        if parties < 1:
            raise ValueError("parties must be > 0")
        self._loop = loop
        self._cond = Condition(loop=loop)  # notified at every change of state
        self._state = _FILLING
        self._count = 0  # tasks inside: arrived and not yet gone
        self._parties = parties

    def __repr__(self) -> str:
        state = self._state
        if state != _BROKEN:
            state += f", waiters:{self.n_waiting}/{self._parties}"
        return describe(self, state, None)

    async def __aenter__(self) -> int:
        return await self.wait()

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    async def wait(self) -> int:
        """Wait until *parties* tasks wait, and return a number from 0 to parties - 1.

        The number is the order of arrival.  Raises BrokenBarrierError when the
        barrier is aborted, or reset while we wait.
        """
        condition = self._cond
        async with condition:
            await condition.wait_for(lambda: self._state not in (_DRAINING, _RESETTING))
            if self._state == _BROKEN:
                raise BrokenBarrierError("Barrier aborted")
            index = self._count
            self._count += 1
            try:
                if index + 1 == self._parties:
                    self._state = _DRAINING
                    condition.notify_all()
                else:
                    await condition.wait_for(lambda: self._state != _FILLING)
                    if self._state in (_BROKEN, _RESETTING):
                        raise BrokenBarrierError("Abort or reset of barrier")
                return index
            finally:
                self._count -= 1
                self._let_in_when_empty()

    def _let_in_when_empty(self) -> None:
        # The last to leave opens the barrier for those who wait to come in.
        if self._count == 0:
            if self._state in (_RESETTING, _DRAINING):
                self._state = _FILLING
            self._cond.notify_all()

    async def reset(self) -> None:
        """Make the barrier new; tasks that wait in it get BrokenBarrierError."""
        async with self._cond:
            self._state = _RESETTING if self._count else _FILLING
            self._cond.notify_all()

    async def abort(self) -> None:
        """Break the barrier: tasks that wait in it, or come, get BrokenBarrierError."""
        async with self._cond:
            self._state = _BROKEN
            self._cond.notify_all()

    @property
    def parties(self) -> int:
        """The number of tasks that have to meet."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """The number of tasks that wait for the others."""
        return self._count if self._state == _FILLING else 0

    @property
    def broken(self) -> bool:
        """Whether the barrier has been aborted."""
        return self._state == _BROKEN

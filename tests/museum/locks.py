"""Locks and semaphores that forget to wake the next in line.

What they have in common: a waiter is *chosen*, its future has a result, and before its
task runs again the task is cancelled.  Whoever was chosen and does not come has to pass
the turn on.

Read next: conditions.py
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from miniloop.testing import World

from .exhibit import Exhibit

__all__ = ["EXHIBITS", "Lock", "Semaphore"]


class Lock:
    """First come, first served; a chosen waiter that is cancelled wakes the next one."""

    def __init__(self) -> None:
        self.held = False
        self.waiters: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        if not self.held and not self.waiters:
            self.held = True
            return
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            self.waiters.remove(waiter)
            self.gave_up()
            raise
        self.waiters.remove(waiter)
        self.held = True

    def gave_up(self) -> None:
        """A waiter has left without the lock."""
        if not self.held:
            self.wake()

    def wake(self) -> None:
        """Choose the first in line, who leaves the line when it runs."""
        if self.waiters and not self.waiters[0].done():
            self.waiters[0].set_result(None)

    def release(self) -> None:
        self.held = False
        self.wake()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *exc_info: object) -> None:
        self.release()


class ForgetfulLock(Lock):
    """A chosen waiter that is cancelled just goes."""

    def gave_up(self) -> None:
        pass


class Semaphore:
    """A unit is handed over with the wake-up; who is cancelled hands it back."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.waiters: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        if self.units and not self.waiters:
            self.units -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self.waiters:
                self.waiters.remove(waiter)
            else:
                self.release()
            raise

    def release(self) -> None:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.units += 1


class ForgetfulSemaphore(Semaphore):
    """A release makes the unit free and wakes one waiter, who takes it, or does not come."""

    async def acquire(self) -> None:
        if self.units and not self.waiters:
            self.units -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        try:
            await waiter
            self.units -= 1
        finally:
            self.waiters.remove(waiter)

    def release(self) -> None:
        self.units += 1
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
                return


class FlaggedSemaphore(Semaphore):
    """While a chosen waiter is on its way nobody else gets in; a flag says so.

    A chosen waiter that is cancelled leaves the flag up if there is nobody to wake.
    """

    def __init__(self, units: int) -> None:
        super().__init__(units)
        self.waking = False

    async def acquire(self) -> None:
        while self.waking or not self.units:
            waiter = asyncio.get_running_loop().create_future()
            self.waiters.append(waiter)
            try:
                await waiter
                self.waking = False
            except asyncio.CancelledError:
                self.wake()
                raise
        self.units -= 1

    def wake(self) -> None:
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self.waking = True
                return

    def release(self) -> None:
        self.units += 1
        self.wake()


async def take_turns(world: World, lock: Any, number: int) -> None:
    """Several take turns, two are cancelled; the others get their turn, and so do we."""

    async def work() -> None:
        await lock.acquire()
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            lock.release()

    workers = [asyncio.create_task(work()) for _ in range(number)]
    for worker in workers[1:3]:
        world.sometime(worker.cancel)
    await asyncio.wait(workers)
    await lock.acquire()
    lock.release()


async def lock_wakes_nobody(world: World) -> None:
    await take_turns(world, ForgetfulLock(), 4)


async def lock_wakes_the_next(world: World) -> None:
    await take_turns(world, Lock(), 4)


async def semaphore_wakes_nobody(world: World) -> None:
    await take_turns(world, ForgetfulSemaphore(1), 4)


async def semaphore_hands_back(world: World) -> None:
    await take_turns(world, Semaphore(1), 4)


async def flag_stays_up(world: World) -> None:
    await take_turns(world, FlaggedSemaphore(1), 3)


async def no_flag(world: World) -> None:
    await take_turns(world, Semaphore(1), 3)


EXHIBITS = (
    Exhibit(
        "asyncio.Lock up to 3.6",
        "bpo-27585",
        "a waiter is chosen and cancelled before it takes the lock; it wakes nobody",
        lock_wakes_nobody,
        lock_wakes_the_next,
        1,
        "deadlock",
    ),
    Exhibit(
        "asyncio.Semaphore of 3.4.3",
        "asyncio #270",
        "a release wakes one waiter; it is cancelled, and the free unit is offered to nobody",
        semaphore_wakes_nobody,
        semaphore_hands_back,
        1,
        "deadlock",
    ),
    Exhibit(
        "asyncio.Semaphore of 3.10.4",
        "gh-90155",
        "a flag keeps everybody out while a chosen waiter is on its way; cancelled, it stays up",
        flag_stays_up,
        no_flag,
        1,
        "deadlock",
    ),
)

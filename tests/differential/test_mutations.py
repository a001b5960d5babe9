"""The comparison finds mistakes: each of these, made in our loop, shows within a few programs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest

import miniloop
from miniloop.sync import combinators, queues, taskgroups

from . import virtual
from .cells import CELLS, difference
from .grammar import from_seed
from .versions import IN_NAMES, IN_TASKS, left_out

#: Within how many programs a mistake has to show.
ENOUGH = 600

Patch = pytest.MonkeyPatch
MISTAKES: dict[str, Callable[[Patch], None]] = {}


def mistake(make: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Add a way to get something wrong."""
    MISTAKES[make.__name__] = make
    return make


def mistake_since(*version: int) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Like `mistake`, where older asyncio makes it itself or cannot be compared at all."""
    return mistake if sys.version_info >= version else lambda make: make


def after(patch: Patch, owner: Any, name: str, spoil: Callable[..., Any]) -> None:
    """Have ``spoil(result, *arguments)`` run after the method *name*, and return in its place."""
    method = getattr(owner, name)

    def spoiled(*arguments: Any, **named: Any) -> Any:
        return spoil(method(*arguments, **named), *arguments)

    patch.setattr(owner, name, spoiled)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_shows(name: str, monkeypatch: Patch) -> None:
    without = left_out(IN_NAMES, IN_TASKS)
    cells = (CELLS[0], CELLS[-1])
    MISTAKES[name](monkeypatch)
    assert any(difference(from_seed(seed, without), cells) for seed in range(ENOUGH))


# -- the loop and its timers -----------------------------------------------------------------------


@mistake
def the_newest_entry_runs_first(patch: Patch) -> None:
    def loop(selector: virtual.VirtualSelector) -> Any:
        return miniloop.EventLoop(
            selector=selector, clock=selector.time, chooser=lambda entries: len(entries) - 1
        )

    patch.setitem(virtual.LOOPS, "miniloop", loop)


@mistake
def what_a_result_wakes_runs_first(patch: Patch) -> None:
    original = miniloop.Future.set_result

    def set_result(self: Any, result: Any) -> None:
        ready = self._loop.ready
        before = len(ready)
        original(self, result)
        ready.rotate(len(ready) - before)

    patch.setattr(miniloop.Future, "set_result", set_result)


@mistake
def timers_of_one_moment_change_places(patch: Patch) -> None:
    patch.setattr(miniloop.TimerHandle, "__lt__", lambda one, other: one._when <= other._when)


@mistake
def a_cancelled_handle_runs(patch: Patch) -> None:
    patch.setattr(miniloop.Handle, "cancel", lambda self: None)


@mistake
def a_callback_has_an_empty_context(patch: Patch) -> None:
    original = miniloop.EventLoop.call_soon

    def call_soon(self: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        return original(self, callback, *args, context=context or Context())

    patch.setattr(miniloop.EventLoop, "call_soon", call_soon)


@mistake
def what_callbacks_raise_is_not_reported(patch: Patch) -> None:
    patch.setattr(miniloop.Handle, "_report", lambda self, error: None)


@mistake
def no_time_is_always_a_turn(patch: Patch) -> None:
    original = miniloop.sleep

    async def sleep(delay: float, result: Any = None) -> Any:
        return await original(delay, result) if delay > 0 else result

    patch.setattr(miniloop, "sleep", sleep)


@mistake
def a_timer_is_a_turn_late(patch: Patch) -> None:
    original = miniloop.EventLoop.call_at

    def call_later(self: Any, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return original(self, self.time() + delay, self.call_soon, callback, *args, context=context)

    patch.setattr(miniloop.EventLoop, "call_later", call_later)


# -- futures and tasks -----------------------------------------------------------------------------


@mistake
def a_cancellation_before_the_next_step_is_lost(patch: Patch) -> None:
    def forget(asked: bool, task: Any, *_: Any) -> bool:
        task._must_cancel = False
        return asked

    after(patch, miniloop.Task, "cancel", forget)


@mistake
def a_cancellation_has_no_message(patch: Patch) -> None:
    original = miniloop.Task.cancel
    patch.setattr(miniloop.Task, "cancel", lambda self, msg=None: original(self))


@mistake
def cancellations_are_not_counted(patch: Patch) -> None:
    def forget(asked: bool, task: Any, *_: Any) -> bool:
        task._num_cancels_requested = min(task._num_cancels_requested, 1)
        return asked

    after(patch, miniloop.Task, "cancel", forget)


@mistake_since(3, 13)
def what_is_taken_back_is_thrown(patch: Patch) -> None:
    original = miniloop.Task.uncancel

    def uncancel(self: Any) -> int:
        must = self._must_cancel
        left = original(self)
        self._must_cancel = must
        return left

    patch.setattr(miniloop.Task, "uncancel", uncancel)


@mistake
def a_lost_exception_is_not_reported(patch: Patch) -> None:
    original = miniloop.EventLoop.call_exception_handler

    def handle(self: Any, context: dict[str, Any]) -> None:
        if "never retrieved" not in context["message"]:
            original(self, context)

    patch.setattr(miniloop.EventLoop, "call_exception_handler", handle)


@mistake
def a_removed_callback_stays(patch: Patch) -> None:
    patch.setattr(miniloop.Future, "remove_done_callback", lambda self, fn: 0)


@mistake
def a_name_is_not_kept(patch: Patch) -> None:
    patch.setattr(miniloop.Task, "set_name", lambda self, value: None)


@mistake
def a_running_task_is_not_listed(patch: Patch) -> None:
    after(patch, miniloop, "all_tasks", lambda tasks, loop: tasks - {asyncio.current_task(loop)})


# -- what tasks wait with --------------------------------------------------------------------------


@mistake
def an_event_wakes_one_task(patch: Patch) -> None:
    def set_(self: Any) -> None:
        self._value = True
        for waiter in list(self._waiters)[:1]:
            if not waiter.done():
                waiter.set_result(True)

    patch.setattr(miniloop.Event, "set", set_)


@mistake
def whoever_comes_passes_a_free_lock(patch: Patch) -> None:
    original = miniloop.Lock.acquire

    async def acquire(self: Any) -> Any:
        if not self._locked:
            self._locked = True
            return True
        return await original(self)

    patch.setattr(miniloop.Lock, "acquire", acquire)


@mistake_since(3, 13)
def a_semaphore_takes_no_notice_of_who_waits(patch: Patch) -> None:
    def release(self: Any) -> None:
        self._value += 1

    patch.setattr(miniloop.Semaphore, "release", release)


@mistake_since(3, 13)
def one_waiter_too_many_is_notified(patch: Patch) -> None:
    original = miniloop.Condition.notify
    patch.setattr(miniloop.Condition, "notify", lambda self, n=1: original(self, n + 1))


@mistake_since(3, 13)
def a_broken_barrier_lets_pass(patch: Patch) -> None:
    async def abort(self: Any) -> None:
        await self.reset()

    patch.setattr(miniloop.Barrier, "abort", abort)


@mistake
def who_waited_last_gets_first(patch: Patch) -> None:
    def wake(line: Any) -> None:
        while line:
            waiter = line.pop()
            if not waiter.done():
                waiter.set_result(None)
                break

    patch.setattr(queues, "_wake_next", wake)


@mistake
def items_have_no_priority(patch: Patch) -> None:
    patch.setattr(miniloop, "PriorityQueue", miniloop.Queue)


@mistake
def unfinished_items_are_forgotten(patch: Patch) -> None:
    async def join(self: Any) -> None:
        return

    patch.setattr(miniloop.Queue, "join", join)


@mistake
def a_timeout_in_the_past_is_a_timer(patch: Patch) -> None:
    def arm(self: Any, loop: Any, when: float) -> None:
        self._timeout_handler = loop.call_at(when + 0.05, self._on_timeout)

    patch.setattr(miniloop.Timeout, "_arm", arm)


@mistake
def a_timeout_takes_every_cancellation(patch: Patch) -> None:
    original = miniloop.Task.uncancel

    def uncancel(self: Any) -> int:
        original(self)
        return 0

    patch.setattr(miniloop.Task, "uncancel", uncancel)


@mistake
def a_shield_does_not_hold(patch: Patch) -> None:
    patch.setattr(miniloop, "shield", miniloop.ensure_future)


@mistake
def a_first_exception_is_not_enough(patch: Patch) -> None:
    original = miniloop.wait

    async def wait(fs: Any, *, timeout: Any = None, return_when: str) -> Any:
        if return_when == miniloop.FIRST_EXCEPTION:
            return_when = miniloop.ALL_COMPLETED
        return await original(fs, timeout=timeout, return_when=return_when)

    patch.setattr(miniloop, "wait", wait)


@mistake
def a_cancelled_gather_leaves_its_children(patch: Patch) -> None:
    patch.setattr(combinators._GatheringFuture, "cancel", miniloop.Future.cancel)


@mistake
def as_completed_goes_in_the_order_given(patch: Patch) -> None:
    async def nothing_else(each: Any) -> Any:
        return await each

    def as_completed(fs: Any, *, timeout: Any = None) -> Any:
        return map(nothing_else, fs)

    patch.setattr(miniloop, "as_completed", as_completed)


@mistake_since(3, 13)
def a_failed_group_waits_for_the_others(patch: Patch) -> None:
    patch.setattr(taskgroups.TaskGroup, "_abort", lambda self: None)


@mistake_since(3, 12)
def eager_tasks_take_their_time(patch: Patch) -> None:
    patch.setattr(miniloop, "eager_task_factory", None)


@mistake
def unfinished_generators_are_left_alone(patch: Patch) -> None:
    def forget(self: Any) -> None:
        sys.set_asyncgen_hooks(finalizer=None)

    after(patch, miniloop.EventLoop, "_enter", lambda _, self: forget(self))

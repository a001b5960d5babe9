"""Guest mode: a miniloop loop that is driven by somebody else's loop.

A GUI toolkit has a loop of its own and will not give it up.  In guest mode that
*host* stays in charge: it calls one iteration of ours at a time, and while ours
has nothing to do, a thread waits in the selector for it and then asks the host
to call again.

States
    turn    -- nothing to wait for ----> turn
            -- something to wait for --> waiting
            -- main has ended ---------> ended
    waiting -- events, or woken -------> turn

Invariants
    Callbacks and tasks run in the host's thread only; the other thread does
    nothing but wait.
    The running-loop slot is the guest's during a turn and the host's in between,
    so both loops may be asked for by the usual names.
    What the host's own code gives the guest between two turns (by setting an
    event, or by ``call_later``) wakes the waiting thread.

Where it differs from asyncio
    asyncio has nothing like it; the idea and the argument names are trio's.

Read next: graph.py
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from ..interface import _get_running_loop, _set_running_loop
from ..support.current import new_event_loop
from .combinators import gather
from .tasks import all_tasks

__all__ = ["TRANSITIONS", "start_guest_run"]

TRANSITIONS = (
    ("turn", "nothing to wait for", "turn"),
    ("turn", "something to wait for", "waiting"),
    ("turn", "main has ended", "ended"),
    ("waiting", "events, or woken", "turn"),
)


def start_guest_run(
    main: Coroutine[Any, Any, Any],
    *,
    run_sync_soon_threadsafe: Callable[[Callable[[], object]], object],
    done_callback: Callable[[Any], object],
    run_sync_soon_not_threadsafe: Callable[[Callable[[], object]], object] | None = None,
    loop_factory: Callable[[], Any] | None = None,
) -> Any:
    """Begin to run the coroutine *main* on a loop of ours that the caller's loop drives.

    *run_sync_soon_threadsafe* must make the host call a function soon, from any
    thread (``loop.call_soon_threadsafe`` of an asyncio loop);
    *run_sync_soon_not_threadsafe* may be a cheaper way for the host's own thread.
    *done_callback* is called by the host with the finished task when *main* has
    ended, the tasks it left were cancelled, and the loop is closed.
    *loop_factory* makes the loop (default: `new_event_loop`).

    Returns the guest's loop at once; call ``loop.call_soon_threadsafe`` to get
    into it.  To stop, cancel main from inside.  Raises TypeError when the loop
    is of another make.
    """
    loop: Any = (loop_factory or new_event_loop)()
    if not hasattr(loop, "iterations"):
        loop.close()
        main.close()
        raise TypeError(f"a guest run needs a miniloop EventLoop, not {type(loop).__name__}")
    guest = _Guest(
        loop,
        run_sync_soon_threadsafe,
        run_sync_soon_not_threadsafe or run_sync_soon_threadsafe,
        done_callback,
    )
    guest.start(main)
    return guest.loop


class _WakingQueue(deque[Any]):
    """A ready queue that wakes whoever waits for the guest when something is put into it.

    It takes the place of *queue*, and tells that one's observer, if it had one.
    """

    def __init__(self, queue: deque[Any], wake: Callable[[], object]) -> None:
        super().__init__(queue)
        self._tell = getattr(queue, "_tell", None)
        self._wake = wake

    def append(self, entry: Any, /) -> None:
        super().append(entry)
        if self._tell is not None:
            self._tell("entry_added", entry)
        self._wake()

    def extend(self, entries: Iterable[Any], /) -> None:
        for entry in entries:
            self.append(entry)


class _Guest:
    """One guest run: the loop, the generator that is its body, and the thread that waits."""

    def __init__(
        self,
        loop: Any,
        soon_threadsafe: Callable[[Callable[[], object]], object],
        soon: Callable[[Callable[[], object]], object],
        done: Callable[[Any], object],
    ) -> None:
        self.loop = loop
        self._soon_threadsafe = soon_threadsafe
        self._soon = soon
        self._done = done
        self._waiting = False
        self._timeouts: queue.SimpleQueue[tuple[bool, float | None]] = queue.SimpleQueue()
        loop.ready = _WakingQueue(loop.ready, self._wake)
        add_timer = loop._timer

        def add_timer_and_wake(*args: Any) -> Any:
            timer = add_timer(*args)
            self._wake()  # it may be due before what is waited for
            return timer

        loop._timer = add_timer_and_wake
        self._body = loop.iterations()
        self._thread = threading.Thread(target=self._wait_for_events, daemon=True)

    def start(self, main: Coroutine[Any, Any, Any]) -> None:
        self._task = self.loop.create_task(self._whole(main))
        self._task.add_done_callback(lambda _: self.loop.stop())
        self._thread.start()
        self._soon(lambda: self._turn(None))

    async def _whole(self, main: Coroutine[Any, Any, Any]) -> Any:
        """Run *main* and then clean up as a Runner does, while the loop still runs."""
        try:
            return await main
        finally:
            left = all_tasks(self.loop) - {self._task}
            for task in left:
                task.cancel()
            await gather(*left, return_exceptions=True)
            await self.loop.shutdown_asyncgens()
            await self.loop.shutdown_default_executor()

    def _turn(self, events: Any) -> None:
        """Run one iteration in the host's thread, then see to it that the next one comes."""
        self._waiting = False
        host = _get_running_loop()
        _set_running_loop(None)
        self.loop._enter()
        ended = False
        try:
            timeout = self._body.send(events)
        except StopIteration:
            ended = True
        except BaseException:
            # It is for the host to deal with (Ctrl-C, most often); the guest goes on.
            self._body = self.loop.iterations()
            self._soon(lambda: self._turn(None))
            raise
        finally:
            self.loop._leave()
            _set_running_loop(host)
        if ended:
            self._finish()
        elif timeout == 0:
            arrived = self.loop._selector.select(0)
            self._soon(lambda: self._turn(arrived))
        else:
            self._waiting = True
            self._timeouts.put((True, timeout))

    def _wake(self) -> None:
        if self._waiting:
            self._waiting = False
            self.loop._write_to_self()

    def _wait_for_events(self) -> None:
        """Wait in the selector whenever told to: the whole life of the other thread."""
        while True:
            go_on, timeout = self._timeouts.get()
            if not go_on:
                return
            events = self.loop._selector.select(timeout)
            self._soon_threadsafe(lambda events=events: self._turn(events))  # type: ignore[misc]

    def _finish(self) -> None:
        self._timeouts.put((False, None))
        self.loop.close()
        self._done(self._task)

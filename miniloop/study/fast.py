"""The short way of a recorder: what it does at every step of a task, in as little time as it can.

A step that does nothing but give up its turn is most of what a busy loop does.  Here it
costs two numbers in the log, when it ended and at which instruction: when the next entry is
taken, the task that ran is the last in the queue.  Whose step it was is known from the order.
The queue is a plain one; what else was put into it is found the same way, by its length.
Whatever is less simple goes the recorder's ordinary way.

Read next: awaited.py
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from ..support.watch import Telling, Watch
from ..sync.observed import ObservedTask

__all__ = ["RecorderWatch"]


class RecorderWatch(Watch):
    """Takes the entries, and hands the recorder a plain step in one piece."""

    def __init__(self, loop: Any, chooser: Any, tell: Telling) -> None:
        super().__init__(loop, chooser, tell)
        self._recorder = loop._observer
        self._taking: Any = None
        self._queue: deque[Any] | None = None

    def select(self, timeout: float | None) -> None:
        """The loop will wait for *timeout* seconds."""
        recorder = self._recorder
        if timeout == 0 and self._plain() and not self._loop._stopping:
            recorder.check_limit()
            recorder.poll = recorder.clock()
        else:
            super().select(timeout)

    def _plain(self) -> bool:
        """Return whether the short way may be taken."""
        return not (
            self._chooser is not None
            or self._loop._debug
            or self._recorder.full
            or self._recorder.gate is not None
            or not self._tell._methods
        )

    def run(self, count: int) -> Callable[[], Any]:
        """Begin a run phase of *count* entries; return what to take them with."""
        recorder, queue = self._recorder, self._loop.ready
        self.finish()
        if recorder.polled or len(queue) != recorder.seen or not self._plain():
            self._tell("before_run", count)
        elif recorder.poll is not None:
            recorder.log.append((recorder.poll, count))
            recorder.n += 4
            recorder.poll = None
        else:
            recorder.log.append((recorder.clock(), -count))
            recorder.n += 2
        if not self._plain():
            self._left = count
            return self._take
        if queue is not self._queue or self._taking.gi_frame is None:
            self._queue = queue
            self._taking = self._take_each(queue)
        return self._taking.__next__  # type: ignore[no-any-return]

    def finish(self) -> None:
        """What was taken last has run."""
        recorder = self._recorder
        if recorder.clock is not None:
            recorder.ended = recorder.clock()
        if self.entry is not None:  # it was not taken the short way
            super().finish()
        elif recorder.entry is not None:
            self._tell("after_entry", recorder.entry, 0.0)

    def _take_each(self, queue: deque[Any]) -> Iterator[Any]:
        """Yield the entries as they come, and tell of each."""
        recorder, tell, popleft = self._recorder, self._tell, queue.popleft
        append, clock = recorder.log.append, recorder.clock
        entry: Any = None
        n = 0
        plain = False  # whether it is a task of the kind whose turns are told in short
        while True:
            now = clock()
            if plain and recorder.pending and queue and queue[-1] is entry:
                append(now)
                try:
                    append(entry._coro.cr_frame.f_lasti)
                except AttributeError:  # it is a generator
                    append(-1)
                entry._added = n + 2
                n += 4
            else:
                if entry is not None:
                    recorder.ended = now
                    tell("after_entry", entry, 0.0)
                    now = clock()
                n = recorder.n + 1
            entry = popleft()
            recorder.seen = len(queue)
            if type(entry) is ObservedTask and (number := entry._added) > 0 and not entry._throws:  # type: ignore[attr-defined]
                recorder.n = recorder.run_n = n
                recorder.entry_n = number
                recorder.began = now
                recorder.entry = recorder.task = entry
                recorder.pending = plain = True
            else:
                recorder.n = n - 1
                tell("before_entry", entry)
                n = recorder.run_n
                plain = type(entry) is ObservedTask
            yield entry
            entry = recorder.entry  # None if the run phase has ended since
            plain = plain and entry is not None

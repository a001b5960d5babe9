"""The supervisor: keeps so many workers alive, replaces the dead, ends them all.

It runs no loop and imports nothing of the application: it waits for a signal, a pipe or a
moment, and then looks at everything there is to look at.  What it can see decides, never
what it remembers having been told, so that no event can be missed.

    SIGINT, SIGTERM  ask every worker to end; again: at once
    SIGHUP           start a new worker beside each, and end the old one when it is ready
    a changed file   as SIGHUP, if somebody watches
    a dead worker    another in its place, later and later if it dies early again and again

A new worker that dies before it was ready never costs the old one its place: with a mistake
in a file the former code goes on serving.  Where no worker has ever been ready and one
dies, the supervisor gives up, unless files are watched: then it waits for a change.

Workers that share a port have a queue of new connections each (SO_REUSEPORT).  What a worker
has not accepted when it stops listening is reset by the kernel; workers that share one
socket, inherited by ``--fd``, have one queue, and lose nothing.

Read next: ../../client/client.py
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .workers import Worker

__all__ = ["Plan", "Supervisor"]

#: A worker that lived for so many seconds has not died early.
EARLY = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 30.0


@dataclass(frozen=True)
class Plan:
    """What is to be kept alive.

    Args:
        command: what a worker runs.
        count: how many of them.
        sockets: descriptors that each inherits.
        drain: seconds that a worker may take to end; it is killed a little later.
        changes: called every *interval* seconds, says which files have changed; None: none do.
        interval: seconds.
        say: where a sentence for the user goes.
    """

    command: Sequence[str]
    count: int = 1
    sockets: Sequence[int] = ()
    drain: float = 30.0
    changes: Callable[[], Sequence[Path]] | None = None
    interval: float = 0.5
    say: Callable[[str], object] = print


@dataclass
class _Place:
    """Where one worker belongs: who serves, who is to take over, and when to start another."""

    number: int
    serving: Worker | None = None
    coming: Worker | None = None
    due: float = 0.0
    pause: float = FIRST_PAUSE
    hold: bool = False  # the code is broken: wait for a change
    leaving: list[Worker] = field(default_factory=list)

    def workers(self) -> list[Worker]:
        """Return all of its workers that are not known to have ended."""
        return [one for one in (self.serving, self.coming, *self.leaving) if one is not None]


class Supervisor:
    """Runs *plan* until it is told to end; `run` may be called once, in the main thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._places = [_Place(number) for number in range(plan.count)]
        self._signals: list[int] = []
        self._stops = 0
        self._proven = False  # a worker was ready once
        self._status = 0
        self._look_at_files = 0.0

    def run(self) -> int:
        """Supervise; return the exit status: 0, or 1 when workers cannot be started."""
        with self._awake_on_signals() as wake:
            try:
                while not self._stops or any(place.workers() for place in self._places):
                    self._once()
                    self._wait(wake)
                    self._obey()
            except BaseException:
                for place in self._places:
                    for worker in place.workers():
                        worker.ask_to_end(0.0)
                        worker.kill_if_late()
                raise
        return self._status

    def _once(self) -> None:
        """Look at every worker and file, and do what follows."""
        for place in self._places:
            self._look(place)
        if self._stops:
            return
        now = time.monotonic()
        if self._plan.changes is not None and now >= self._look_at_files:
            self._look_at_files = now + self._plan.interval
            if changed := self._plan.changes():
                names = ", ".join(str(path) for path in changed[:3])
                more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
                self._plan.say(f"{names}{more} changed: workers are replaced")
                self._replace_all()
        for place in self._places:
            vacant = place.serving is None and place.coming is None and not place.hold
            if vacant and now >= place.due:
                self._start(place)

    def _start(self, place: _Place) -> None:
        try:
            place.coming = Worker(place.number, self._plan.command, self._plan.sockets)
        except OSError as error:  # as EAGAIN: this may be over soon
            self._plan.say(f"a worker cannot be started: {error}")
            place.due = time.monotonic() + place.pause
            place.pause = min(place.pause * 2, LONGEST_PAUSE)

    def _replace_all(self) -> None:
        for place in self._places:
            if place.coming is not None:  # it has read the files before they changed
                self._end(place, place.coming)
            place.hold, place.pause = False, FIRST_PAUSE
            self._start(place)

    def _end(self, place: _Place, worker: Worker) -> None:
        worker.ask_to_end(self._plan.drain + 5.0)
        place.leaving.append(worker)
        if place.coming is worker:
            place.coming = None
        if place.serving is worker:
            place.serving = None

    # -- one place -------------------------------------------------------------

    def _look(self, place: _Place) -> None:
        for worker in place.workers():
            if worker.kill_if_late():
                self._plan.say(f"worker {worker.pid} did not end in time and is killed")
        place.leaving = [worker for worker in place.leaving if worker.look() != "ended"]
        if place.coming is not None:
            self._look_at_coming(place, place.coming)
        if place.serving is not None and place.serving.look() == "ended":
            worker, place.serving = place.serving, None
            if time.monotonic() - worker.born > EARLY:
                place.pause = FIRST_PAUSE
            self._replace_dead(place, worker)

    def _look_at_coming(self, place: _Place, worker: Worker) -> None:
        state = worker.look()
        if state == "ready":
            place.coming, former = None, place.serving
            if former is not None:
                self._end(place, former)
            place.serving = worker
            self._proven = True
        elif state == "ended":
            place.coming = None
            self._proven |= worker.was_ready
            if self._stops:
                return
            if place.serving is not None:
                self._plan.say(f"the new worker {worker.why_ended()}: the former one stays")
            elif self._plan.changes is not None and not worker.was_ready:
                self._plan.say(f"worker {worker.pid} {worker.why_ended()}: waiting for a change")
                place.hold = True
            elif self._proven:
                self._replace_dead(place, worker)
            else:
                self._plan.say(f"worker {worker.pid} {worker.why_ended()} before it served")
                self._status = 1
                self._stop()

    def _replace_dead(self, place: _Place, worker: Worker) -> None:
        if self._stops:
            return
        place.due = time.monotonic() + place.pause
        place.pause = min(place.pause * 2, LONGEST_PAUSE)
        self._plan.say(f"worker {worker.pid} {worker.why_ended()}: another one is started")

    # -- signals ---------------------------------------------------------------

    def _stop(self) -> None:
        """Ask all to end; the second time they are killed unless they do so at once.

        Who has been asked already, because it was replaced, is not asked again by the first:
        to a worker that would be the second time, and cut off what it still answers.
        """
        self._stops += 1
        for place in self._places:
            for worker in place.workers():
                if self._stops == 1 and worker.state == "stopping":
                    continue
                worker.ask_to_end(self._plan.drain + 5.0 if self._stops == 1 else 2.0)

    def _obey(self) -> None:
        """Do what signals say, knowing who is ready by now."""
        for place in self._places:
            self._look(place)
        while self._signals:
            number = self._signals.pop(0)
            if number == signal.SIGHUP:
                if not self._stops:
                    self._replace_all()
            elif number in (signal.SIGINT, signal.SIGTERM):
                self._stop()

    @contextlib.contextmanager
    def _awake_on_signals(self) -> Iterator[int]:
        """Give the descriptor that is readable after a signal; restore everything at the end."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        former_fd = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
        former = {
            number: signal.signal(number, lambda number, _frame: self._signals.append(number))
            for number in watched
        }
        try:
            yield reading
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(former_fd)
            os.close(reading)
            os.close(writing)

    def _wait(self, wake: int) -> None:
        """Wait for a signal, a worker that says ready, or the next moment that matters."""
        workers = [worker for place in self._places for worker in place.workers()]
        moments = [worker.deadline for worker in workers if worker.deadline is not None]
        if not self._stops:
            moments += [p.due for p in self._places if not p.workers() and not p.hold]
            if self._plan.changes is not None:
                moments.append(self._look_at_files)
        starting = [
            worker.ready_fd for worker in workers if worker.may_speak and worker.state != "ended"
        ]
        timeout = max(min(moments) - time.monotonic(), 0.0) if moments else None
        if self._stops and not workers:
            timeout = 0.0
        select.select([wake, *starting], [], [], timeout)
        with contextlib.suppress(BlockingIOError):
            while os.read(wake, 4096):
                pass

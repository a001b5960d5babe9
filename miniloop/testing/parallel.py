"""Units of work done by others, their results in the order of the units.

Whatever executor does the work, and however many at a time, what comes out is what would
have come out here: results are looked at in order, and those behind the first failure are
thrown away.

Read next: explore.py
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future

from .trial import Trial
from .work import Done, Unit, work

__all__ = ["results"]

#: How many units are under way at a time for each worker, and how many workers there are
#: where the executor does not say.
AHEAD, WORKERS = 2, 8


def results(
    trial: Trial,
    units: Iterator[Unit],
    limit: Callable[[], int],
    tired: Callable[[], bool],
    executor: Executor | None,
) -> Generator[tuple[Unit, Done], None, None]:
    """Yield each unit with what it has come to, in order.

    *limit* tells how many runs a unit may take, when it begins.  Close the generator to
    give up what is under way.
    """
    if executor is None:
        for unit in units:
            yield unit, work(trial, unit, limit(), tired)
        return
    workers = getattr(executor, "_max_workers", WORKERS)
    under_way: deque[tuple[Unit, Future[Done]]] = deque()
    try:
        while True:
            room = AHEAD * workers - len(under_way)
            for unit in itertools.islice(units, 0 if tired() else room):
                under_way.append((unit, executor.submit(work, trial, unit, limit())))
            if not under_way:
                return
            unit, future = under_way.popleft()
            yield unit, future.result()
    finally:
        for _, future in under_way:
            future.cancel()

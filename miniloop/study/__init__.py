"""See the loop work: record a run, explain it, step through it, draw it, compare it.

A `Recorder` is an observer for a loop; `read` and `write` keep its recordings in files.
`snapshot`, `why` and `dump` look at a loop that runs.  `schedule_page` shows what a schedule of
`miniloop.testing` does to a scenario.
"""

from typing import Any

from .live import dump, dump_on, snapshot, why
from .recorder import Recorder
from .recording import Recording, RecordingError, read, write

__all__ = [
    "Recorder",
    "Recording",
    "RecordingError",
    "dump",
    "dump_on",
    "read",
    "schedule_page",
    "snapshot",
    "why",
    "write",
]


def schedule_page(scenario: Any, schedule: Any, **options: Any) -> str:
    """Return the page that shows a schedule below plain order; see ``schedules.py``."""
    from .schedules import schedule_page  # it needs all of miniloop.testing

    return schedule_page(scenario, schedule, **options)

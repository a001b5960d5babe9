"""See the loop work: record a run, explain it, step through it, draw it, compare it.

A `Recorder` is an observer for a loop; `read` and `write` keep its recordings in files.
`snapshot`, `why` and `dump` look at a loop that runs.
"""

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
    "snapshot",
    "why",
    "write",
]

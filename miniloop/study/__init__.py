"""See the loop work: record a run, explain it, step through it, draw it, compare it."""

from .recorder import Recorder
from .recording import Recording, RecordingError, read, write

__all__ = ["Recorder", "Recording", "RecordingError", "read", "write"]

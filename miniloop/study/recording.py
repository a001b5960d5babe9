"""A recording in memory and as a file: JSON lines, compressed if the name ends in ``.gz``.

    {"format": "miniloop recording", "v": 1, ...}       what was recorded, and how
    {"n": 1, "it": 0, "step": 0, "t": 0.0, ...}         one line an event
    {"kind": "end", "events": 1, "dropped": 0}          missing if the program was cut short

Read next: state.py
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from .events import FORMAT, VERSION, Event

__all__ = ["Recording", "RecordingError", "Writer", "parsed", "read", "write"]


class RecordingError(Exception):
    """A file is no recording that can be read; says why in a sentence."""


@dataclass
class Recording:
    """What was recorded.

    Attributes:
        header: what was recorded and how; see `Recorder.header`.
        events: all of them, in order; ``events[n - 1]["n"] == n`` if none was dropped.
        dropped: how many events are missing at the end because there were too many.
        complete: whether the program came to its end; if not, it was cut short.
    """

    header: dict[str, Any]
    events: list[Event] = field(default_factory=list)
    dropped: int = 0
    complete: bool = True

    @property
    def remarks(self) -> list[str]:
        """What a reader must know before trusting what is shown, a sentence each."""
        said = [f"Cannot be seen here: {one}." for one in self.header.get("unseen", ())]
        if self.dropped:
            said.append(f"{self.dropped} events at the end are missing: there were too many.")
        if not self.complete:
            said.append("The program was cut short: the recording has no end.")
        return said


class Writer:
    """Writes a recording as it grows; use as a context manager, or call `close`.

    Raises RecordingError when the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], header: dict[str, Any]) -> None:
        self.path = Path(path)
        self.events = 0
        try:
            self._file: IO[str] = _open(self.path, "wt")
            self._line({"format": FORMAT, "v": VERSION} | header)
        except OSError as error:
            raise RecordingError(f"cannot write {path}: {error.strerror}") from None

    def add(self, events: Iterable[Event]) -> None:
        """Write *events* behind those that are there, so that they survive a crash."""
        for event in events:
            self._line(event)
            self.events += 1
        self._file.flush()

    def close(self, dropped: int = 0) -> None:
        """Write the end; *dropped* events are missing."""
        if not self._file.closed:
            self._line({"kind": "end", "events": self.events, "dropped": dropped})
            self._file.close()

    def _line(self, content: dict[str, Any]) -> None:
        self._file.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


def write(path: str | os.PathLike[str], recording: Recording) -> None:
    """Write *recording* to a file; raises RecordingError when that cannot be done."""
    writer = Writer(path, recording.header)
    writer.add(recording.events)
    writer.close(recording.dropped)


def read(path: str | os.PathLike[str]) -> Recording:
    """Return the recording in a file.

    Raises RecordingError when there is none, it is of a later version, or it is damaged
    elsewhere than in its last line.
    """
    try:
        with _open(Path(path), "rt") as file:
            return _parsed(path, file)
    except (gzip.BadGzipFile, UnicodeDecodeError):
        raise RecordingError(f"{path} is not a recording") from None
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror or error}") from None


def _parsed(path: str | os.PathLike[str], file: IO[str]) -> Recording:
    recording, lines = parsed(path, file)
    for event in lines:
        if event["kind"] == "end":
            recording.complete, recording.dropped = True, int(event.get("dropped", 0))
        else:
            recording.events.append(event)
    return recording


def parsed(path: str | os.PathLike[str], file: IO[str]) -> tuple[Recording, Iterator[Event]]:
    """Return the recording in *file* without its events, and these as they are read.

    The last may be the ``end``.  Raises RecordingError, also in the middle of the events.
    """
    lines = _lines(path, file)
    header = next(lines, None)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise RecordingError(f"{path} is not a recording")
    if header.get("v") != VERSION:
        raise RecordingError(
            f"{path} is a recording of version {header.get('v')}; this reads version {VERSION}"
        )
    kept = {key: value for key, value in header.items() if key not in ("format", "v")}
    return Recording(kept, complete=False), _checked(path, lines)


def _checked(path: str | os.PathLike[str], lines: Iterator[Any]) -> Iterator[Event]:
    for number, event in enumerate(lines):
        if not isinstance(event, dict) or "kind" not in event:
            raise RecordingError(f"{path} is damaged after event {number}")
        yield event


def _lines(path: str | os.PathLike[str], file: IO[str]) -> Iterator[Any]:
    """Yield what is on each line; a last one that was not written to its end is left out."""
    number, damaged = 0, 0
    try:
        for number, line in enumerate(file, 1):
            if damaged:
                raise RecordingError(f"{path}: line {damaged} is damaged")
            try:
                yield json.loads(line)
            except ValueError:
                if number == 1:
                    raise RecordingError(f"{path} is not a recording") from None
                damaged = number
    except EOFError:  # a compressed file that was cut off
        return


def _open(path: Path, mode: str) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, mode, encoding="utf-8")  # type: ignore[return-value]
    return open(path, mode, encoding="utf-8")

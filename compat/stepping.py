"""A program that is stepped through while it runs: it waits at a gate before each entry.

The program runs in a process of its own, recorded; before an entry of its loop runs it writes
what has happened and waits for a byte.  Nothing of the loop is slowed down or simulated: it
stands still until it is let on, and its clock goes on meanwhile.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from compat.launching import command
from compat.options import BadUsage, Cell, Interpreter, Target
from miniloop.study import Recording, RecordingError
from miniloop.study.recording import parsed
from miniloop.study.state import Player

GO = b"n"


class Program(Player):
    """A player of a program that runs: going on beyond what was recorded lets it run on."""

    def __init__(self, process: subprocess.Popen[bytes], gate: int, events: IO[str]) -> None:
        self._process, self._gate, self._events = process, gate, events
        self._lines: Iterator[Any] | None = None
        self._told = Recording({}, complete=False)
        try:
            self._told, self._lines = parsed("the program", events)
        except RecordingError:
            raise BadUsage("the program has ended before its loop has begun") from None
        super().__init__(self._told)
        self._read()

    def more(self) -> bool:
        """Let one entry run, and take in what has happened; return False at the end."""
        if self._lines is None:
            return False
        with suppress(OSError):
            os.write(self._gate, GO)
        return self._read()

    def _read(self) -> bool:
        """Read until the program stands at the gate again, or has ended."""
        assert self._lines is not None
        for event in self._lines:
            if event["kind"] == "gate":
                return True
            if event["kind"] == "end":
                self._told.complete = True
                break
            self._told.events.append(event)
        self._lines = None
        return False


@contextmanager
def stepped(cell: Cell, target: Target, interpreter: Interpreter, limit: int) -> Iterator[Program]:
    """Start `target` in `cell` and give a player of it; the program is killed in the end."""
    gate_in, gate_out = os.pipe()
    told_in, told_out = os.pipe()
    words = command(cell, target, interpreter, f"record:{limit}:{gate_in}:/dev/fd/{told_out}")
    null = subprocess.DEVNULL
    process = subprocess.Popen(
        words, pass_fds=(gate_in, told_out), stdin=null, stdout=null, stderr=null
    )
    os.close(gate_in)
    os.close(told_out)
    try:
        with open(told_in, encoding="utf-8") as events:
            yield Program(process, gate_out, events)
    finally:
        os.close(gate_out)
        process.kill()
        process.wait()

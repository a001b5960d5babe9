"""What a cell tells its parent apart from what the program prints: lines in a file.

    started MONOTONIC CPU        seconds; just before the program's first line
    ended MONOTONIC CPU          at exit, before the interpreter takes itself apart; the CPU seconds
                                 of children waited for are included
    loop NAME COUNT              at exit; how many loops of a class the program made
    unusable REASON              the target cannot be run at all

A file, since an inherited pipe or an environment variable is something that a program can see.
With the path "-" nothing is told, and nothing is measured.
"""

import atexit
import os
import sys
import time
from typing import TextIO

from .loops import count_loops

SIZES = range(16, 512, 16)  # of small objects, in bytes: each has places of its own in memory
PLACES = 16


class Report:
    """Writes the report file at `path`; every method does nothing when that is "-"."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.process = os.getpid()
        self.counts: dict[str, int] = {}

    def write(self, line: str) -> None:
        """Append one line; a file that is gone means that nobody wants to know any more."""
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            pass

    def started(self, loop: str) -> None:
        """Tell that the program's first line is next; count loops of the cell's kind from now."""
        if self.path == "-":
            return
        for stream in (sys.stdout, sys.stderr):
            show_lines_at_once(stream)
        count_loops(loop, self.counts)
        self.ballast = [bytes(size) for size in SIZES for _ in range(self.shift())]
        atexit.register(self.ended)
        self.write(f"started {time.monotonic()!r} {time.process_time()!r}")

    def shift(self) -> int:
        """Return how many places further on the program's objects are to lie; it is by chance.

        The order of a set of tasks goes by their addresses.  Without this a small program has the
        same in all of its runs, and what is chance looks like behaviour.
        """
        return sum(self.path.encode()) % PLACES

    def ended(self) -> None:
        """Tell when it ended and what loops it made; a fork of the program tells nothing."""
        if os.getpid() == self.process:
            children = os.times()
            cpu = time.process_time() + children.children_user + children.children_system
            self.write(f"ended {time.monotonic()!r} {cpu!r}")
            for name, count in self.counts.items():
                self.write(f"loop {name} {count}")

    def unusable(self, reason: str) -> None:
        """Tell that there is nothing to run."""
        if self.path != "-":
            self.write(f"unusable {reason}")


def show_lines_at_once(stream: TextIO | None) -> None:
    """Make a captured stream give each line when it is printed, as a terminal's stream does."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)

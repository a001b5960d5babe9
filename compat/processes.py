"""Start cells in processes of their own, and never leave one behind.

Each cell leads a session of its own, so that Ctrl-C at the terminal reaches only us and everything
the cell has started can be killed with it.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

POLITE = 0.5  # seconds between SIGTERM and SIGKILL
TICK = 0.02  # seconds between two looks at a process, where the system cannot wake us


class StoppedError(Exception):
    """Every cell has been told to stop."""


class Children:
    """The cells running right now; safe to use from several threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: set[int] = set()
        self.stopped = False

    def start(
        self, words: list[str], stdin: Path | None, variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start `words` in a session of its own, `variables` added to its environment.

        Its standard input is a pipe with what the file `stdin` holds, or with nothing.
        Raises StoppedError after `stop`.
        """
        environment = {"PYTHONHASHSEED": "0", **os.environ, **variables}
        with self.lock, fed(stdin) as pipe:
            if self.stopped:
                raise StoppedError
            process = subprocess.Popen(
                words,
                stdin=pipe,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=environment,
            )
            self.running.add(process.pid)
        return process

    def ended(self, pid: int) -> None:
        """Forget the process `pid`."""
        with self.lock:
            self.running.discard(pid)

    def stop(self) -> None:
        """End every cell, politely and then by force; no other can be started from now on."""
        with self.lock:
            self.stopped = True
            trees = [with_descendants(pid) for pid in self.running]
        kill_all([pid for tree in trees for pid in tree], signal.SIGTERM)
        deadline = time.monotonic() + POLITE
        while self.running and time.monotonic() < deadline:
            time.sleep(TICK)
        with self.lock:
            kill_all([pid for top in self.running for pid in with_descendants(top)], signal.SIGKILL)


@contextmanager
def fed(path: Path | None) -> Iterator[int]:
    """Give the reading end of a pipe, which a thread fills with the file at `path`, if any.

    A pipe and not the file itself: that is what a loop can wait for, should the program do so.
    """
    reader, writer = os.pipe()

    def fill() -> None:
        with suppress(BrokenPipeError), open(writer, "wb") as pipe:
            if path is not None:
                pipe.write(path.read_bytes())

    threading.Thread(target=fill, daemon=True).start()
    try:
        yield reader
    finally:
        os.close(reader)


def with_descendants(pid: int) -> list[int]:
    """Return `pid` and all processes below it, where the system can tell; else just `pid`."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(word) for word in children.read_text().split()]
    return found


def kill_all(pids: list[int], number: int) -> bool:
    """Send a signal to these processes and their groups; return whether there was any."""
    hit = False
    for pid in pids:
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(pid, number)
                hit = True
    return hit


def kill_group(pid: int) -> bool:
    """Kill what is left of the group that the ended process `pid` led; return whether there was."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True

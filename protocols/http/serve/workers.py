"""One worker process: how it is started, says it is ready, is asked to end, and is made to.

States of a worker
    starting -- says ready ----> ready
             -- asked to end --> stopping
             -- dies ----------> ended
    ready    -- asked to end --> stopping
             -- dies ----------> ended
    stopping -- dies ----------> ended

A worker is told what it is through the environment variable `ROLE`: two descriptors of
pipes and those of sockets to listen on.  It writes a byte into the first pipe when it
serves; the second never carries anything, and its end means that the supervisor is gone.
It is in a process group of its own, so that Ctrl-C reaches the supervisor alone, which then
asks in its turn: with SIGTERM once for a clean end, twice for one at once.

Read next: supervisor.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["ROLE", "TRANSITIONS", "Role", "Worker", "python_command", "role"]

TRANSITIONS = (
    ("starting", "says ready", "ready"),
    ("starting", "asked to end", "stopping"),
    ("starting", "dies", "ended"),
    ("ready", "asked to end", "stopping"),
    ("ready", "dies", "ended"),
    ("stopping", "dies", "ended"),
)

#: ``READY LIFELINE SOCKET...``, each a descriptor.
ROLE = "MINILOOP_WORKER"


@dataclass(frozen=True)
class Role:
    """What a worker finds in its environment.

    Args:
        ready: descriptor to write a byte into once it serves.
        lifeline: descriptor that is at its end when the supervisor is.
        sockets: descriptors of the sockets to listen on; none where the worker makes its own.
    """

    ready: int
    lifeline: int
    sockets: tuple[int, ...] = ()

    def say_ready(self) -> None:
        """Tell the supervisor that this worker serves."""
        try:
            os.write(self.ready, b"!")
        except BrokenPipeError:
            pass  # there is no supervisor any more: the lifeline says so, too
        os.close(self.ready)


def role(environment: Mapping[str, str]) -> Role | None:
    """Return which worker this process is, or None when it is none."""
    words = environment.get(ROLE, "").split()
    if len(words) < 2:
        return None
    ready, lifeline, *sockets = map(int, words)
    return Role(ready, lifeline, tuple(sockets))


class Worker:
    """A process that runs *command*; *number* says which one of the workers it is."""

    def __init__(self, number: int, command: Sequence[str], sockets: Sequence[int] = ()) -> None:
        self.number = number
        self.state = "starting"
        self.born = time.monotonic()
        self.was_ready = False
        #: Whether `ready_fd` is worth waiting for: it has said nothing, and its end is open.
        self.may_speak = True
        #: When it is killed if it has not ended by itself.
        self.deadline: float | None = None
        self.ready_fd, ready = os.pipe()
        lifeline, self._lifeline = os.pipe()
        inherited = (ready, lifeline, *sockets)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=inherited,
                process_group=0,
                env={**os.environ, ROLE: " ".join(map(str, inherited))},
            )
        except OSError:
            self._close()
            raise
        finally:
            os.close(ready)
            os.close(lifeline)
        os.set_blocking(self.ready_fd, False)

    def __repr__(self) -> str:
        return f"<Worker {self.number}, process {self.pid}, {self.state}>"

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def look(self) -> str:
        """Notice what has become of it since; return its state."""
        if self.state == "starting" and self._has_said_ready():
            self.state = "ready"
            self.was_ready = True
        if self.state != "ended" and self._process.poll() is not None:
            self.state = "ended"
            self._close()
        return self.state

    def _has_said_ready(self) -> bool:
        try:
            said = os.read(self.ready_fd, 1) if self.may_speak else b""
        except BlockingIOError:
            return False
        self.may_speak = False
        return said != b""

    def ask_to_end(self, within: float) -> None:
        """Send SIGTERM; a second time means at once.  It is killed after *within* seconds."""
        if self.state == "ended":
            return
        deadline = time.monotonic() + within
        self.deadline = deadline if self.deadline is None else min(deadline, self.deadline)
        self.state = "stopping"
        self._process.send_signal(signal.SIGTERM)

    def kill_if_late(self) -> bool:
        """Kill it, with all of its process group, if its time is up; tell whether it was."""
        if self.state == "ended" or self.deadline is None or time.monotonic() < self.deadline:
            return False
        self.deadline = None
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def why_ended(self) -> str:
        """Return in words how it has ended."""
        status = self._process.returncode
        if status is not None and status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"has ended with status {status}"

    def _close(self) -> None:
        os.close(self.ready_fd)
        os.close(self._lifeline)


def python_command(module: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs *module* with this interpreter and its options."""
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, "-m", module, *arguments]

"""Run one cell to its end: capture what it prints, with times, and measure it.

Standard output and error are two pipes, read as the data comes; a line's time is when its end was
read.  Between the two streams the order of lines is therefore only as good as those times.

A cell ends in one of four ways: by itself; by its time limit; because `Children.stop` was called
(Ctrl-C); or it ends but leaves processes behind, which are given a moment and then killed.
"""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from compat.launching import command
from compat.options import Cell, Interpreter, Target
from compat.processes import TICK, Children, StoppedError, kill_all, kill_group, with_descendants

LINGER = 0.3  # seconds that processes left behind may go on printing
MOST_LINES = 200_000


@dataclass(frozen=True)
class Line:
    """One line that a program printed, `at` seconds after its first line of code ran."""

    stream: str  # "out" or "err"
    text: str
    at: float


@dataclass(frozen=True)
class Run:
    """What one run of a program in one cell did.

    status: the exit status, minus the signal's number if one killed it, None if it ran out of time.
    wall, cpu: seconds from the program's first line to its end, neither the import of the loops nor
    the interpreter's own end included; CPU time is 0 if it had to be killed.
    loops: how many loops the program made, by class.
    unusable: why there was nothing to run at all, or None.
    left_behind: whether it ended with processes of its own still running (they were killed).
    """

    cell: Cell
    status: int | None
    lines: tuple[Line, ...]
    wall: float
    cpu: float
    loops: dict[str, int] = field(default_factory=dict)
    unusable: str | None = None
    left_behind: bool = False
    truncated: bool = False


class Capture:
    """Turns the bytes of one process's pipes into lines with times."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.partial = {"out": b"", "err": b""}
        self.truncated = False

    def take(self, stream: str, data: bytes) -> None:
        """Take what was read from a stream just now; b"" at its end."""
        now = time.monotonic()
        *whole, rest = (self.partial[stream] + data).split(b"\n")
        if not data and rest:
            whole, rest = [*whole, rest], b""
        self.partial[stream] = rest
        if len(self.lines) + len(whole) > MOST_LINES:
            self.truncated = True
            return
        self.lines += [Line(stream, part.decode("utf-8", "replace"), now) for part in whole]

    def since(self, start: float) -> tuple[Line, ...]:
        """Return the lines in the order they came, their times counted from `start`."""
        return tuple(Line(line.stream, line.text, line.at - start) for line in self.lines)


def run_cell(
    cell: Cell,
    target: Target,
    interpreter: Interpreter,
    timeout: float,
    children: Children,
    stdin: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Run:
    """Run `target` in `cell` to its end or `timeout` seconds; raises StoppedError if told to.

    variables: added to its environment.
    """
    with tempfile.TemporaryDirectory(prefix="miniloop-") as directory:
        report = Path(directory) / "report"
        begun = time.monotonic()
        words = command(cell, target, interpreter, str(report))
        process = children.start(words, stdin, variables or {})
        capture = Capture()
        with killed_in_the_end(process, children):
            ended, usage = watch(process, capture, begun + timeout)
            left_behind = finish(process, capture)
        if children.stopped:
            raise StoppedError
        told = read_report(report, begun)
    start, start_cpu = told.started
    if usage is not None and told.ended is not None:
        ended, usage = told.ended
    return Run(
        cell=cell,
        status=None if usage is None else process.returncode,
        lines=capture.since(start),
        wall=max(0.0, ended - start),
        cpu=0.0 if usage is None else max(0.0, usage - start_cpu),
        loops=told.loops,
        unusable=told.unusable,
        left_behind=left_behind,
        truncated=capture.truncated,
    )


@contextmanager
def killed_in_the_end(process: subprocess.Popen[bytes], children: Children) -> Iterator[None]:
    """Leave nothing of *process* running or open, whatever is raised meanwhile."""
    try:
        yield
    finally:
        if process.returncode is None:  # something was raised in there
            kill_all(with_descendants(process.pid), signal.SIGKILL)
            process.wait()
        close(process)
        children.ended(process.pid)


def watch(
    process: subprocess.Popen[bytes], capture: Capture, deadline: float
) -> tuple[float, float | None]:
    """Read a process's output until it ends, or kill it at `deadline`.

    Returns when it ended and the CPU seconds that it took; None for those if it had to be killed.
    """
    with reading(process) as selector, exit_descriptor(process.pid) as exits:
        if exits is not None:
            selector.register(exits, selectors.EVENT_READ, "exit")
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            now = time.monotonic()
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return now, usage.ru_utime + usage.ru_stime
            if now >= deadline:
                kill_all(with_descendants(process.pid), signal.SIGKILL)
                process.wait()
                return now, None
            wait = deadline - now
            quiet = exits is None or not selector.get_map()
            read_ready(selector, capture, min(wait, TICK) if quiet else min(wait, 1.0))


def finish(process: subprocess.Popen[bytes], capture: Capture) -> bool:
    """Read what is left in the pipes of a process that has ended; kill what it left behind.

    Returns whether there was something left behind.
    """
    end = time.monotonic() + LINGER
    with reading(process) as selector:
        while selector.get_map() and time.monotonic() < end:
            read_ready(selector, capture, max(0.0, end - time.monotonic()))
        left_behind = kill_group(process.pid)
        while selector.get_map() and read_ready(selector, capture, 0.0):
            pass
    for stream in capture.partial:
        capture.take(stream, b"")
    return left_behind


@contextmanager
def reading(process: subprocess.Popen[bytes]) -> Iterator[selectors.BaseSelector]:
    """Give a selector that knows the process's open pipes, each by its stream's name."""
    with selectors.DefaultSelector() as selector:
        for pipe, stream in ((process.stdout, "out"), (process.stderr, "err")):
            if pipe is not None and not pipe.closed:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, stream)
        yield selector


def read_ready(selector: selectors.BaseSelector, capture: Capture, timeout: float) -> bool:
    """Wait up to `timeout` seconds for output and take it; return whether there was any."""
    events = selector.select(timeout)
    for key, _ in events:
        if key.data == "exit":
            continue
        data = os.read(key.fd, 65536)
        capture.take(key.data, data)
        if not data:
            selector.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]
    return bool(events)


@contextmanager
def exit_descriptor(pid: int) -> Iterator[int | None]:
    """Give a descriptor that becomes readable when the process ends, where the system has one."""
    descriptor = None
    with suppress(AttributeError, OSError):
        descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def close(process: subprocess.Popen[bytes]) -> None:
    """Close our ends of the pipes."""
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@dataclass
class Told:
    """What a cell's report file says; see `compat.cell.report`."""

    started: tuple[float, float]
    ended: tuple[float, float] | None = None
    loops: dict[str, int] = field(default_factory=dict)
    unusable: str | None = None


def read_report(path: Path, begun: float) -> Told:
    """Return what the cell told; it started at `begun` if it never said when."""
    told = Told((begun, 0.0))
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("started", "ended"):
            at, cpu = rest.split()
            setattr(told, word, (float(at), float(cpu)))
        elif word == "loop":
            name, count = rest.rsplit(" ", 1)
            told.loops[name] = int(count)
        elif word == "unusable":
            told.unusable = rest
    return told

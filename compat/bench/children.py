"""The parent's side of a contestant's process: start it, ask it, give it up.

A child that answers with an error lives on.  One that dies, or takes longer than the
patience it is given, is killed, and started again when the next row is asked of it: one
row that hangs costs that row only.

Each child leads a process group of its own, so that whatever it has started is killed
with it, and has a folder for temporary files that is removed with it.

Read next: rounds.py
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from compat.bench.model import Contestant, Row, Sample, Settings

# The other interpreter finds its own packages first; this tree only fills in what it
# does not have installed, compat itself for one.
BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); from compat.bench.child import main; "
    "main(*sys.argv[2:6], collect_garbage=sys.argv[6] == 'True')"
)
ROOT = str(Path(__file__).resolve().parents[2])


class ChildError(Exception):
    """The child could not be started, failed, died or was given up; says which."""


def end(process: subprocess.Popen[str]) -> None:
    """Kill a child that has not been waited for, and everything that it has started."""
    with suppress(ProcessLookupError, PermissionError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)


class Child:
    """A contestant's process.

    Invariant: `_process` is None (not started yet, or given up), or has greeted us and
    owes no answer, except while `_answer` waits for one.
    """

    def __init__(self, contestant: Contestant, suite: str, settings: Settings) -> None:
        """Args: who, the module that has the rows, and how to measure."""
        self.contestant = contestant
        self.python = ""
        self.loop = ""
        self._suite = suite
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process, unless it runs, and hear what it is.

        Raises:
            ChildError: if its loop or its names cannot be imported, or there is no such
                interpreter.
        """
        if self._process is not None:
            return
        self._process = self._launch()
        try:
            greeting = self._answer(self._process)
        except ChildError:
            self.close()
            raise
        self.python = greeting["python"]
        self.loop = greeting["loop"]

    def measure(self, row: Row, units: int) -> Sample:
        """Run a row once.

        Args:
            row: which.
            units: how much of it.

        Raises:
            ChildError: if the row fails, the process dies, or patience is at its end.
        """
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"row": row.key, "units": units}) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            self.close()
            raise ChildError(f"the process is gone: {error}") from None
        answer = self._answer(self._process)
        return Sample(answer["seconds"], answer["operations"], answer["extras"])

    def close(self) -> None:
        """End the process, if there is one, wait for it, and remove its folder."""
        process, self._process = self._process, None
        folder, self._folder = self._folder, None
        if process is not None:
            end(process)
            process.communicate()
        if folder is not None:
            folder.cleanup()

    def _launch(self) -> subprocess.Popen[str]:
        """Start the interpreter on child.py."""
        words = [
            *(self._settings.python, "-P", "-c", BOOTSTRAP, ROOT, self._suite),
            *(self.contestant.names, self.contestant.factory),
            *(self._settings.placement, str(self._settings.collect_garbage)),
        ]
        pipe = subprocess.PIPE
        self._folder = tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True)
        try:
            return subprocess.Popen(
                words,
                stdin=pipe,
                stdout=pipe,
                encoding="utf-8",
                env={**os.environ, "TMPDIR": self._folder.name},
                process_group=0,
            )
        except OSError as error:
            self.close()
            raise ChildError(str(error)) from None

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Read one line, and kill the process if it does not come in time."""
        assert process.stdout is not None
        given_up = threading.Event()

        def give_up() -> None:
            given_up.set()
            end(process)

        watchdog = threading.Timer(self._settings.patience_seconds, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            line = process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line.endswith("\n"):
            status = process.wait()
            self.close()
            if given_up.is_set():
                raise ChildError(f"no answer in {self._settings.patience_seconds:g} s")
            raise ChildError(f"the process ended by itself (exit status {status})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ChildError(answer["error"].rstrip())
        return answer

"""The parent's side of a contestant's process: start it, ask it, give it up.

A child that answers with an error lives on.  One that dies, or takes longer than the
patience it is given, is killed, and started again when the next row is asked of it: one
row that hangs costs that row only.

Read next: rounds.py
"""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from compat.bench.model import Contestant, Row, Settings

# The other interpreter finds its own packages first; this tree only fills in what it
# does not have installed, compat itself for one.
BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); from compat.bench.child import main; "
    "main(*sys.argv[2:5], collect_garbage=sys.argv[5] == 'True')"
)
ROOT = str(Path(__file__).resolve().parents[2])


class ChildError(Exception):
    """The child could not be started, failed, died or was given up; says which."""


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

    def measure(self, row: Row, units: int) -> float:
        """Run a row once.

        Args:
            row: which.
            units: how much of it.

        Returns:
            CPU seconds per operation.

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
        return float(answer["seconds"]) / int(answer["operations"])

    def close(self) -> None:
        """End the process, if there is one, and wait for it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.communicate()

    def _launch(self) -> subprocess.Popen[str]:
        """Start the interpreter on child.py."""
        words = [
            *(self._settings.python, "-P", "-c", BOOTSTRAP, ROOT, self._suite),
            *(self.contestant.names, self.contestant.factory),
            str(self._settings.collect_garbage),
        ]
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(words, stdin=pipe, stdout=pipe, encoding="utf-8")
        except OSError as error:
            raise ChildError(str(error)) from None

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Read one line, and kill the process if it does not come in time."""
        assert process.stdout is not None
        given_up = threading.Event()

        def give_up() -> None:
            given_up.set()
            process.kill()

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

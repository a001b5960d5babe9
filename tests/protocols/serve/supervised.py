"""A program for the tests: a supervisor of workers that do nothing; it prints what happens.

The first argument is how many there are, the others say what workers do: ``die`` before
they are ready, ``stubborn`` about SIGTERM, ``watch FILE``: die while FILE says ``broken``.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from types import FrameType

from protocols.http.serve.reload import Watcher
from protocols.http.serve.supervisor import Plan, Supervisor
from protocols.http.serve.workers import python_command, role


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def serve_until_sigterm(words: list[str]) -> None:
    """Be a worker that waits for signals in the plainest way."""
    mine = role(os.environ)
    assert mine is not None
    stubborn = "stubborn" in words

    def terminated(_number: int, _frame: FrameType | None) -> None:
        say(f"told {os.getpid()}")
        if not stubborn:
            os._exit(0)

    # Of a signal that comes right before a system call Python hears after it: a byte is sooner.
    heard, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGTERM, terminated)
    if "die" in words or ("watch" in words and Path(words[-1]).read_text() == "broken"):
        sys.exit(3)
    mine.say_ready()
    say(f"ready {os.getpid()}")
    while mine.lifeline not in select.select([mine.lifeline, heard], [], [])[0]:
        os.read(heard, 1)
    say(f"alone {os.getpid()}")


def supervise(count: int, words: list[str]) -> int:
    """Be the supervisor."""
    watcher = Watcher([Path(words[-1]).parent], (".txt",)) if "watch" in words else None
    plan = Plan(
        python_command("tests.protocols.serve.supervised", ["worker", *words]),
        count,
        drain=30.0,
        changes=watcher.changes if watcher is not None else None,
        interval=0.05,
        say=say,
    )
    return Supervisor(plan).run()


if __name__ == "__main__":
    first, *others = sys.argv[1:]
    if first == "worker":
        serve_until_sigterm(others)
    else:
        sys.exit(supervise(int(first), others))

"""One contestant in a process of its own: runs rows on demand, says what CPU they took.

Protocol, one JSON object per line.  The child speaks first::

    child   {"python": "3.13.0", "loop": "uvloop.Loop 0.22.1"}      or {"error": "..."}
    parent  {"row": "switch", "units": 500}
    child   {"seconds": 0.0312, "operations": 50000, "extras": {}} or {"error": "..."}

It ends when its standard input does.  Whatever a workload prints goes to standard error.

What is measured is the CPU time of the whole process (a loop may have threads of its own)
between the first and the last step of the workload's coroutine: making and closing the
loop is left out.  Every sample has a new loop, so that a heap of cancelled timers is no
inheritance.  Cycles are collected before a sample, not during it (unless asked for).

Read next: children.py
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from types import ModuleType
from typing import Any, TextIO

from compat.bench.model import Contestant, Row, Sample, load_suite


async def timed(row: Row, names: ModuleType, units: int) -> Sample:
    """Run a row inside a loop, and return its sample, or else the one that we took."""
    started = time.process_time()
    found = await row.workload(names, units)
    seconds = time.process_time() - started
    return found if isinstance(found, Sample) else Sample(seconds, found)


def measure(row: Row, names: ModuleType, factory: Callable[[], Any], units: int) -> Sample:
    """Take one sample on a new loop.

    Args:
        row: what to run.
        names: the module whose names it uses.
        factory: makes the loop.
        units: how much of it.

    Raises:
        RuntimeError: if the workload did not do the operations that the row promises.
    """
    loop = factory()
    try:
        gc.collect()
        sample: Sample = loop.run_until_complete(timed(row, names, units))
    finally:
        loop.close()
    if row.per_unit and sample.operations != row.operations(units):
        raise RuntimeError(
            f"{row.key} did {sample.operations} operations instead of {row.operations(units)}"
        )
    return sample


def describe(factory: Callable[[], Any]) -> str:
    """Return the class of a factory's loops and the version of the package it is from."""
    loop = factory()
    loop.close()
    package = type(loop).__module__.partition(".")[0]
    name = f"{package}.{type(loop).__qualname__}"
    if package in sys.stdlib_module_names:
        return name
    try:
        return f"{name} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return name


def serve(
    rows: dict[str, Row],
    names: ModuleType,
    factory: Callable[[], Any],
    requests: TextIO,
    say: Callable[..., None],
) -> None:
    """Answer requests until they end; a row that fails is an answer too."""
    for line in requests:
        request = json.loads(line)
        try:
            row = rows[request["row"]]
            sample = measure(row, names, factory, request["units"])
        except Exception:  # noqa: BLE001 - whatever a loop gets wrong is an answer
            say(error=traceback.format_exc())
        else:
            say(**asdict(sample))


def main(suite: str, names: str, factory: str, placement: str, collect_garbage: bool) -> None:
    """Be the child.

    Args:
        suite: the module that has the rows.
        names: the module whose names the workloads use.
        factory: ``module:attribute`` of what makes a loop.
        placement: on which processors the suite is to go, in its own words.
        collect_garbage: whether the cycle collector stays on.
    """
    # Whoever interrupts means the parent, which decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(**answer: object) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        found = load_suite(suite)
        if found.prepare is not None:
            found.prepare(placement)
        module, make_loop = Contestant("", names, factory).load()
        loop = describe(make_loop)
    except Exception as error:  # noqa: BLE001 - a broken package must not end the run
        say(error=f"{type(error).__name__}: {error}")
        return
    say(python=platform.python_version(), loop=loop)
    gc.freeze()
    if not collect_garbage:
        gc.disable()
    serve(found.rows, module, make_loop, sys.stdin, say)

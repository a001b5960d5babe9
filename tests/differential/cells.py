"""Runs a program with the names of one library on the loop of one, and notes what happened."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import zip_longest
from types import CodeType
from typing import Any, NamedTuple

import miniloop

from .grammar import Program
from .network_stage import NetworkStage
from .source import render, whole_file
from .stage import Stage
from .values import label, words
from .versions import SHIELD_REPORTS, repaired
from .virtual import BUSY, LOOPS, OWN_SELECTOR, Endless, VirtualSelector

NAMES: dict[str, Any] = {"asyncio": asyncio, "miniloop": miniloop}

#: On these loops a turn more or less is no difference: with BUSY one may be without a poll,
#: and on its own selector a descriptor may be ready that nobody waits for at the moment.
UNCOUNTED = (BUSY, OWN_SELECTOR)

#: How often tasks that did not end are cancelled, before they are left alone.
CANCELLATIONS = 6


class Cell(NamedTuple):
    """Whose names and whose loop."""

    names: str
    loop: str


class Trace(NamedTuple):
    """What happened: in order, and what has no place in the order."""

    events: list[Any]
    unordered: list[Any]


class Difference(NamedTuple):
    """Two cells that do not agree about a program."""

    program: Program
    one: Cell
    other: Cell
    ones: Trace
    others: Trace


#: The first is asyncio's names on asyncio's loop: what the others are compared with.
CELLS = tuple(Cell(names, loop) for names in NAMES for loop in ("asyncio", "miniloop"))
BUSY_CELL = Cell("miniloop", BUSY)
#: Of a network program; for asyncio's names on our loop, with all that it does by itself.
NETWORK_CELLS = (CELLS[0], Cell("asyncio", OWN_SELECTOR), *CELLS[2:])


class Script(NamedTuple):
    """A program ready to run; *eager*: it starts tasks eagerly, *shields*: it uses shield."""

    code: CodeType
    eager: bool
    shields: bool
    salt: int | None


def script(source: str, eager: bool, path: str = "<program>", salt: int | None = None) -> Script:
    """Return the program *source*, ready to run; with a *salt*, it is one of the network."""
    return Script(compile(source, path, "exec"), eager, "asyncio.shield(" in source, salt)


def ready(program: Program) -> Script:
    """Return *program*, ready to run."""
    salt = program.salt if program.opening else None
    return script(render(program), program.eager, salt=salt)


def perform(program: Script, cell: Cell) -> Trace:
    """Run *program* in *cell*; return what happened."""
    selector = VirtualSelector()
    loop = LOOPS[cell.loop](selector)
    selector.idle = loop.stop
    names = NAMES[cell.names]
    make = Stage if program.salt is None else NetworkStage
    stage = make(names, loop, selector, program.shields and not SHIELD_REPORTS)
    selector.salt = program.salt or 0
    loop.set_exception_handler(stage.report)
    if program.eager:
        loop.set_task_factory(getattr(names, "eager_task_factory", None))
    namespace = stage.namespace()
    exec(program.code, namespace)
    loop.call_soon(namespace["begin"])
    newer = nullcontext() if program.salt is None else repaired()
    with newer, _nobody_disturbs(stage.unordered):
        everybody_ended = _run_to_the_end(stage)
        if isinstance(stage, NetworkStage):
            stage.close_all()
        stage.ordered = False
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        stage.closed = True
        # Tasks that no cancellation ends are thrown away in any order: nobody looks.
        unordered = stage.unordered if everybody_ended else list(stage.unordered)
        trace = Trace(stage.trace, unordered)
        del namespace, loop, selector, stage
        gc.collect()
    trace.unordered.sort(key=repr)
    return trace


def _run_to_the_end(stage: Stage) -> bool:
    """Run until nothing will ever happen, cancel who still waits, and so on.

    Returns whether all tasks ended.
    """
    waiting: list[Any] = []
    for _ in range(CANCELLATIONS):
        _run(stage)
        waiting = sorted(stage.names.all_tasks(stage.loop), key=lambda task: label(task) or "")
        stage.note("waiting", [label(task) for task in waiting])
        if isinstance(stage, NetworkStage):
            stage.note("watched", stage.watches())
        if not waiting:
            break
        for task in waiting:
            task.cancel("the end")
    for task in stage.tasks:
        if task.done() and not task.cancelled() and stage.tasks[task] % 2:
            task.exception()  # only of some: the others are to be reported
    return not waiting


def _run(stage: Stage) -> None:
    while True:
        try:
            stage.loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            stage.note("came out", type(error).__name__)
        except Endless:
            stage.note("endless")
            return
        else:
            return


class _Log(logging.Filter):
    """Notes the first line of what is logged, and keeps it from being told anywhere else."""

    def __init__(self, unordered: list[Any]) -> None:
        super().__init__()
        self.unordered = unordered

    def filter(self, record: logging.LogRecord) -> bool:
        """Note *record*; return False."""
        self.unordered.append(("logged", words(record.getMessage().splitlines()[0])))
        return False


@contextmanager
def _nobody_disturbs(unordered: list[Any]) -> Iterator[None]:
    """Note warnings and what cannot be raised; have things freed when the program says so."""
    unraisable, collecting = sys.unraisablehook, gc.isenabled()
    sys.unraisablehook = lambda what: unordered.append(("unraisable", what.exc_type.__name__))
    gc.disable()
    log = _Log(unordered)
    loggers = [logging.getLogger(name) for name in NAMES]
    for logger in loggers:
        logger.addFilter(log)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", RuntimeWarning)
            # Recorded warnings would keep the coroutines alive that they are about.
            warnings.showwarning = lambda message, *rest: unordered.append(
                ("warning", str(message))
            )
            yield
    finally:
        sys.unraisablehook = unraisable
        for logger in loggers:
            logger.removeFilter(log)
        if collecting:
            gc.enable()


def cells_of(program: Program) -> tuple[Cell, ...]:
    """Return the cells in which *program* is compared."""
    return NETWORK_CELLS if program.opening else CELLS


def perform_all(program: Program, cells: tuple[Cell, ...]) -> dict[Cell, Trace]:
    """Run *program* in each of *cells*."""
    runs = ready(program)
    return {cell: perform(runs, cell) for cell in cells}


def same(one: Trace, other: Trace, turns: bool = True) -> bool:
    """Return whether two traces agree, about the number of *turns* as well."""
    if turns or one.unordered != other.unordered:
        return one == other
    return [event[1:] for event in one.events] == [event[1:] for event in other.events]


def difference(program: Program, cells: tuple[Cell, ...] | None = None) -> Difference | None:
    """Return the first of *cells* that does not do what the first one does, or None.

    By default they are those in which such programs are compared.
    """
    cells = cells or cells_of(program)
    traces = perform_all(program, cells)
    first, *others = cells
    for other in others:
        if not same(traces[first], traces[other], turns=other.loop not in UNCOUNTED):
            return Difference(program, first, other, traces[first], traces[other])
    return None


def explain(found: Difference) -> str:
    """Return the program as source, and where the two runs part."""
    ones, others = (
        [*trace.events, *(("in any order", *what) for what in trace.unordered)]
        for trace in (found.ones, found.others)
    )
    lines = [whole_file(found.program), "", f"{found.one} | {found.other}"]
    first = 1 if found.other.loop in UNCOUNTED else 0
    for index, (one, other) in enumerate(zip_longest(ones, others, fillvalue=())):
        if one[first:] != other[first:]:
            start = max(0, index - 6)
            lines += [f"  both    {entry}" for entry in ones[start:index]]
            for name, entries in ((found.one, ones), (found.other, others)):
                lines += [f"  {name.names} on {name.loop}:"]
                lines += [f"          {entry}" for entry in entries[index : index + 4]]
            break
    return "\n".join(lines)

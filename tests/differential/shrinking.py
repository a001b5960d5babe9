"""The smallest program that still fails: operations are left out as long as it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .cells import Difference, difference
from .grammar import Block, Operation, Program, awaits


def shrink(program: Program, fails: Callable[[Program], bool], most: int = 2000) -> Program:
    """Return *program*, or less of it, that still *fails*; asks at most *most* times."""
    asked = 0
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(program):
            asked += 1
            if asked > most:
                return program
            if fails(smaller):
                program, progress = smaller, True
                break
    return program


def smallest(found: Difference) -> Difference:
    """Return the same difference with as small a program as can be found."""
    cells = (found.one, found.other)
    program = shrink(found.program, lambda each: difference(each, cells) is not None)
    return difference(program, cells) or found


def _smaller(program: Program) -> Iterator[Program]:
    if program.eager:
        yield replace(program, eager=False)
    if len(program.opening) > 1 or (program.opening and not program.tasks):
        for less in _less(program.opening, True):
            if less:
                yield replace(program, opening=less)
    tasks = program.tasks
    for index, block in enumerate(tasks):
        yield replace(program, tasks=tasks[:index] + tasks[index + 1 :])
        for less in _less(block, True):
            yield replace(program, tasks=(*tasks[:index], less, *tasks[index + 1 :]))


def _less(block: Block, may_await: bool) -> Iterator[Block]:
    """Yield *block* with one operation less, or with something simpler in its place."""
    if len(block) > 3:
        middle = len(block) // 2
        yield block[:middle]
        yield block[middle:]
    for index, operation in enumerate(block):
        before, after = block[:index], block[index + 1 :]
        yield before + after
        for hole, filling in operation.fillings:
            if isinstance(filling, tuple) and (may_await or not awaits(hole, may_await)):
                yield before + filling + after
        for simpler in _simpler(operation, may_await):
            yield (*before, simpler, *after)


def _simpler(operation: Operation, may_await: bool) -> Iterator[Operation]:
    for index, (hole, filling) in enumerate(operation.fillings):
        if isinstance(filling, tuple):
            for less in _less(filling, awaits(hole, may_await)):
                fillings = list(operation.fillings)
                fillings[index] = (hole, less)
                yield operation._replace(fillings=tuple(fillings))

"""Run a program in every cell and judge each: the baseline twice, an odd cell again.

The baseline runs twice before anything is compared, so that what varies on plain asyncio itself is
known.  A cell that seems to differ is run again, and the baseline too, until there are
`Plan.runs` runs of each or the difference is gone: only what every run shows is called certain.
A program whose runs in one cell differ among themselves is run more often: with a choice of few
outcomes, equal runs may be chance.
Cells run one after another, so that none takes the processor from another.  What a program needs
around it (a database) is made anew for every run, so that all begin with the same.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from compat.capturing import Run, run_cell
from compat.options import BadUsage, Cell, Plan, Target
from compat.processes import Children
from compat.verdict import Verdict, judge

FIRST_RUNS = 2  # of the baseline
UNSTEADY = 2  # how many times as many runs, if runs of one cell differ among themselves


@dataclass(frozen=True)
class Comparison:
    """A program's verdicts: the baseline's own first, then every other cell's."""

    target: Target
    verdicts: tuple[Verdict, ...]

    @property
    def same(self) -> bool:
        """Whether no cell certainly differs."""
        return all(verdict.same for verdict in self.verdicts)


@dataclass(frozen=True)
class NotRun:
    """A program that could not be compared, and why, in words."""

    target: Target
    reason: str


def nothing_around() -> AbstractContextManager[Mapping[str, str]]:
    """Give a run no environment variables beside ours."""
    return nullcontext({})


def compare(
    target: Target,
    plan: Plan,
    children: Children,
    stdin: Path | None = None,
    tell: Callable[[Cell, int], None] = lambda _cell, _run: None,
    around: Callable[[], AbstractContextManager[Mapping[str, str]]] = nothing_around,
) -> Comparison:
    """Run `target` in all cells of `plan` and compare.

    tell: called before each run with the cell and the number of the run, from 1.
    around: the context of each run; what it gives is added to the run's environment variables.
    Raises BadUsage if there is nothing to run, StoppedError if `children` was stopped.
    """
    done: dict[Cell, list[Run]] = {cell: [] for cell in plan.cells}

    def run_until(cell: Cell, count: int) -> list[Run]:
        while len(done[cell]) < count and not too_slow(done[cell]):
            tell(cell, len(done[cell]) + 1)
            with around() as variables:
                run = run_cell(
                    cell, target, plan.interpreter, plan.timeout, children, stdin, variables
                )
            if run.unusable is not None and cell == plan.baseline:
                raise BadUsage(run.unusable)
            done[cell].append(run)
        return done[cell]

    baseline = run_until(plan.baseline, min(FIRST_RUNS, plan.runs))
    verdicts = []
    for cell in plan.cells:
        if cell == plan.baseline:
            continue
        verdict = judge(baseline, run_until(cell, 1))
        while not verdict.same and not too_slow(done[cell]):
            steady = is_steady(baseline) and is_steady(done[cell])
            count = len(done[cell]) + 1
            if count > plan.runs * (1 if steady else UNSTEADY):
                break
            run_until(plan.baseline, count)
            verdict = judge(baseline, run_until(cell, count))
        verdicts.append(verdict)
    return Comparison(target, (Verdict(plan.baseline, tuple(baseline)), *verdicts))


def is_steady(runs: list[Run]) -> bool:
    """Return whether all runs of one cell did the same."""
    return all(judge(runs[:1], [run]).same for run in runs[1:])


def too_slow(runs: list[Run]) -> bool:
    """Return whether the last run did not end in time: another would cost as much again."""
    return bool(runs) and runs[-1].status is None

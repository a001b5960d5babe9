"""`miniloop compare`: one program in every cell, or every example.

The work is done in threads that only wait for processes, so that the main thread is free to be
interrupted: on Ctrl-C it ends all cells with everything they started.
"""

import os
import select
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click

from compat.commands import PROGRAM, interpreter_options, parse_target, target_arguments
from compat.comparing import Comparison, NotRun
from compat.comparing import compare as compare_cells
from compat.examples import EXAMPLES, Example
from compat.launching import installed_loops, missing_libraries, parse_interpreter
from compat.options import RUNS, BadUsage, Cell, Plan, Target, parse_cells
from compat.processes import Children
from compat.services import ServiceError, Services

SLOW_INPUT = 1.0  # seconds after which it is said that standard input is waited for
WAITING = 2  # examples at a time per processor: they mostly wait
WIDTH = 100  # columns, where there is no terminal


@click.command(context_settings=PROGRAM)
@click.option("--json", "json_wanted", is_flag=True, help="Print JSON, for machines.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a cell may take.",
)
@click.option("--cells", metavar="NAMES/LOOP,...", help="Which cells; all if not.")
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=RUNS,
    show_default=True,
    help="How often a cell that differs is run before that is certain.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many examples at a time; two for each processor if not.",
)
@click.option("--only", metavar="NAME,...", help="Which of the examples; all if not.")
@click.option(
    "--trace", is_flag=True, help="Compare two runs step by step: two cells, or two recordings."
)
@click.option("--html", "page", metavar="FILE", help="With --trace: write a page with both runs.")
@interpreter_options
@target_arguments
def compare(
    json_wanted: bool,
    timeout: float,
    cells: str | None,
    runs: int,
    jobs: int | None,
    only: str | None,
    trace: bool,
    page: str | None,
    python: str | None,
    warnings: tuple[str, ...],
    x: tuple[str, ...],
    as_module: bool,
    program: tuple[str, ...],
) -> int:
    """Run PROGRAM in every cell and say whether all do the same.

    PROGRAM may be the name of an example; without one every example is compared. Servers that an
    example needs are started for it. Output lines, their order, exit status, exceptions
    and warnings are compared, and times shown. The exit status is 0 if nothing certainly differs,
    1 if something does, 2 for a command line without sense.

    What is piped to standard input is given to every cell.
    """
    if (program or trace) and (only is not None or jobs is not None):
        raise BadUsage("--only and --jobs are for the examples")
    interpreter = parse_interpreter(python, warnings, x)
    chosen = parse_cells(cells, installed_loops(interpreter))
    plan = Plan(chosen, timeout, runs, interpreter)
    if trace:
        return compare_runs(plan, program, as_module, json_wanted, page, cells)
    if page is not None:
        raise BadUsage("--html is for --trace")
    if program:
        return compare_one(parse_target(program, as_module), plan, json_wanted)
    return compare_examples(plan, jobs or WAITING * (os.cpu_count() or 1), json_wanted, only)


def compare_runs(
    plan: Plan,
    program: tuple[str, ...],
    as_module: bool,
    json_wanted: bool,
    page: str | None,
    cells: str | None,
) -> int:
    """Compare two runs of a program, or two recordings, step by step; return the exit status."""
    from compat.commands import tracing

    if program and program[0].endswith((".mlt", ".mlt.gz")):
        if len(program) != 2:
            raise BadUsage("two recordings are compared; options go before them")
        return tracing.compare_files((program[0], program[1]), json_wanted, page)
    target = parse_target(program, as_module)
    with piped_input() as stdin:
        return tracing.compare_traces(target, tracing.chosen(cells, plan), json_wanted, page, stdin)


def compare_one(target: Target, plan: Plan, json_wanted: bool) -> int:
    """Compare one program and show the result; return the exit status."""
    with piped_input() as stdin, workers(1) as crew:
        tell_which = progress(target)
        future = crew.pool.submit(compare_program, target, plan, crew, stdin, tell_which)
        comparison = future.result()
        tell("")
    if isinstance(comparison, NotRun):
        raise BadUsage(f"{target.title} {comparison.reason}")
    if json_wanted:
        print_json([comparison])
    else:
        from rich.console import Console

        from compat.screen import show

        show(comparison, Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False))
    return 0 if comparison.same else 1


def examples_named(names: str | None) -> list[Example]:
    """Return the examples of these names, which commas or spaces separate; all if None."""
    if names is None:
        return list(EXAMPLES)
    known = {example.name: example for example in EXAMPLES}
    wanted = names.replace(",", " ").split()
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise BadUsage(
            f"there is no example {unknown[0]}" if unknown else "--only names no example"
        )
    return [known[name] for name in wanted]


def compare_examples(plan: Plan, jobs: int, json_wanted: bool, only: str | None = None) -> int:
    """Compare all examples, or those of the names in `only`; return the exit status.

    A line is shown for each as it is done.  One that lacks something is shown as not run, which
    is a failure only for continuous integration (CI is set).
    """
    targets = [Target("script", str(example.path)) for example in examples_named(only)]
    with workers(jobs) as crew:
        futures = [crew.pool.submit(compare_program, target, plan, crew) for target in targets]
        results = [shown(future, json_wanted) for future in futures]
    not_run = [item for item in results if isinstance(item, NotRun)]
    comparisons = [item for item in results if isinstance(item, Comparison)]
    if json_wanted:
        print_json(comparisons, not_run)
    else:
        conclude(comparisons, not_run, len(plan.cells))
    odd = any(not item.same for item in comparisons)
    return 1 if odd or (not_run and os.environ.get("CI")) else 0


def conclude(comparisons: list[Comparison], not_run: list[NotRun], cells: int) -> None:
    """Print what all examples together took, and how many did the same."""
    from rich.console import Console

    from compat.screen import totals

    if comparisons:
        Console(width=None if sys.stdout.isatty() else WIDTH).print("", totals(comparisons))
    odd = [item for item in comparisons if not item.same]
    same, total = len(comparisons) - len(odd), len(comparisons) + len(not_run)
    left = f", {len(not_run)} not run" if not_run else ""
    click.echo(f"\n{same} of {total} examples do the same in {cells} cells{left}")
    for item in odd:
        click.echo(f"look closer: miniloop compare {item.target.name}")


@dataclass
class Crew:
    """What comparisons are made with: threads to wait in, the cells they run, servers."""

    pool: ThreadPoolExecutor
    services: Services
    children: Children = field(default_factory=Children)


def compare_program(
    target: Target,
    plan: Plan,
    crew: Crew,
    stdin: Path | None = None,
    tell: Callable[[Cell, int], None] = lambda _cell, _run: None,
) -> Comparison | NotRun:
    """Compare a program, with all that it needs if it is an example; see `compat.comparing`."""
    example = example_of(target)
    libraries = example.libraries if example else ()
    lacking = missing_libraries(plan.interpreter, libraries)
    if lacking:
        extra = "install the checkout with its extra `libraries`"
        return NotRun(target, f"needs {' and '.join(lacking)}: {extra}")
    around = partial(crew.services.fresh, example.services if example else ())
    try:
        return compare_cells(target, plan, crew.children, stdin, tell, around)
    except ServiceError as error:
        return NotRun(target, f"cannot be run: {error}")


def example_of(target: Target) -> Example | None:
    """Return the example that a target is, however its path is written."""
    path = Path(target.name).resolve()
    for example in EXAMPLES:
        if target.kind == "script" and example.path == path:
            return example
    return None


def shown(future: "Future[Comparison | NotRun]", json_wanted: bool) -> Comparison | NotRun:
    """Wait for a comparison and print its line."""
    comparison = future.result()
    if not json_wanted:
        from rich.console import Console

        from compat.screen import summary_line

        Console(soft_wrap=True, highlight=False).print(summary_line(comparison))
    return comparison


@contextmanager
def workers(count: int) -> Iterator[Crew]:
    """Give a crew with so many threads; if anything is raised, all cells are ended."""
    with Services() as services:
        crew = Crew(ThreadPoolExecutor(count, "cell"), services)
        try:
            yield crew
        except BaseException:
            crew.pool.shutdown(wait=False, cancel_futures=True)
            crew.children.stop()
            raise
        finally:
            crew.pool.shutdown()


@contextmanager
def piped_input() -> Iterator[Path | None]:
    """Give a file with all that is piped or redirected to us, or None if nothing is."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        mode = 0
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        yield None
        return
    with tempfile.NamedTemporaryFile(prefix="miniloop-") as file:
        if not select.select([0], [], [], SLOW_INPUT)[0]:
            click.echo("miniloop: waiting for standard input (</dev/null gives none)", err=True)
        while data := os.read(0, 65536):
            file.write(data)
        file.flush()
        yield Path(file.name)


def progress(target: Target) -> "partial[None]":
    """Return a function that tells on the terminal which cell is running."""
    return partial(tell_run, target.title)


def tell_run(title: str, cell: Cell, number: int) -> None:
    """Tell on the terminal which cell is running, and for which time."""
    tell(f"{title} in {cell}" + (f", run {number}" if number > 1 else ""))


def tell(text: str) -> None:
    """Overwrite one line on a terminal; say nothing elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def print_json(comparisons: list[Comparison], not_run: Sequence[NotRun] = ()) -> None:
    """Print the comparisons for machines."""
    from compat.machine import as_json

    click.echo(as_json(comparisons, not_run))

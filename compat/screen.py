"""Show a comparison on one screen, for people.

A table with a line for each cell; below it what certainly differs, side by side; below that, dimly,
what is only timing.  Cells that differ in the same way are shown once.
"""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from compat.capturing import Run
from compat.comparing import Comparison, NotRun
from compat.options import Cell
from compat.verdict import STREAMS, Difference, Verdict, status_name

MOST_ROWS = 8  # differences shown for one cell
SHORT = 60  # letters of a line that is quoted in a sentence
SMALL = 0.05  # seconds; the ratio of two times below this says nothing
SHOWN = ("status", "exception", "warning", "order", "line")  # first what explains the rest
COLUMNS = (
    ("exit", ("status",)),
    ("lines", ("line",)),
    ("order", ("order",)),
    ("exceptions", ("exception",)),
    ("warnings", ("warning",)),
)
OWN_LOOPS = {"asyncio": "asyncio.", "miniloop": "miniloop.", "uvloop": "uvloop."}


def show(comparison: Comparison, console: Console) -> None:
    """Print one comparison."""
    console.print(f"[bold]{escape(comparison.target.title)}[/bold]")
    console.print(table(comparison))
    baseline = comparison.verdicts[0]
    for verdicts in alike(comparison.verdicts[1:]):
        console.print(side_by_side(baseline.cell, verdicts))
    for note in notes(comparison):
        console.print(Text(note, style="dim"))
    console.print(sentence(comparison))


def table(comparison: Comparison) -> Table:
    """Return the table of cells."""
    result = Table(box=None, pad_edge=False, header_style="dim")
    result.add_column("cell")
    for name, _ in COLUMNS:
        result.add_column(name, justify="center")
    for name in ("wall s", "", "CPU s", ""):
        result.add_column(name, justify="right")
    result.add_column("")
    first = best(comparison.verdicts[0].runs)
    for verdict in comparison.verdicts:
        run = best(verdict.runs)
        marks = [mark(verdict, kinds, verdict is comparison.verdicts[0]) for _, kinds in COLUMNS]
        times = [f"{run.wall:.2f}", ratio(run.wall, first.wall)]
        times += [f"{run.cpu:.2f}", ratio(run.cpu, first.cpu)]
        result.add_row(str(verdict.cell), *marks, *times, outcome(verdict))
    return result


def mark(verdict: Verdict, kinds: Sequence[str], is_baseline: bool) -> Text:
    """Return what stands in a table's field: the baseline's own facts, or whether they agree."""
    run = verdict.runs[0]
    if is_baseline and kinds == ("status",):
        return Text("timeout" if run.status is None else str(run.status))
    if is_baseline and kinds == ("line",):
        return Text(str(len(run.lines)))
    if is_baseline:
        return Text("")
    if verdict.agrees(*kinds):
        varies = any(item.kind in kinds for item in verdict.differences)
        return Text("varies", style="dim") if varies else Text("same", style="green")
    return Text("differs", style="bold red")


def best(runs: Sequence[Run]) -> Run:
    """Return the run with the least CPU time: the one that was disturbed least."""
    return min(runs, key=lambda run: (run.status is None, run.cpu))


def ratio(value: float, base: float) -> str:
    """Return how many times `base` a value is, or nothing where both are too small to tell."""
    if max(value, base) < SMALL or not base:
        return ""
    return f"{value / base:.2f}x"


def outcome(verdict: Verdict) -> str:
    """Return the last field of a cell's line in the table."""
    run = verdict.runs[0]
    if run.unusable is not None:
        return "could not run"
    remarks = []
    if run.loops and not any(name.startswith(OWN_LOOPS[verdict.cell.loop]) for name in run.loops):
        remarks.append(f"made no loop of {verdict.cell.loop}'s")
    if run.left_behind:
        remarks.append("left processes behind")
    if run.truncated:
        remarks.append("printed too much to keep")
    if len(verdict.runs) > 2:
        remarks.append(f"{len(verdict.runs)} runs")
    return ", ".join(remarks)


def alike(verdicts: Sequence[Verdict]) -> Iterator[list[Verdict]]:
    """Yield the cells that differ, those with the same differences together."""
    groups: dict[tuple[Difference, ...], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.certain:
            groups.setdefault(verdict.certain, []).append(verdict)
    yield from groups.values()


def side_by_side(baseline: Cell, verdicts: list[Verdict]) -> RenderableType:
    """Return what certainly differs between the baseline and some cells that differ alike."""
    cells = ", ".join(str(verdict.cell) for verdict in verdicts)
    result = Table(expand=True, show_lines=False, pad_edge=False, border_style="red")
    result.add_column("", no_wrap=True)
    result.add_column(str(baseline), ratio=1, overflow="fold")
    result.add_column(cells, ratio=1, overflow="fold")
    shown = sorted(verdicts[0].certain, key=lambda item: SHOWN.index(item.kind))
    for item in shown[:MOST_ROWS]:
        where = {"out": "", "err": " (stderr)"}.get(item.stream, "")
        result.add_row(item.kind + where, field(item.baseline), field(item.cell))
    rest = len(shown) - MOST_ROWS
    return Group(result, f"  and {rest} more (--json tells all)") if rest > 0 else result


def field(text: str | None) -> Text:
    """Return one side of a difference."""
    return Text("nothing", style="dim italic") if text is None else Text(harmless(text))


def harmless(text: str) -> str:
    """Return what a program printed without anything that would steer the terminal."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text
    )


def short(text: str | None) -> str:
    """Return one side of a difference as part of a sentence."""
    line = harmless(text or "nothing").strip().replace("\n", " / ")
    return line if len(line) <= SHORT else line[: SHORT - 3] + "..."


def notes(comparison: Comparison) -> Iterator[str]:
    """Yield a line for each cell whose output differs in timing only."""
    for verdict in comparison.verdicts[1:]:
        loose = [item for item in verdict.differences if not item.certain]
        numbers = [item for item in loose if item.kind == "number"]
        others = [item for item in loose if item.kind in ("line", "order", "status")]
        moments = [item for item in loose if item.kind == "moment"]
        parts = []
        if numbers:
            example = f"{short(numbers[0].baseline)} | {short(numbers[0].cell)}"
            parts.append(f"{len(numbers)} x names or numbers only: {example}")
        if others:
            item = others[0]
            place = STREAMS.get(item.stream, "how it ends")
            parts.append(f"{place} varies: {short(item.baseline)} | {short(item.cell)}")
        if moments:
            item = moments[0]
            parts.append(f"at another time: {short(item.baseline)} | {short(item.cell)}")
        if parts:
            yield f"timing only, {verdict.cell}: " + "; ".join(parts)


def sentence(comparison: Comparison) -> Text:
    """Return the conclusion."""
    ended = status_name(comparison.verdicts[0].runs[0])
    total = len(comparison.verdicts)
    odd = [str(verdict.cell) for verdict in comparison.verdicts if not verdict.same]
    if odd:
        return Text(f"{len(odd)} of {total} cells differ: {', '.join(odd)}", style="bold red")
    if total == 1:
        return Text(f"One cell only, nothing to compare it with; {ended}", style="yellow")
    return Text(f"The same in all {total} cells; {ended}", style="green")


def summary_line(comparison: Comparison | NotRun) -> Text:
    """Return one line for a program among many: the verdict, its name, its size and its time."""
    if isinstance(comparison, NotRun):
        text = Text("not run", "yellow").append(f"  {comparison.target.title:<32}", "")
        return text.append(comparison.reason, "yellow")
    first = best(comparison.verdicts[0].runs)
    odd = [str(verdict.cell) for verdict in comparison.verdicts if not verdict.same]
    text = Text("differs", "bold red") if odd else Text("same   ", "green")
    text.append(f"  {comparison.target.title:<32}{len(first.lines):4} lines", "")
    text.append(f" {first.wall:6.2f} s  ", "")
    return text.append(", ".join(odd), "red")


def totals(comparisons: Sequence[Comparison]) -> Table:
    """Return the table of what all programs together took in each cell."""
    result = Table(box=None, pad_edge=False, header_style="dim")
    result.add_column("all together")
    for name in ("differ", "wall s", "", "CPU s", ""):
        result.add_column(name, justify="right")
    columns = list(zip(*(comparison.verdicts for comparison in comparisons), strict=True))
    bests = [[best(verdict.runs) for verdict in column] for column in columns]
    sums = [(sum(run.wall for run in runs), sum(run.cpu for run in runs)) for runs in bests]
    for column, (wall, cpu) in zip(columns, sums, strict=True):
        odd = sum(not verdict.same for verdict in column)
        times = f"{wall:.2f}", ratio(wall, sums[0][0]), f"{cpu:.2f}", ratio(cpu, sums[0][1])
        result.add_row(str(column[0].cell), str(odd or ""), *times)
    return result

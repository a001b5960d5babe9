"""A report as plain text: tables of times, ratios and extras, and what went wrong.

Read next: thresholds.py
"""

from __future__ import annotations

from collections.abc import Sequence

from compat.bench.model import Extra, Suite
from compat.bench.report import Report

NOT_MEASURED = "-"


def align(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines whose columns are equally wide, the first one to the left."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def headings(report: Report) -> list[list[str]]:
    """Return the two lines that say whose a column is, mostly whose names and whose loop."""
    parts = [found.key.partition("/") for found in report.results.contestants]
    first, second = report.parts
    return [[first, *(part[0] for part in parts)], [second, *(part[2] for part in parts)]]


def times(report: Report) -> list[str]:
    """Return the table of CPU times."""
    lines = headings(report)
    for row, cells in report.cells.items():
        line = [row]
        for contestant in report.results.contestants:
            cell = cells.get(contestant.key)
            if cell is None:
                line.append(NOT_MEASURED)
            else:
                line.append(f"{cell.nanoseconds.median:,.0f} ±{cell.nanoseconds.spread:3.0%}")
        lines.append(line)
    return align(lines)


def ratios(report: Report, baseline: str) -> list[str]:
    """Return the table of ratios to one baseline, with the geometric mean below."""
    lines = headings(report)
    for row, cells in report.cells.items():
        line = [row]
        for contestant in report.results.contestants:
            cell = cells.get(contestant.key)
            found = cell.ratios.get(baseline) if cell else None
            line.append(f"{found.median:.2f} ±{found.spread:3.0%}" if found else NOT_MEASURED)
        lines.append(line)
    bottom = ["geometric mean"]
    for contestant in report.results.contestants:
        mean = report.means[baseline].get(contestant.key)
        short = "" if mean is None or mean.rows == len(report.cells) else f" ({mean.rows} rows)"
        bottom.append(f"{mean.ratio:.2f}{short or '     '}" if mean else NOT_MEASURED)
    lines.append(bottom)
    return align(lines)


def distances(report: Report, floor: str) -> list[str]:
    """Return the table of how many times a floor's CPU time everybody takes."""
    lines = headings(report)
    for row, cells in report.cells.items():
        line = [row]
        for contestant in report.results.contestants:
            cell = cells.get(contestant.key)
            found = cell.ratios.get(floor) if cell else None
            line.append(f"{1 / found.median:.2f} ±{found.spread:3.0%}" if found else NOT_MEASURED)
        lines.append(line)
    bottom = ["geometric mean"]
    for contestant in report.results.contestants:
        mean = report.means[floor].get(contestant.key)
        bottom.append(f"{1 / mean.ratio:.2f}     " if mean else NOT_MEASURED)
    return align([*lines, bottom])


def extra(report: Report, wanted: Extra) -> list[str]:
    """Return the table of something that was measured besides CPU time."""
    lines = headings(report)
    for row, cells in report.cells.items():
        line = [row]
        for contestant in report.results.contestants:
            cell = cells.get(contestant.key)
            found = cell.extras.get(wanted.key) if cell else None
            line.append(
                f"{found.median:{wanted.format}} ±{found.spread:3.0%}" if found else NOT_MEASURED
            )
        lines.append(line)
    return align(lines)


def remarks(report: Report) -> list[str]:
    """Return who did not take part, and what went wrong."""
    results = report.results
    lines = [f"not measured: {key}: {why}" for key, why in results.absent.items()]
    explained = set()
    for failure in results.failures:
        # The first one in full: the others are mostly the same again.
        said = failure.error.splitlines()
        lines.append(f"failed: {failure.row} on {failure.contestant}: {said[-1]}")
        if failure.contestant not in explained:
            explained.add(failure.contestant)
            lines += [f"    {line}" for line in said[:-1]]
    return lines


def render(report: Report, suite: Suite) -> str:
    """Return everything as text, without a newline at its end."""
    results = report.results
    loops = {results.loops[found.key] for found in results.contestants} or {"no loops"}
    legend = suite.legend.splitlines() or [f"{row.key}: {row.about}" for row in results.rows]
    parts = [
        [f"{suite.title}, Python {results.python or 'unknown'}; {', '.join(sorted(loops))}"],
        legend,
        ["CPU nanoseconds per operation: median, ± half the interquartile range"],
        times(report),
    ]
    present = {found.key for found in results.contestants}
    for baseline in suite.baselines:
        if baseline in present and baseline != suite.floor and report.means[baseline]:
            parts.append([f"Times as fast as {baseline}: median of the rounds' ratios"])
            parts.append(ratios(report, baseline))
    if suite.floor in present:
        parts.append([f"Times the CPU time of {suite.floor}, below which no Python code gets"])
        parts.append(distances(report, suite.floor))
    for wanted in suite.extras:
        parts.append([wanted.title])
        parts.append(extra(report, wanted))
    parts.append(remarks(report))
    return "\n\n".join("\n".join(part) for part in parts if part)

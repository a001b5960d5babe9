"""From samples to what is said about them: medians, ratios and means, also as JSON.

Read next: table.py
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compat.bench.model import BASELINES, Settings
from compat.bench.rounds import Results
from compat.bench.summary import Quartiles, geometric_mean, quartiles, speedups

FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """One row on one contestant.

    Attributes:
        nanoseconds: CPU time per operation.
        samples: the same of every round.
        operations: how many of them a sample has; 0 if that is not the same for all.
        ratios: for each baseline how many times faster than it; a baseline that did not
            do the row is not in there.
        extras: what else was measured, by name.
    """

    nanoseconds: Quartiles
    samples: list[float]
    operations: int
    ratios: dict[str, Quartiles]
    extras: dict[str, Quartiles]


@dataclass(frozen=True)
class Mean:
    """A geometric mean of ratios, and the number of rows that it is taken over."""

    ratio: float
    rows: int


@dataclass(frozen=True)
class Report:
    """All that there is to say.

    Attributes:
        results: what it was made from.
        cells: by row, then by contestant; a contestant that failed is not in there.
        means: by baseline, then by contestant.
        parts: what the two halves of a contestant's key are.
    """

    results: Results
    cells: dict[str, dict[str, Cell]]
    means: dict[str, dict[str, Mean]]
    parts: tuple[str, str] = ("names", "loop")

    def ratio(self, row: str, contestant: str, baseline: str) -> float | None:
        """Return how many times faster a row is than the baseline; None if unknown."""
        cell = self.cells[row].get(contestant)
        found = cell and cell.ratios.get(baseline)
        return found.median if found else None


def make_cell(
    results: Results, row: str, contestant: str, baselines: Sequence[str] = BASELINES
) -> Cell:
    """Sum up the samples of one row on one contestant, of which there is at least one."""
    samples = results.samples[row, contestant]
    ratios = {
        baseline: quartiles(speedups(results.samples[row, baseline], samples))
        for baseline in baselines
        if (row, baseline) in results.samples
    }
    nanoseconds = [sample * 1e9 for sample in samples]
    per_unit = next(found.per_unit for found in results.rows if found.key == row)
    operations = results.units[row, contestant] * per_unit
    found = results.extras.get((row, contestant)) or [{}]
    extras = {key: quartiles(each[key] for each in found) for key in found[0]}
    return Cell(quartiles(nanoseconds), nanoseconds, operations, ratios, extras)


def make_report(
    results: Results,
    baselines: Sequence[str] = BASELINES,
    parts: tuple[str, str] = ("names", "loop"),
) -> Report:
    """Sum up a whole run, in relation to some contestants."""
    who = [contestant.key for contestant in results.contestants]
    cells = {
        row.key: {
            key: make_cell(results, row.key, key, baselines)
            for key in who
            if (row.key, key) in results.samples
        }
        for row in results.rows
    }
    means: dict[str, dict[str, Mean]] = {}
    for baseline in baselines:
        means[baseline] = {}
        for key in who:
            ratios = [
                line[key].ratios[baseline].median
                for line in cells.values()
                if key in line and baseline in line[key].ratios
            ]
            if ratios:
                means[baseline][key] = Mean(geometric_mean(ratios), len(ratios))
    return Report(results, cells, means, parts)


def cell_as_json(cell: Cell) -> dict[str, Any]:
    """Return a cell in plain lists and dictionaries; extras only if there are any."""
    found = asdict(cell)
    if not cell.extras:
        del found["extras"]
    return found


def as_json(report: Report, title: str, settings: Settings) -> dict[str, Any]:
    """Return a report in plain lists and dictionaries.

    Times are nanoseconds of CPU per operation; ratios say how many times faster than
    the baseline that is their key.
    """
    results = report.results
    return {
        "format": FORMAT,
        "suite": title,
        "python": results.python,
        "machine": {
            "platform": platform.platform(),
            "processors": os.cpu_count(),
        },
        "settings": asdict(settings),
        "contestants": [
            {**asdict(contestant), "loop": results.loops[contestant.key]}
            for contestant in results.contestants
        ],
        "absent": results.absent,
        "rows": [
            {
                "key": row.key,
                "about": row.about,
                "cells": {key: cell_as_json(cell) for key, cell in report.cells[row.key].items()},
            }
            for row in results.rows
        ],
        "geometric_means": {
            baseline: {key: asdict(mean) for key, mean in line.items()}
            for baseline, line in report.means.items()
        },
        "failures": [asdict(failure) for failure in results.failures],
    }

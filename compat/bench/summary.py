"""The statistics of the benchmarks: quartiles, paired ratios, geometric means.

Medians and quartiles, since now and then a sample is disturbed from outside and is
several times too long.  A ratio is formed within each round, from two samples that were
taken moments apart, and the median of those is what is reported: when the machine slows
down for a while, both slow down.  It may differ a little from the ratio of the medians.

Read next: report.py
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quartiles:
    """The middle of some numbers, and the half of them that is nearest to it.

    Invariant: low <= median <= high.
    """

    low: float
    median: float
    high: float

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a part of the median (0.05 is 5 %)."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the value below which a part of some numbers lies.

    Between two numbers it goes in a straight line; 0 is the least and 1 the greatest.

    Args:
        ordered: at least one number, in ascending order.
        part: from 0 to 1.
    """
    place = part * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    weight = place - below
    # Not low + weight * (high - low): that can leave the interval by rounding.
    between = ordered[below] * (1 - weight) + ordered[above] * weight
    return min(max(between, ordered[below]), ordered[above])


def quartiles(numbers: Iterable[float]) -> Quartiles:
    """Return the quartiles of some numbers.  Raises ValueError if there are none."""
    ordered = sorted(numbers)
    if not ordered:
        raise ValueError("no numbers, so no quartiles")
    return Quartiles(*(quantile(ordered, part) for part in (0.25, 0.5, 0.75)))


def speedups(baseline: Sequence[float], samples: Sequence[float]) -> list[float]:
    """Return for each round how many times faster the samples are than the baseline.

    Args:
        baseline: time per operation in round 1, 2, ...
        samples: the same of somebody else; rounds that one of them lacks are left out.
    """
    return [base / sample for base, sample in zip(baseline, samples, strict=False)]


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the mean that is fair to ratios: twice and half as fast make 1.

    Raises:
        ValueError: if there are no ratios, or one is not above zero.
    """
    logarithms = [math.log(ratio) for ratio in ratios]
    if not logarithms:
        raise ValueError("no ratios, so no mean")
    return math.exp(math.fsum(logarithms) / len(logarithms))

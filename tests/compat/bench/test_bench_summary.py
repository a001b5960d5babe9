"""What is true of quartiles, ratios and means, whatever the numbers."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.bench.summary import geometric_mean, quantile, quartiles, speedups

TIMES = st.floats(min_value=1e-9, max_value=1e3)
SAMPLES = st.lists(TIMES, min_size=1, max_size=30)


@given(SAMPLES)
def test_quartiles_are_in_order_and_within(samples: list[float]) -> None:
    found = quartiles(samples)
    assert min(samples) <= found.low <= found.median <= found.high <= max(samples)
    assert found.spread >= 0


@given(st.lists(TIMES, min_size=2, max_size=30))
def test_quartiles_are_those_of_the_standard_library(samples: list[float]) -> None:
    found = quartiles(samples)
    expected = statistics.quantiles(samples, n=4, method="inclusive")
    assert [found.low, found.median, found.high] == pytest.approx(expected)


@given(SAMPLES, st.randoms(use_true_random=False))
def test_quartiles_do_not_depend_on_order(samples: list[float], random: object) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert quartiles(shuffled) == quartiles(samples)


@given(TIMES, st.integers(1, 10))
def test_equal_samples_have_no_spread(time: float, count: int) -> None:
    found = quartiles([time] * count)
    assert (found.low, found.median, found.high) == (time, time, time)
    assert found.spread == 0


@given(SAMPLES)
def test_the_ends_of_a_quantile(samples: list[float]) -> None:
    ordered = sorted(samples)
    assert quantile(ordered, 0) == ordered[0]
    assert quantile(ordered, 1) == ordered[-1]


def test_one_wild_sample_does_not_move_the_median() -> None:
    assert quartiles([1.0, 1.0, 1.0, 1.0, 100.0]).median == 1.0


@given(SAMPLES)
def test_nobody_is_faster_than_himself(samples: list[float]) -> None:
    assert speedups(samples, samples) == [1.0] * len(samples)


@given(SAMPLES, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_a_machine_that_slows_down_for_both_does_not_matter(
    samples: list[float], factor: float
) -> None:
    assert speedups([sample * factor for sample in samples], samples) == pytest.approx(
        [factor] * len(samples)
    )


def test_rounds_that_one_of_them_lacks_are_left_out() -> None:
    assert speedups([4.0, 4.0, 4.0], [1.0, 2.0]) == [4.0, 2.0]


@given(SAMPLES)
def test_a_geometric_mean_lies_within(ratios: list[float]) -> None:
    mean = geometric_mean(ratios)
    assert min(ratios) * (1 - 1e-9) <= mean <= max(ratios) * (1 + 1e-9)


@given(SAMPLES)
def test_the_mean_of_the_inverses_is_the_inverse(ratios: list[float]) -> None:
    inverse = geometric_mean(1 / ratio for ratio in ratios)
    assert math.isclose(inverse * geometric_mean(ratios), 1, rel_tol=1e-9)


def test_twice_and_half_make_one() -> None:
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1.0)


def test_nothing_has_no_quartiles_and_no_mean() -> None:
    with pytest.raises(ValueError, match="no quartiles"):
        quartiles([])
    with pytest.raises(ValueError, match="no mean"):
        geometric_mean([])

"""What `explore` is asked for: whether it makes sense, and how it is written down.

What is written down goes with an exploration, so that one that is resumed, or put together
from shards, is sure to be one exploration.

Read next: explore.py
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .phases import STRATEGIES
from .trial import Trial

__all__ = ["check", "name_of", "written_down"]


def check(
    scenario: Any,
    strategy: str,
    runs: int | None,
    seconds: float | None,
    depth: int,
    horizon: int | None,
    shard: tuple[int, int],
) -> None:
    """Raise ValueError for what makes no sense, TypeError for a scenario that is none."""
    if inspect.iscoroutine(scenario) or not callable(scenario):
        raise TypeError(f"the scenario is an async def, not called yet; this is {scenario!r}")
    if strategy not in STRATEGIES:
        raise ValueError(f"the strategy is one of {', '.join(STRATEGIES)}, not {strategy!r}")
    if runs is None and seconds is None:
        raise ValueError("say how many runs or seconds it may take")
    for name, value, least in (("runs", runs, 1), ("depth", depth, 1), ("horizon", horizon, 1)):
        if value is not None and value < least:
            raise ValueError(f"{name} is at least {least}, not {value}")
    if seconds is not None and seconds <= 0:
        raise ValueError(f"seconds is more than 0, not {seconds}")
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(f"of {count} shards there is none with number {index}")


def name_of(scenario: Callable[..., Any]) -> str | None:
    """Return what *scenario* is called where it was written, or None."""
    while isinstance(scenario, functools.partial):
        scenario = scenario.func
    return getattr(scenario, "__qualname__", None)


def written_down(
    trial: Trial,
    strategy: str,
    seed: int,
    runs: int | None,
    depth: int,
    horizon: int | None,
    shard: tuple[int, int],
    reduce: bool,
) -> dict[str, Any]:
    """Return the arguments that decide what is gone through, in values of JSON."""
    return {
        "scenario": name_of(trial.scenario),
        "strategy": strategy,
        "seed": seed,
        "level": trial.level,
        "runs": runs,
        "depth": depth,
        "horizon": horizon,
        "cancel": trial.cancel,
        "ignore": sorted(trial.ignore),
        "limits": None if trial.limits is None else asdict(trial.limits),
        "library": trial.library,
        "reduce": reduce,
        "shard": list(shard),
    }

"""What it takes to explore a schedule: three scenarios, a row each.

One operation is one schedule: a run of the scenario from making a loop to closing it, with
whatever the tool does around it.  Time is the CPU time of the process, garbage collection
included, since what a run leaves to be collected is part of its price.

The number of schedules is counted by the scenario, at its end.

Read next: goals.py
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import ModuleType

from compat.bench.exploring import scenarios
from compat.bench.exploring.tools import BARE, PEERS, Order
from compat.bench.model import Extra, Row, Sample, Suite

SUITE = Suite(
    "exploring",
    extras=(Extra("rate", "Schedules per second of CPU time"),),
    against=(BARE.key, *(peer.key for peer in PEERS)),
)


@dataclass(frozen=True)
class Exploring:
    """The workload of a row.

    Attributes:
        scenario: what is run in every schedule.
    """

    scenario: scenarios.Scenario

    async def __call__(self, names: ModuleType, units: int) -> Sample:
        """Take a sample of so many schedules."""
        ended = 0

        async def program(address: scenarios.Address) -> None:
            nonlocal ended
            await self.scenario(names, address)
            ended += 1

        started = time.process_time()
        await Order(program, units)
        seconds = time.process_time() - started
        return Sample(seconds, ended, {"rate": ended / seconds if seconds else 0.0})


def fill() -> None:
    """Add all rows, in the order of the table."""
    for key, scenario in (
        ("small", scenarios.counter),
        ("medium", scenarios.workshop),
        ("network", scenarios.network),
    ):
        about = (scenario.__doc__ or key).splitlines()[0].rstrip(".")
        SUITE.rows[key] = Row(key, f"a schedule of: {about}", 1, Exploring(scenario))


fill()

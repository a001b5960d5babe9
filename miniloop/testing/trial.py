"""One way to run a scenario, ready to be run as often as wanted, here or in another process.

A `Trial` is everything about a run but its schedule.  It is a plain value: two of the same
trial with the same deviations are the same run, wherever they are made.

Read next: strategies.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .choices import Decide, Key
from .failures import Failure
from .injection import Injection
from .schedule import Schedule
from .world import Limits, Run, Scenario, World

__all__ = ["HORIZON", "Trial", "shows"]

#: How many polls later an outside event may land, where no run has been measured.
HORIZON = 32


@dataclass(frozen=True)
class Trial:
    """How a scenario is run.

    Attributes:
        scenario: what is run; an ``async def`` that may take the World.
        level: what may vary, see `Schedule`.
        library: whose loop it runs on, ``miniloop`` or ``asyncio``.
        horizon: how many polls later at most an outside event may land.
        ignore: checks to leave out.
        limits: how long a run may be.
        cancel: None, or what is injected into every task: ``everywhere`` (a cancellation)
            or ``timeouts``.
    """

    scenario: Scenario
    level: str = "fifo"
    library: str = "miniloop"
    horizon: int = HORIZON
    ignore: tuple[str, ...] = ()
    limits: Limits | None = None
    cancel: str | None = None

    def run(
        self,
        deviations: Mapping[Key, int] | None = None,
        decide: Decide | None = None,
        trace: bool = False,
    ) -> Run:
        """Run once; *deviations* come before what *decide* says; both silent is plain asyncio."""
        return self.run_in_world(deviations, decide, trace)[1]

    def run_in_world(
        self,
        deviations: Mapping[Key, int] | None = None,
        decide: Decide | None = None,
        trace: bool = False,
        make: Callable[..., World] = World,
    ) -> tuple[World, Run]:
        """Run once, as `run` does; return the World as well, to be looked at."""
        world = self.world(deviations, decide, trace, make)
        if self.cancel is None:
            return world, world.run(self.scenario)
        return world, Injection(world, self.cancel).run(self.scenario)

    def world(
        self,
        deviations: Mapping[Key, int] | None = None,
        decide: Decide | None = None,
        trace: bool = False,
        make: Callable[..., World] = World,
    ) -> World:
        """Return the World of one run, made by *make*, which takes what `World` takes."""
        world = make(
            schedule=Schedule(deviations or {}, self.level),
            decide=decide,
            library=self.library,
            horizon=self.horizon,
            trace=trace,
            ignore=self.ignore,
            limits=self.limits,
        )
        bind = getattr(decide, "bind", None)
        if bind is not None:
            bind(world)
        return world

    def at(self, *, level: str | None = None, library: str | None = None) -> Trial:
        """Return the same trial at another level, or on another library's loop."""
        return replace(self, level=level or self.level, library=library or self.library)

    def reaching(self, deviations: Mapping[Key, int]) -> Trial:
        """Return the same trial with a horizon that cuts none of *deviations* short."""
        return replace(self, horizon=max(self.horizon, *deviations.values(), 0))


def shows(run: Run, identity: tuple[str, str]) -> Failure | None:
    """Return the failure of *run* that is the one of that identity, or None."""
    return next((failure for failure in run.failures if failure.identity == identity), None)

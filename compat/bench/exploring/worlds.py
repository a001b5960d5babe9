"""``miniloop.testing`` as a tool of the benchmark, at two levels.

In a module of its own, so that the other tools' processes do without it.

Read next: rows.py
"""

from __future__ import annotations

from compat.bench.exploring.tools import ExploringError, Scenario, Tool
from miniloop.testing.fence import fenced
from miniloop.testing.trial import Trial
from miniloop.testing.work import Unit, work


class Miniloop(Tool):
    """A random walk of ``miniloop.testing``, as `explore` makes one.

    The first schedule is the plain one, which measures what there is to decide.  The walks
    follow in one process, behind one fence, with garbage collected between them.
    """

    level = ""

    def explore(self, scenario: Scenario, runs: int) -> None:
        """Run *scenario* in so many Worlds; raises ExploringError when one fails."""
        trial = Trial(scenario, level=self.level)
        with fenced():
            plain = trial.run()
            if plain.failures:
                raise ExploringError(str(plain.failures[0]))
            unit = Unit(strategy="random", walks=range(1, runs), counts=plain.decided.counts)
            done = work(trial, unit, runs)
        if done.hit is not None:
            kind, words = done.hit.identity
            raise ExploringError(f"walk {done.hit.runs}: {kind}: {words}")


class Fifo(Miniloop):
    """The default level: only what comes from outside varies."""

    __module__ = "miniloop"
    level = "fifo"


class AnyOrder(Miniloop):
    """The level on which whichever ready entry may run next, as with the other tools."""

    __module__ = "miniloop"
    level = "any"

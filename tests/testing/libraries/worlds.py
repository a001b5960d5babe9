"""What is asked of every library in the World: the same run on both loops, and no order breaks it.

Read next: test_anyio.py
"""

from __future__ import annotations

import sys
from typing import Any

from miniloop.testing import Exploration, FoundFailure, Link, Run, World, explore, replay
from miniloop.testing.world import Scenario

from ...effort import effort
from ..test_alike import at_random, facts

__all__ = ["alike", "breaks", "faulty", "holds"]

LIBRARIES = ("miniloop", "asyncio")

#: How many schedules a right program has to survive.
RUNS = effort(150, 30)

#: Up to Python 3.11 `asyncio.wait_for` swallows a cancellation that comes with the result.
OLD = ("swallowed cancellation",) if sys.version_info < (3, 12) else ()

#: A link where whatever can happen to a connection may.
BAD: dict[str, Any] = {"latency": 0.02, "resets": True, "refusals": True, "partial_writes": True}


def alike(scenario: Scenario, times: int = 3) -> Run:
    """Run *scenario* plainly, and some times at random, on both loops; return the plain run.

    From Python 3.13 on the runs are the same entry for entry.  Older streams and servers
    of asyncio end otherwise, so there only what the plain run comes to is compared.
    """
    plain = [World(library=library, trace=True).run(scenario) for library in LIBRARIES]
    ours, theirs = plain
    assert ours.failures == theirs.failures == []
    assert ours.result == theirs.result
    if sys.version_info >= (3, 13):
        assert facts(ours) == facts(theirs)
        for seed in range(times):
            ours, theirs = (
                World(library=library, trace=True, decide=at_random(seed, 0.1)).run(scenario)
                for library in LIBRARIES
            )
            assert facts(ours) == facts(theirs), seed
    return plain[0]


def holds(scenario: Scenario, runs: int = RUNS, **options: Any) -> Exploration:
    """Explore *scenario*; nothing may be found, in no fewer runs than that unless that is all."""
    exploration = explore(scenario, runs=runs, ignore=OLD, **options)
    assert exploration.failure is None, str(exploration.failure)
    assert exploration.runs == runs or exploration.everything
    return exploration


def breaks(scenario: Scenario, words: str, runs: int = 1000, **options: Any) -> FoundFailure:
    """Explore *scenario*; a failure that says *words* is found, though not in plain order.

    It fails again from its schedule alone, and on the standard library's own loop.
    """
    exploration = explore(scenario, runs=runs, **options)
    found = exploration.failure
    assert found is not None, str(exploration)
    assert words in str(found.failure), str(found)
    assert found.schedule, "the plain run fails already"
    assert found.level == "fifo"
    again = replay(scenario, str(found.schedule))
    assert [str(each) for each in again.failures][:1] == [str(found.failure)]
    if sys.version_info >= (3, 13):
        assert found.on_asyncio, str(found)
    return found


def faulty(link: Link) -> None:
    """Have *link* do whatever can happen to a connection."""
    for name, value in BAD.items():
        setattr(link, name, value)

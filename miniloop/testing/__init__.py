"""Put your own asyncio code into a deterministic world, and learn whether some order breaks it.

    import asyncio
    from miniloop.testing import explore

    async def scenario(world):
        queue = asyncio.Queue()
        got = []

        async def consumer():
            item = await queue.get()
            await asyncio.sleep(0)  # the item is in nobody's hands now
            got.append(item)

        task = asyncio.create_task(consumer())
        queue.put_nowait("item")
        world.sometime(task.cancel)  # from outside, at whatever moment
        await asyncio.wait([task])
        assert len(got) + queue.qsize() == 1, "the item is lost"

    def test_nothing_is_lost():
        explore(scenario).check()

`explore` runs the scenario as plain asyncio would, then sweeps over every place where
something from outside can land, then goes through deviations from plain order, then walks
at random.  What fails is shrunk to the least that it takes, run on the standard library's
own loop as proof, and told in words, with the line for ``miniloop replay`` that repeats
it.  Time is virtual, the network is simulated (`World.network`), nothing leaves the World.

    explore, merged, replay  many schedules; what their shards came to; one schedule
    World, Run, Limits       one run, made by hand
    Schedule, Choice         where a run deviates from plain order
    Exploration, FoundFailure, Phase, Failure, ScheduleFailure    what came of it
    History, Model           is what several clients saw linearizable?

Read next: choices.py
"""

from .choices import Choice
from .explore import explore, replay
from .failures import Deadlock, Escape, Failure, Livelock, WorldError
from .history import Call, History, Model, NotLinearizable
from .injection import KINDS as _KINDS
from .network.links import DROP, PASS, Deliver, Link, Packet
from .phases import STRATEGIES
from .schedule import LEVELS, Schedule
from .verdict import Exploration, FoundFailure, Phase, ScheduleFailure, merged
from .world import Limits, Run, World

#: What `explore(cancel=...)` takes.
CANCELS = tuple(_KINDS)

__all__ = [
    "CANCELS",
    "DROP",
    "LEVELS",
    "PASS",
    "STRATEGIES",
    "Call",
    "Choice",
    "Deadlock",
    "Deliver",
    "Escape",
    "Exploration",
    "Failure",
    "FoundFailure",
    "History",
    "Limits",
    "Link",
    "Livelock",
    "Model",
    "NotLinearizable",
    "Packet",
    "Phase",
    "Run",
    "Schedule",
    "ScheduleFailure",
    "World",
    "WorldError",
    "explore",
    "merged",
    "replay",
]

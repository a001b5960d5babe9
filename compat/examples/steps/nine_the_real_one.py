"""Step 9 of 9: the same things, where they are done for real.

Each idea of the eight programs before has its place in `miniloop/core` and beside it.  This
one prints the map, and the body of the real loop: five phases on one screen, the same five as
in step six.

Notice: the real one steps a task in place, without a handle or a callback between the queue
and the coroutine; and it puts off the selector while there is work, for a few dozen entries.

Next: miniloop/READING.md, an afternoon's way through the source
"""

import inspect

from miniloop.core.loop import Loop

PLACES = {
    "1 taking turns": "core/loop.py: Loop.ready, and the phase `run`",
    "2 sleeping": "core/timers.py: Timers, and sync/sleeping.py",
    "3 a future": "core/futures.py: Future.set_result",
    "4 a task": "core/tasks.py: Task; its step is in the loop itself",
    "5 callbacks": "core/handles.py: Handle",
    "6 the selector": "net/readiness.py, and the phases `select` and `arrivals`",
    "7 cancellation": "core/tasks.py: Task.cancel and Task._told",
    "8 streams": "net/stream_reader.py, over net/transports.py",
}

for idea, place in PLACES.items():
    print(f"{idea:<16} miniloop/{place}")

body = inspect.getsource(Loop.iterations)
PHASES = ("timeout", "select", "arrivals", "due", "run")
comments = [line.partition("# ")[2] for line in body.splitlines()]
print(
    "phases:", ", ".join(word for line in comments for word in line.split(", ") if word in PHASES)
)

"""What happens in a loop, in words that a file can hold: the kinds of events and their keys.

An event is a dictionary.  Whatever its kind, it has ``n`` (1, 2, 3, ...), ``it`` (the iteration,
0 before the first), ``step`` (how many entries had begun to run), ``t`` (seconds since the
recording began, on the loop's clock), ``kind``, and where they apply ``by`` (the ``n`` of the
event that made this one happen) and ``src`` (the program's own line, ``file.py:12``).

Names are the same in every run: a task is called what the program calls it, or else by its
function; whatever comes without a name is numbered.  No addresses, no absolute paths.

A reader ignores kinds and keys that it does not know, so that version 1 can grow.

Read next: recorder.py
"""

from __future__ import annotations

from typing import Any

__all__ = ["COMMON", "FORMAT", "KINDS", "PHASES", "VERSION", "Event", "in_order"]

#: One thing that happened.
Event = dict[str, Any]

FORMAT = "miniloop recording"
VERSION = 1

#: The phases of an iteration, as the loop's own code names them.
PHASES = ("timeout", "select", "arrivals", "due", "run")

#: The keys that every event may have, in the order in which they are written.
COMMON = ("n", "it", "step", "t", "kind", "by", "src")

#: The kinds of events, and the keys of their own that they may have.
KINDS: dict[str, tuple[str, ...]] = {
    # the loop
    "loop_start": (),
    "loop_stop": (),
    "loop_close": (),
    # an iteration: `ready` entries are in the queue; a poll may be put off while there are some
    "iter_begin": ("ready", "polls"),
    "select_begin": ("timeout", "why"),
    "select_end": ("fds",),
    "run_phase": ("count",),
    # entries of the ready queue: `entry` is the n of the event that added it
    "add": ("entry", "what", "label", "task", "timer", "fd", "why", "thread"),
    "drop": ("entry",),
    "run": ("entry", "pick", "of"),
    "ran": ("entry", "took", "skipped"),
    # tasks
    "task_new": ("task", "coro", "parent", "eager", "library"),
    "suspend": ("task", "on", "stack"),
    "wake": ("task", "future", "from", "outcome"),
    "task_done": ("task", "outcome", "value", "error"),
    "cancel_request": ("task", "from", "message"),
    "cancel_delivered": ("task",),
    "cancel_swallowed": ("task",),
    # futures
    "future_set": ("future", "outcome", "error"),
    "exception_stored": ("task", "future", "error"),
    "exception_retrieved": ("task", "future"),
    "exception_lost": ("task", "future", "error"),
    # timers
    "timer_set": ("timer", "when", "label", "task"),
    "timer_cancel": ("timer",),
    "timer_due": ("timer", "late"),
    # descriptors
    "fd_add": ("fd", "mode", "label"),
    "fd_remove": ("fd", "mode"),
    "fd_ready": ("fd", "mode"),
    # a World's decisions, as its schedule names them: alternative `value` of `count`
    "choice": ("choice", "count", "value", "about"),
    "failure": ("what", "message"),
    # what else there is to tell
    "never_awaited": ("coro",),
    "report": ("message", "error"),
    "output": ("stream", "text"),
}


def in_order(event: Event) -> Event:
    """Return *event* with its keys in the order in which they are written."""
    keys = [*COMMON, *KINDS.get(event["kind"], ())]
    known = {key: event[key] for key in keys if key in event}
    return known | {key: value for key, value in event.items() if key not in known}

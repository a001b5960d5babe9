"""Programs of the network whose results do not depend on who comes first.

At each end of a link one task writes and another one reads, and both do nothing else
but sleep; who reads takes all that was written in the end.  What each of them gets, and
when on the virtual clock, is then the same however late a loop notices that something is
ready: these are Kahn's process networks.  So they can be compared with a loop that polls
seldom, of whose exact order nothing can be said.
"""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import zip_longest
from typing import Any, NamedTuple

from .cells import CELLS, Cell, Trace, perform, ready
from .grammar import Block, Choose, Growing, Operation, Program
from .recorders import blob
from .shrinking import shrink
from .source import whole_file
from .virtual import BUSY

LONGEST = 5
MOST_LINKS = 2


class Talk(NamedTuple):
    """How one kind of link is used: what opens it, what its ends do, and what they read last."""

    opening: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    last: str


_WRITES = ("write", "write_again", "write_drain", "drain", "sleep", "turn", "turn")
_READS = ("readline", "readuntil", "readexactly", "exactly_in_time", "line_in_time", "sleep")
_SENDS = ("sendall", "sendall_much", "sleep", "turn")
_POSTS = ("letter_send", "letter_send", "sleep", "turn")
TALKS = (
    Talk("open_streams", _WRITES, _READS, "read_rest"),
    Talk("open_tls_streams", _WRITES, _READS, "read_rest"),
    Talk("open_upgraded", _WRITES, _READS, "read_rest"),
    Talk("open_bare", _SENDS, ("sleep", "turn"), "recv_rest"),
    Talk("open_letters", _POSTS, ("letter_next", "sleep", "turn"), "letter_rest"),
)
#: What could be overtaken by something else, or fail, is always done in the same way.
ALWAYS = {"limit": "65536", "secure": "'good'", "patience": "None"}
SEPARATORS = ("b';'", "b'\\n'")


def _with(operation: Operation, **given: object) -> Operation:
    """Return *operation* with some holes filled as *given*; it lets no failure out."""
    fillings = tuple((hole, str(given.get(hole, filling))) for hole, filling in operation.fillings)
    return Operation(operation.kind, "Exception", fillings)


def _script(growing: Growing, kinds: tuple[str, ...], end: int) -> Block:
    """Return what a task does at the end number *end* of its kind."""
    return tuple(
        _with(
            growing.make(growing.pick(kinds), 0, True),
            end=end,
            separator=growing.pick(SEPARATORS),
        )
        for _ in range(1 + growing.choose(LONGEST))
    )


def _sent(block: Block) -> int:
    """Return how many bytes, or letters, are sent by *block*."""
    total = 0
    for operation in block:
        fillings: dict[str, Any] = dict(operation.fillings)
        if operation.kind == "letter_send":
            total += 1
        elif operation.kind == "sendall_much":
            total += 40000
        elif "data" in fillings:
            data = eval(fillings["data"], {"blob": blob})
            total += int(fillings.get("few", 1)) * len(data)
    return total


def grow_conversation(choose: Choose) -> Program:
    """Return a conversation made by *choose*."""
    growing = Growing(choose, ("core",), frozenset(), same=dict(ALWAYS))
    opening: list[Operation] = []
    tasks: list[Block] = []
    ends: dict[str, int] = defaultdict(int)
    for _ in range(1 + choose(MOST_LINKS)):
        talk = TALKS[choose(len(TALKS))]
        opens = growing.make(talk.opening, 0, True)
        if talk.opening == "open_tls_streams" and dict(opens.fillings)["high"] == "0":
            # With TLS a limit of nothing is reached by nothing: who writes waits for chance.
            opens = _with(opens, high=10)
        opening.append(opens)
        places = ends[talk.last], ends[talk.last] + 1
        ends[talk.last] += 2
        scripts = [_script(growing, talk.writes, place) for place in places]
        for place, written in zip(places, scripts[::-1], strict=True):
            read = _script(growing, talk.reads, place)
            taken = sum(operation.kind == "letter_next" for operation in read)
            last = growing.make(talk.last, 0, True)
            tasks.append((*read, _with(last, end=place, total=_sent(written) - taken)))
        tasks += scripts
    return Program(tuple(tasks), (), False, tuple(opening), choose(4))


def conversation_from_seed(seed: int) -> Program:
    """Return the conversation number *seed*."""
    chance = random.Random(seed).random
    return grow_conversation(lambda count: int(chance() * count))


BUSY_CELLS = (Cell("asyncio", BUSY), Cell("miniloop", BUSY))


def misheard(program: Program) -> str | None:
    """Return what a loop that polls seldom makes of a conversation, where that is not the same."""
    runs = ready(program)
    expected = told(perform(runs, CELLS[0]))
    for cell in BUSY_CELLS:
        heard = told(perform(runs, cell))
        for task, steps in expected.items():
            for one, other in zip_longest(steps, heard.get(task, ())):
                if one != other:
                    return f"{task} on {CELLS[0]}: {one}\n{task} on {cell}: {other}"
    return None


def explain_misheard(program: Program) -> str:
    """Return the smallest part of *program* that is misheard, as source, and how."""
    program = shrink(program, lambda each: misheard(each) is not None, 300)
    return f"{whole_file(program)}\n\n{misheard(program)}"


def told(trace: Trace) -> dict[Any, list[Any]]:
    """Return what each task of a conversation got, and at what time."""
    tasks: dict[Any, list[Any]] = defaultdict(list)
    for _, time, task, *what in trace.events:
        if task is not None:
            tasks[task].append((time, *what))
    return dict(tasks)

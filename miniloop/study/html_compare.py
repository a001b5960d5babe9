"""Two recordings as one page: their steps in the same columns, and where they part, made loud.

    compare_page(passing, failing, title="transfer", heads=("passing", "failing"))

The first is drawn above, the second below it in the same lanes; stretches that are alike are
folded.  Where the runs part, the entry that was picked stands out and the others that were ready
are drawn as ghosts.  A second table of blocks says what belongs together:

    ("equal", a, b, c, d)       steps a..b of the left are steps c..d of the right
    ("differs", a, b, c, d)     they are not
    ("moved", a, b, c, d)       they are the same in another order, which no wake-up forbids

Steps are counted from 0 here, in the order in which they ran.  Between two libraries' loops only
those of the program's own tasks count, as in `differences`: what a loop does inside is its own.

Read next: assets/compare.js
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from .differences import steps
from .html import COMMON_SCRIPTS, MOST_EVENTS, filled, picture
from .recording import Recording

__all__ = ["Block", "Steps", "alignment", "both", "compare_page", "only"]

#: What belongs together: how, and the ranges of steps in either recording.
Block = tuple[str, int, int, int, int]

#: Up to how many steps the part that differs is aligned; a longer one is one block.
MOST_ALIGNED = 4000
#: How many steps that are alike, after the runs have parted, are more than chance.
LEAST_ALIKE = 4
SCRIPTS = (*COMMON_SCRIPTS, "compare.js", "pair.js", "start-compare.js")


class Steps(NamedTuple):
    """The steps that count: which of all steps they are, and what each one was."""

    places: list[int]
    keys: list[tuple[Any, ...]]


def compare_page(
    left: Recording,
    right: Recording,
    *,
    title: str,
    heads: tuple[str, str] = ("passing", "failing"),
    sentence: str = "",
    sources: Mapping[str, str] | None = None,
    again: Iterable[tuple[int, str, str]] = (),
) -> str:
    """Return the page that shows *left* above *right*.

    Args:
        title: what the page is called.
        heads: what the two runs are called.
        sentence: what the difference leads to, put first on the page.
        sources: the text of the program's files by the names that the recordings give them.
        again: how else the right run could have gone: the number of its step (0: it belongs to
            none), what would be otherwise, in words, and the command that runs it so.
    """
    mine, theirs = both(left, right)
    data = {
        "left": picture(left, sources or {}, MOST_EVENTS),
        "right": picture(right, sources or {}, MOST_EVENTS),
        "places": {"left": mine.places, "right": theirs.places},
        "alignment": alignment(mine.keys, theirs.keys),
        "only": only(mine.keys, theirs.keys),
        "heads": heads,
        "sentence": sentence,
        "again": list(again),
    }
    return filled(title, "compare.html", SCRIPTS, data)


def both(left: Recording, right: Recording) -> tuple[Steps, Steps]:
    """Return the steps that count in two recordings of one program."""
    one, other = (
        (run.header.get("loop"), run.header.get("names")) for run in (left, right)
    )  # fmt: skip
    if one == other:
        return all_steps(left), all_steps(right)
    return program_steps(left), program_steps(right)


def program_steps(recording: Recording) -> Steps:
    """Return the steps of the program's own tasks: who ran, and how the step ended."""
    runs = [event["n"] for event in recording.events if event["kind"] == "run"]
    places = {n: place for place, n in enumerate(runs)}
    told = list(steps(recording))
    return Steps([places[step.n] for step in told], [step.key for step in told])


def all_steps(recording: Recording) -> Steps:
    """Return all steps: who ran, what it did, and what it waits for then."""
    entries: dict[int, str] = {}
    found: list[list[Any]] = []
    for event in recording.events:
        match event["kind"]:
            case "add":
                entries[event["entry"]] = event["label"]
            case "run":
                found.append([entries.get(event["entry"], "?")])
            case "suspend" if found:
                on = event.get("on") or {}
                found[-1].append(("waits", event["task"], on.get("kind"), on.get("label")))
            case "task_done" if found:
                found[-1].append(("done", event["task"], event["outcome"], event.get("error")))
            case "output" if found:
                found[-1].append(("prints", event["text"]))
    return Steps(list(range(len(found))), [tuple(step) for step in found])


def alignment(left: Sequence[Any], right: Sequence[Any]) -> list[Block]:
    """Return which steps of *left* and *right* belong together, block by block.

    Where the runs part, they go on side by side until both have made the same steps; if that
    does not happen any more, the rest is aligned by what is most alike.
    """
    mine, theirs = numbered(left), numbered(right)
    last = common(mine[::-1], theirs[::-1])
    last = min(last, min(len(mine), len(theirs)) - common(mine, theirs))
    b, d = len(mine) - last, len(theirs) - last
    blocks = list(together(mine[:b], theirs[:d]))
    start = blocks[-1][2] if blocks else 0
    blocks += apart(mine[:b], theirs[:d], start)
    blocks.append(("equal", b, len(mine), d, len(theirs)))
    return merged(block for block in blocks if block[1] < block[2] or block[3] < block[4])


def together(mine: list[Any], theirs: list[Any]) -> Iterator[Block]:
    """Yield the blocks up to the last step after which both have made the same ones."""
    begin, balance = 0, Counter[Any]()
    for place, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        if not balance and one == other:
            yield "equal", place, place + 1, place, place + 1
            begin = place + 1
            continue
        balance[one] += 1
        balance[other] -= 1
        for step in (one, other):
            if not balance[step]:
                del balance[step]
        if not balance:
            yield "moved", begin, place + 1, begin, place + 1
            begin = place + 1


def apart(mine: list[Any], theirs: list[Any], start: int) -> list[Block]:
    """Return the blocks from *start*, where the runs part for good; short likeness is none."""
    rest = len(mine) - start, len(theirs) - start
    if max(rest) > MOST_ALIGNED:
        return [("differs", start, len(mine), start, len(theirs))]
    matcher = SequenceMatcher(None, mine[start:], theirs[start:], autojunk=False)
    blocks: list[Block] = []
    for kind, i, j, k, m in matcher.get_opcodes():
        alike = kind == "equal" and j - i >= LEAST_ALIKE
        ranges = (start + i, start + j, start + k, start + m)
        blocks.append(("equal" if alike else "differs", *ranges))
    return blocks


def merged(blocks: Iterable[Block]) -> list[Block]:
    """Return *blocks* with neighbours of one kind made one; moved ones stay apart."""
    found: list[Block] = []
    for kind, a, b, c, d in blocks:
        if found and found[-1][0] == kind != "moved":
            _, first, _, other, _ = found.pop()
            found.append((kind, first, b, other, d))
        else:
            found.append((kind, a, b, c, d))
    return found


def only(left: Sequence[Any], right: Sequence[Any]) -> dict[str, list[int]]:
    """Return which steps of either run the other does not have at all.

    All others were made in both runs, if at another place.  Both are runs of one program, and
    what a wake-up orders is in that order in either: so nothing kept such a step where it was.
    """
    mine, theirs = numbered(left), numbered(right)
    known, known_there = {*mine}, {*theirs}
    return {
        "left": [place for place, step in enumerate(mine) if step not in known_there],
        "right": [place for place, step in enumerate(theirs) if step not in known],
    }


def numbered(run: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return the steps of *run*, each with how many equal ones came before it."""
    seen: Counter[tuple[Any, ...]] = Counter()
    found = []
    for step in run:
        found.append((seen[step], *step))
        seen[step] += 1
    return found


def common(mine: Sequence[Any], theirs: Sequence[Any]) -> int:
    """Return how many elements two sequences begin with in common."""
    for place, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        if one != other:
            return place
    return min(len(mine), len(theirs))

"""What differs between runs of a program in one cell and runs of it in the baseline.

Everything rests on one idea: a difference is *certain* only if no run of the cell agrees with any
run of the baseline.  What also varies between runs of the very same cell is *timing* only.
For two sets of runs:

status      certain if no exit status (or running out of time) occurs in both sets.
lines       per stream, by key (see `lines.py`).  A line is certainly missing if every run of the
            cell has it fewer times than every run of the baseline, certainly extra if more times.
order       per stream.  A pair of lines is certainly in another order if every run of the baseline
            has the one before the other and every run of the cell has it after.  Between the two
            streams order is not compared: it is not exactly known.
exceptions, warnings    their types and messages on standard error, compared as lines are.

Two tasks that print in the same turn of the loop do so in an order that asyncio defines, so an
inversion that every run shows is certain, however close the two moments are.  Timing only are:
numbers that are volatile, lines and orders that vary between runs of the same cell, and lines that
come much earlier or later.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from compat import tracebacks
from compat.capturing import Run
from compat.lines import Masks
from compat.options import Cell

ORDER_WINDOW = 50  # how far apart two lines may be printed and still be looked at as a pair
LATE = 0.1  # seconds, and a quarter of the time: from then on a line is early or late
STREAMS = {"out": "standard output", "err": "standard error"}


@dataclass(frozen=True)
class Difference:
    """One thing that differs.

    kind: "status", "line", "order", "exception", "warning", "number" or "moment".
    baseline, cell: what each has, or None for nothing.
    """

    kind: str
    certain: bool
    stream: str
    baseline: str | None
    cell: str | None


@dataclass(frozen=True)
class Verdict:
    """How one cell compares: its runs, and what differs from the baseline."""

    cell: Cell
    runs: tuple[Run, ...]
    differences: tuple[Difference, ...] = ()

    @property
    def certain(self) -> tuple[Difference, ...]:
        """The differences that every run shows."""
        return tuple(item for item in self.differences if item.certain)

    @property
    def same(self) -> bool:
        """Whether nothing is certainly different."""
        return not self.certain

    def agrees(self, *kinds: str) -> bool:
        """Whether nothing of these kinds is certainly different."""
        return not any(item.kind in kinds for item in self.certain)


@dataclass
class Sides:
    """The texts of one stream: one sequence for each run of the baseline and of the cell."""

    stream: str
    left: list[list[str]]
    right: list[list[str]]
    masks: Masks = field(default_factory=Masks)

    def keys(self, texts: list[list[str]]) -> list[list[str]]:
        """Return the keys of these texts."""
        return [[self.masks.key(text) for text in run] for run in texts]


def judge(baseline: Sequence[Run], runs: Sequence[Run]) -> Verdict:
    """Compare the runs of one cell with those of the baseline; both need at least one."""
    found = status_differences(baseline, runs)
    for stream in STREAMS:
        sides = Sides(stream, texts(baseline, stream), texts(runs, stream))
        sides.masks.learn(sides.left)
        sides.masks.learn(sides.right)
        lines = line_differences(sides)
        found += lines
        found += [] if any(item.certain for item in lines) else order_differences(sides)
        found += number_differences(sides)
    found += derived("exception", tracebacks.exceptions, baseline, runs)
    found += derived("warning", tracebacks.warnings, baseline, runs)
    if not any(item.certain for item in found):
        found += moment_differences(baseline[0], runs[0])
    return Verdict(runs[0].cell, tuple(runs), tuple(found))


def texts(runs: Sequence[Run], stream: str) -> list[list[str]]:
    """Return what each run printed on `stream`, library frames removed.

    Some programs log to standard output: there they are removed if there is a traceback at all.
    """
    printed = [[line.text for line in run.lines if line.stream == stream] for run in runs]
    if stream == "out" and not any(tracebacks.any_traceback(lines) for lines in printed):
        return printed
    return [list(tracebacks.cleaned(lines)) for lines in printed]


def status_name(run: Run) -> str:
    """Return how a run ended, in words."""
    if run.status is None:
        return "ran out of time"
    return f"killed by signal {-run.status}" if run.status < 0 else f"exit status {run.status}"


def status_differences(baseline: Sequence[Run], runs: Sequence[Run]) -> list[Difference]:
    """Compare how the runs ended."""
    left, right = ([status_name(run) for run in side] for side in (baseline, runs))
    if set(left) == set(right):
        return []
    old, new = (" or ".join(sorted(set(side))) for side in (left, right))
    return [Difference("status", not set(left) & set(right), "", old, new)]


def line_differences(sides: Sides) -> list[Difference]:
    """Return the lines that one side has and the other lacks, those that stand together paired."""
    left, right = sides.keys(sides.left), sides.keys(sides.right)
    fewest_left, most_left = extremes(left)
    fewest_right, most_right = extremes(right)
    missing = {key for key, count in fewest_left.items() if count > most_right[key]}
    extra = {key for key, count in fewest_right.items() if count > most_left[key]}
    odd_left = {key for key in most_left if most_left[key] != most_right[key]} - missing
    odd_right = {key for key in most_right if most_left[key] != most_right[key]} - extra
    found = []
    for certain, gone, new in ((True, missing, extra), (False, odd_left, odd_right)):
        for old_text, new_text in paired(sides, left[0], right[0], gone, new):
            found.append(Difference("line", certain, sides.stream, old_text, new_text))
    return found


def extremes(keys: list[list[str]]) -> tuple[Counter[str], Counter[str]]:
    """Return how often each key occurs in the run that has it least and in the one with most."""
    counts = [Counter(run) for run in keys]
    every = set().union(*counts)
    fewest = Counter({key: min(count[key] for count in counts) for key in every})
    return fewest, Counter({key: max(count[key] for count in counts) for key in every})


def paired(
    sides: Sides, left: list[str], right: list[str], gone: set[str], new: set[str]
) -> list[tuple[str | None, str | None]]:
    """Return the lines with these keys from the first run of each side, side by side."""
    pairs: list[tuple[str | None, str | None]] = []
    if not gone and not new:
        return pairs
    surplus = {key: Counter(left)[key] - Counter(right)[key] for key in gone | new}
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    shown: Counter[str] = Counter()
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        olds = wanted(sides.left[0], left, range(a, b), gone, surplus, shown)
        news = wanted(sides.right[0], right, range(c, d), new, surplus, shown)
        length = max(len(olds), len(news))
        olds_padded = [*olds, *[None] * (length - len(olds))]
        news_padded = [*news, *[None] * (length - len(news))]
        pairs += zip(olds_padded, news_padded, strict=True)
    return pairs


def wanted(
    lines: list[str],
    keys: list[str],
    places: range,
    among: set[str],
    surplus: dict[str, int],
    shown: Counter[str],
) -> list[str | None]:
    """Return the lines at `places` whose key is `among` those to show, each as often as needed."""
    chosen: list[str | None] = []
    for place in places:
        key = keys[place]
        if key in among and shown[key] < abs(surplus[key]):
            shown[key] += 1
            chosen.append(lines[place])
    return chosen


def numbered(keys: list[str]) -> list[tuple[str, int]]:
    """Return the keys, each with how often it has occurred before, so that all are different."""
    seen: Counter[str] = Counter()
    result = []
    for key in keys:
        result.append((key, seen[key]))
        seen[key] += 1
    return result


def order_differences(sides: Sides) -> list[Difference]:
    """Return the first pair of lines that is in another order, certainly or in some runs."""
    left = [numbered(run) for run in sides.keys(sides.left)]
    right = [numbered(run) for run in sides.keys(sides.right)]
    if any(run in left for run in right):
        return []
    shared = set(left[0]).intersection(*left, *right)
    positions = [{item: place for place, item in enumerate(run)} for run in (*left, *right)]
    befores, afters = positions[: len(left)], positions[len(left) :]
    sequence = [item for item in right[0] if item in shared]
    varying = None
    for start, first in enumerate(sequence):
        for second in sequence[start + 1 : start + 1 + ORDER_WINDOW]:
            if befores[0][first] < befores[0][second]:
                continue
            certain = all(place[first] > place[second] for place in befores) and all(
                place[first] < place[second] for place in afters
            )
            if certain:
                return [order_difference(sides, befores[0], afters[0], second, first, True)]
            varying = varying or (second, first)
    if varying is None:
        return []
    return [order_difference(sides, befores[0], afters[0], *varying, False)]


def order_difference(
    sides: Sides,
    left: dict[tuple[str, int], int],
    right: dict[tuple[str, int], int],
    first: tuple[str, int],
    second: tuple[str, int],
    certain: bool,
) -> Difference:
    """Describe that the baseline has `first` before `second` and the cell the other way round."""
    old = [sides.left[0][left[item]] for item in (first, second)]
    new = [sides.right[0][right[item]] for item in (second, first)]
    return Difference("order", certain, sides.stream, "\n".join(old), "\n".join(new))


def number_differences(sides: Sides) -> list[Difference]:
    """Return the lines of the first runs that say the same but for names and volatile numbers."""
    left, right = sides.keys(sides.left)[0], sides.keys(sides.right)[0]
    if left != right:
        return []
    pairs = zip(sides.left[0], sides.right[0], strict=True)
    return [Difference("number", False, sides.stream, a, b) for a, b in pairs if a != b]


def derived(
    kind: str,
    extract: Callable[[list[str]], list[str]],
    baseline: Sequence[Run],
    runs: Sequence[Run],
) -> list[Difference]:
    """Compare what `extract` finds in the standard error of the runs."""
    left, right = (
        [extract([line.text for line in run.lines if line.stream == "err"]) for run in side]
        for side in (baseline, runs)
    )
    found = line_differences(Sides("err", left, right))
    return [Difference(kind, item.certain, "err", item.baseline, item.cell) for item in found]


def moment_differences(baseline: Run, run: Run) -> list[Difference]:
    """Return the line whose moment differs most, if by much; both printed the same lines."""
    worst: tuple[float, Difference] | None = None
    for old, new in zip(baseline.lines, run.lines, strict=False):
        apart = abs(old.at - new.at)
        if old.stream != new.stream or apart <= max(LATE, old.at / 4):
            continue
        if worst is None or apart > worst[0]:
            texts = (f"at {line.at:.3f} s: {line.text}" for line in (old, new))
            worst = apart, Difference("moment", False, old.stream, *texts)
    return [worst[1]] if worst else []

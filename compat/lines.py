"""When two printed lines say the same thing.

Three kinds of difference between two lines are no difference in behaviour:

names       the library's own name or the name of its loop or transport classes:
            "asyncio.queues.Queue" and "miniloop.sync.queues.Queue" become "Queue"; a bare
            "miniloop" becomes "asyncio".
volatile    what no two runs agree on, recognised by its shape: addresses in memory, UUIDs, dates
            and clock times, ports, process and thread ids, numbers of nine digits or more, names of
            temporary files, and durations: a number with a decimal point and a unit of time (or any
            number of ns, us or ms, or one per second), or one with a decimal point in a line that
            speaks of time or as the first word of several.
learned     a number, whatever its shape, that changed between runs of the very same cell while the
            rest of the line stayed.

`Masks.key` turns a line into a text in which all of these are replaced by words in angle quotes.
Lines with equal keys say the same.  A whole number without a unit of time is never masked unless
it was learned: a wrong count is a wrong result.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|hours?)\b"
SMALL_UNIT = r"(?:ns|us|µs|μs|ms|nanoseconds?|microseconds?|milliseconds?|msecs?|usecs?)\b"
PER_SECOND = r"(?:[\w ]{0,20}(?:/s\b|/sec\b|per second|a second))"
TIME_WORDS = re.compile(
    r"\b(?:took|takes|time|times|elapsed|after|duration|latency|seconds?|secs?|finished in|done in"
    r"|completed in|at t|t|waited|slept|delay|uptime|clock|since|rate|cpu|wall|started at)\b",
    re.IGNORECASE,
)
SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b0x[0-9a-fA-F]{4,}\b"), "‹address›"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "‹uuid›"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?"), "‹date›"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?"), "‹clock›"),
    (re.compile(r"(\('[^']*', )\d{4,5}\b"), r"\1‹port›"),
    (re.compile(r"((?:\b\d{1,3}(?:\.\d{1,3}){3}|\blocalhost|::1\]?):)\d{4,5}\b"), r"\1‹port›"),
    (
        re.compile(r"(?i)(\b(?:port|pid|tid|thread|process|id|ident)\b[\s=:#]*)\d{3,}"),
        r"\1‹id›",
    ),
    (re.compile(r"(?i)(\bfd\s*[=:#]?\s*)\d+"), r"\1‹id›"),
    (re.compile(r"/(?:tmp|var/folders)/[\w./-]+"), "‹temporary file›"),
    (re.compile(rf"\b\d+(?:\.\d+)?(?:e-?\d+)?\s?{SMALL_UNIT}"), "‹duration›"),
    (re.compile(rf"\b\d+\.\d+(?:e-?\d+)?\s?{UNIT}"), "‹duration›"),
    (re.compile(rf"\b[\d,]+(?:\.\d+)?(?=\s?{PER_SECOND})"), "‹rate›"),
    (re.compile(r"\b\d{9,}\b"), "‹long number›"),
    (re.compile(r"^[\s\[(+]*\d+\.\d+s?[\])]?(?=[:\s]\s*\S)"), "‹moment›"),
)
FRACTION = re.compile(r"\b\d+\.\d+(?:e[+-]?\d+)?\b")
KINDS = "Datagram|Pipe|Process|Protocol|Read|Selector|Socket|SSL|Subprocess|TCP|UDP|Unix|UV|Write"
NAMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(?:_Unix)?(?:Selector)?EventLoop\b"), "‹loop›"),
    (re.compile(r"\buvloop\.Loop\b"), "‹loop›"),
    (re.compile(rf"\b_?(?:{KINDS})+Transport\b"), "‹transport›"),
    (re.compile(r"\b(?:asyncio|miniloop|uvloop)(?:\.\w+)*\.(?=[\w‹])"), ""),
    (re.compile(r"\b(?:miniloop|uvloop)\b"), "asyncio"),
)


def without_names(text: str) -> str:
    """Return `text` with the libraries' own names made one."""
    for pattern, word in NAMES:
        text = pattern.sub(word, text)
    return text


def without_shapes(text: str) -> str:
    """Return `text` with everything replaced that is volatile by its shape."""
    for pattern, word in SHAPES:
        text = pattern.sub(word, text)
    if TIME_WORDS.search(text):
        text = FRACTION.sub("‹duration›", text)
    return text


def plain_key(line: str) -> str:
    """Return what `line` says as far as its shape tells."""
    return without_shapes(without_names(line))


def skeleton(text: str) -> str:
    """Return `text` with every number replaced."""
    return NUMBER.sub("‹number›", text)


@dataclass
class Masks:
    """What has been learned from runs of one cell: per skeleton, which numbers change."""

    changing: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def key(self, line: str) -> str:
        """Return what `line` says, with all that does not count replaced."""
        text = plain_key(line)
        changing = self.changing.get(skeleton(text))
        if not changing:
            return text
        numbers = iter(range(len(text)))

        def replace(match: re.Match[str]) -> str:
            return "‹varies›" if next(numbers) in changing else match[0]

        return NUMBER.sub(replace, text)

    def learn(self, runs: Sequence[Sequence[str]]) -> None:
        """Learn from several runs of one cell, each a sequence of lines of one stream.

        Only lines that some run has and another lacks teach something: if all runs print the same
        lines in different orders, their numbers are told apart as before.
        """
        for other in runs[1:]:
            left, right = Counter(map(plain_key, runs[0])), Counter(map(plain_key, other))
            self.learn_pairs((left - right).elements(), (right - left).elements())

    def learn_pairs(self, left: Iterable[str], right: Iterable[str]) -> None:
        """Learn from the lines that two runs do not share, paired by skeleton in their order."""
        waiting: dict[str, list[str]] = defaultdict(list)
        for text in left:
            waiting[skeleton(text)].append(text)
        for text in right:
            partners = waiting[skeleton(text)]
            if partners:
                numbers = zip(NUMBER.findall(partners.pop(0)), NUMBER.findall(text), strict=True)
                different = {index for index, (a, b) in enumerate(numbers) if a != b}
                self.changing[skeleton(text)] |= different

"""Two traces side by side, from where they part, what is alike folded.

Read next: report.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

__all__ = ["side_by_side"]

#: How wide a column is, how many lines are kept on either side of a difference, and how
#: many lines there are at most.
COLUMN, AROUND, LINES = 46, 1, 40


def side_by_side(left: Sequence[str], right: Sequence[str], heads: tuple[str, str]) -> list[str]:
    """Return *left* and *right* in two columns under *heads*, at most 100 characters wide."""
    lines = [_row(*heads), _row("-" * len(heads[0]), "-" * len(heads[1]))]
    rows = list(_rows(left, right))
    lines += rows[:LINES]
    if len(rows) > LINES:
        lines.append(f"  ... and {len(rows) - LINES} lines more")
    return lines


def _rows(left: Sequence[str], right: Sequence[str]) -> Iterator[str]:
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            yield from _folded(left[a:b], begins=a == 0, ends=b == len(left))
            continue
        for number in range(max(b - a, d - c)):
            yield _row(
                left[a + number] if a + number < b else "",
                right[c + number] if c + number < d else "",
                "|",
            )


def _folded(alike: Sequence[str], begins: bool, ends: bool) -> Iterator[str]:
    before = 0 if begins else AROUND
    after = 0 if ends else AROUND
    middle = len(alike) - before - after
    if middle <= 1:
        yield from (_row(entry, entry) for entry in alike)
        return
    yield from (_row(entry, entry) for entry in alike[:before])
    yield f"  ({middle} steps alike)"
    yield from (_row(entry, entry) for entry in alike[len(alike) - after :])


def _row(left: str, right: str, mark: str = " ") -> str:
    return f"  {_cut(left):<{COLUMN}} {mark} {_cut(right)}".rstrip()


def _cut(text: str) -> str:
    """Cut *text* in its middle: it ends with a line's number."""
    if len(text) <= COLUMN:
        return text
    return f"{text[: COLUMN // 2]}...{text[3 - COLUMN + COLUMN // 2 :]}"

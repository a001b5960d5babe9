"""The reading ladder: every module once, with its length, and experiments that run.

Run as a program (``python -m tests.test_reading``), it brings the lengths up to date.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import miniloop
from compat.__main__ import COMMANDS
from compat.examples.learning import MISCONCEPTIONS, STEPS, Misconception, program

PACKAGE = Path(miniloop.__file__).parent
LADDER = PACKAGE / "READING.md"
#: Floors that have reading matter of their own.
ELSEWHERE = ("study", "testing")
TOLERANCE = 0.1
RUNG = re.compile(r"^- `([\w/]+\.py)` \((\d+) lines\): (.*)$", re.MULTILINE)
EXPERIMENT = re.compile(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL
)

WATCHED = re.compile(
    r"^To watch: `python -m compat record (\w+)`, then `python -m compat (\w+) (\S+)`:$",
    re.MULTILINE,
)


def text() -> str:
    """Return the ladder."""
    return LADDER.read_text(encoding="utf-8")


def rungs() -> dict[str, int]:
    """Return the modules in reading order, with the lengths that the ladder gives them."""
    return {name: int(lines) for name, lines, _ in RUNG.findall(text())}


def modules() -> dict[str, int]:
    """Return the modules that there are, with their lengths."""
    return {
        path.relative_to(PACKAGE).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in ELSEWHERE
    }


def next_of(name: str) -> str | None:
    """Return the module that the docstring of *name* sends its reader to."""
    found = re.search(r"^Read next: (\S+\.py)", (PACKAGE / name).read_text(), re.MULTILINE)
    if not found:
        return None
    for start in ((PACKAGE / name).parent, PACKAGE):
        target = (start / found[1]).resolve()
        if target.exists():
            return target.relative_to(PACKAGE).as_posix()
    return found[1]


def test_every_module_is_on_exactly_one_rung() -> None:
    listed = [name for name, _, _ in RUNG.findall(text())]
    assert Counter(listed) == Counter(list(modules()))


def test_a_line_that_looks_like_a_rung_is_one() -> None:
    assert len(re.findall(r"^- ", text(), re.MULTILINE)) == len(RUNG.findall(text()))


def test_the_lengths_are_right_within_a_tenth() -> None:
    there = modules()
    wrong = {
        name: (lines, there[name])
        for name, lines in rungs().items()
        if abs(lines - there[name]) > TOLERANCE * there[name]
    }
    assert wrong == {}, "python -m tests.test_reading brings them up to date"


def test_each_rung_has_one_sentence() -> None:
    for name, _, sentence in RUNG.findall(text()):
        assert sentence.endswith("."), name
        assert len(sentence) > 20, name


def test_whatever_a_docstring_sends_its_reader_to_is_on_the_ladder() -> None:
    links = {name: target for name in rungs() if (target := next_of(name)) is not None}
    assert {name: target for name, target in links.items() if target not in rungs()} == {}


def test_the_links_lead_from_the_interface_through_the_heart() -> None:
    way = ["interface.py"]
    while (target := next_of(way[-1])) is not None and target not in way:
        way.append(target)
    heart = [f"core/{name}.py" for name in ("coroutines", "handles", "timers")]
    heart += [f"core/{name}.py" for name in ("futures", "tasks", "loop")]
    assert way[: len(heart) + 1] == ["interface.py", *heart]


@pytest.mark.parametrize(
    "code", [pytest.param(code, id=title) for title, code in EXPERIMENT.findall(text())]
)
def test_an_experiment_runs_as_it_stands(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_each_section_has_its_experiment() -> None:
    assert [title for title, _ in EXPERIMENT.findall(text())] == re.findall(
        r"^## (.*)$", text(), re.MULTILINE
    )


def test_what_is_to_be_watched_can_be_recorded_and_looked_at() -> None:
    told = WATCHED.findall(text())
    assert len(told) == text().count("To watch: ") >= 6
    for name, command, file in told:
        assert isinstance(program(name), Misconception), name
        assert (file, command in COMMANDS) == (f"{name}.mlt", True)
    assert "nine programs" in text()
    assert "seventeen that" in text()
    assert (len(STEPS), len(MISCONCEPTIONS)) == (9, 17)


def main() -> None:
    """Bring the lengths in the ladder up to date."""
    there = modules()

    def renew(match: re.Match[str]) -> str:
        name, lines, sentence = match.groups()
        return f"- `{name}` ({there.get(name, lines)} lines): {sentence}"

    LADDER.write_text(RUNG.sub(renew, text()), encoding="utf-8")


if __name__ == "__main__":
    main()

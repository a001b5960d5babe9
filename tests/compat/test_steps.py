"""The nine steps print what they should, lead from one to the next, and name what is there.

What they print is in `steps`, a file for each.  To take over something new, run these tests
once with ``MINILOOP_WRITE_REPORTS=1`` in the environment, and read it.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import miniloop
from compat.examples.learning import STEPS, Step

GOLDEN = Path(__file__).with_name("steps")
PACKAGE = Path(miniloop.__file__).parent
ROOT = PACKAGE.parent


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_step_runs_and_prints_what_it_should(step: Step) -> None:
    words = [sys.executable, "-W", "error", "-X", "dev", str(step.path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    path = GOLDEN / f"{step.name}.txt"
    if os.environ.get("MINILOOP_WRITE_REPORTS"):
        path.write_text(done.stdout, "utf-8")
    assert done.stdout == path.read_text("utf-8")


def test_the_steps_are_the_files_that_there_are() -> None:
    names = sorted(path.stem for path in STEPS[0].path.parent.glob("*.py"))
    assert names == sorted(step.name for step in STEPS)
    assert names == sorted(path.stem for path in GOLDEN.glob("*.txt"))


def test_each_step_leads_to_the_next_and_the_last_into_the_source() -> None:
    for number, step in enumerate(STEPS[:-1], 1):
        assert step.docstring.startswith(f"Step {number} of {len(STEPS)}: ")
        assert step.following == STEPS[number].path.name
    assert (ROOT / STEPS[-1].following.partition(",")[0]).is_file()


def test_only_the_last_step_needs_more_than_the_standard_library() -> None:
    for step in STEPS[:-1]:
        assert not re.search(r"^\s*(import|from) (asyncio|miniloop)", step.text, re.MULTILINE)
    assert "from miniloop.core.loop import Loop" in STEPS[-1].text


def mapped() -> list[str]:
    """Return the lines of the map, each without its idea."""
    lines = (GOLDEN / f"{STEPS[-1].name}.txt").read_text("utf-8").splitlines()
    return [line.partition(" miniloop/")[2] for line in lines if " miniloop/" in line]


def test_the_map_names_files_that_exist() -> None:
    assert len(mapped()) == len(STEPS) - 1
    for line in mapped():
        named = re.findall(r"\w+/\w+\.py", line)
        named += [f"{name}.py" for name in re.findall(r"\b(?:net|core|sync)/\w+\b(?!\.py)", line)]
        assert named, line
        assert [name for name in named if not (PACKAGE / name).is_file()] == []


def test_the_map_names_classes_methods_and_phases_that_exist() -> None:
    phases = (GOLDEN / f"{STEPS[-1].name}.txt").read_text("utf-8").splitlines()[-1]
    assert phases.startswith("phases: ")
    for line in mapped():
        module = importlib.import_module(f"miniloop.{line.partition('.py')[0].replace('/', '.')}")
        for class_name, _, attribute in re.findall(r"\b([A-Z]\w+)(\.(\w+))?", line):
            found = getattr(module, class_name)
            own = f"self.{attribute}" in inspect.getsource(found)  # of an instance
            assert not attribute or hasattr(found, attribute) or own, line
        for phase in re.findall(r"`(\w+)`", line):
            assert phase in phases.replace(",", "").split(), line

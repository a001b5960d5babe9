"""What was found, told in plain text: the same in every run and on every interpreter.

Read next: ../../compat/commands/replay.py
"""

from __future__ import annotations

import functools
import os
import re
import textwrap

from .aligned import side_by_side
from .failures import Failure
from .labels import is_library
from .trial import Trial, shows
from .verdict import FoundFailure
from .words import in_words
from .world import Run

__all__ = ["first_sentence", "report", "target_of"]

WIDTH = 100

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def report(trial: Trial, found: FoundFailure, failing: Run | None, passing: Run | None) -> str:
    """Return *found* in words; *failing* and *passing* are traced runs, if there are any."""
    parts = [_sentence(trial, found)]
    if failing is None:
        parts.append(
            _wrapped(
                "The same schedule did not fail a second time: something in the program is not"
                " under the World's control, or depends on what ran before."
            )
        )
    else:
        parts.append(_schedule(failing))
        parts.append(_details(shows(failing, found.failure.identity) or found.failure))
        if passing is not None:
            heads = ("plain order", "this schedule")
            if passing.failures:
                heads = ("plain order, which fails in another way", "this schedule")
            parts.append("\n".join(side_by_side(passing.trace, failing.trace, heads)))
    parts.append(f"Again: {_command(trial, found)}\n{_page(trial, found)}")
    return "\n\n".join(filter(None, parts))


def first_sentence(trial: Trial, failure: Failure) -> str:
    """Return what failed, how, and where: ``transfer: AssertionError: lost, raised at b.py:7``."""
    kind, first = failure.identity
    scenario = trial.scenario
    while isinstance(scenario, functools.partial):
        scenario = scenario.func
    name = getattr(scenario, "__qualname__", "the scenario").rpartition("<locals>.")[2]
    what = first if kind == "exception" else f"{kind}: {first}"
    place = _raised_at(failure.error) if kind == "exception" else ""
    return f"{name}: {_clean(what).rstrip(': ')}{place}"


def _sentence(trial: Trial, found: FoundFailure) -> str:
    lines = _wrapped(first_sentence(trial, found.failure))
    runs = f"run {found.runs}"
    where = {
        "fifo": "An order of events that asyncio allows.",
        "tasks": "Only if tasks that are ready overtake each other, which asyncio's do not.",
        "any": "Only if callbacks overtake each other, which asyncio's do not.",
    }[found.level]
    proof = {
        True: " It fails on asyncio's own loop as well.",
        False: " It does not fail on asyncio's own loop.",
        None: "",
    }[found.on_asyncio]
    return f"{lines}\n{_wrapped(f'Found by the {found.found_by} phase in {runs}. {where}{proof}')}"


def _schedule(failing: Run) -> str:
    words = in_words(failing)
    if not words:
        return "In plain asyncio order."
    lines = [_wrapped(_clean(line), "  ", "      ") for line in words]
    return "\n".join(["As asyncio, except that:", *lines])


def _details(failure: Failure) -> str:
    """Return what a failure says after its first line: pending tasks, an assertion's values."""
    _, _, rest = failure.message.partition("\n")
    lines = [
        _wrapped(_clean(line), _indent(line), _indent(line) + "    ") for line in rest.splitlines()
    ]
    return "\n".join(lines)


def _raised_at(error: BaseException | None) -> str:
    """Return the innermost line of the program that *error* came through.

    What hides itself from pytest, as ``pytest.fail`` does, is none of the program.
    """
    place = ""
    traceback = None if error is None else error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        hidden = frame.f_locals.get("__tracebackhide__", False)
        if not hidden and not is_library(frame.f_globals.get("__name__", "")):
            file = os.path.basename(frame.f_code.co_filename)
            place = f", raised at {file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _indent(line: str) -> str:
    return " " * max(2, min(len(line) - len(line.lstrip()), 20))


def _command(trial: Trial, found: FoundFailure) -> str:
    schedule = f"'{found.schedule}'"
    if known := getattr(trial.scenario, "again", None):  # whoever made the scenario knows
        return f"{known} {schedule}"
    target = target_of(trial)
    if target is None:
        cancel = f", cancel={trial.cancel!r}" if trial.cancel else ""
        return f"miniloop.testing.replay(scenario, {schedule}{cancel})"
    cancel = f" --cancel {trial.cancel}" if trial.cancel else ""
    return f"miniloop replay {target} {schedule}{cancel}"


def _page(trial: Trial, found: FoundFailure) -> str:
    """Return how to look at the failing run next to the plain one."""
    known = "" if target_of(trial) is None else "--html"
    if option := getattr(trial.scenario, "page_option", known):
        return f"As a page: the same with {option} page.html"
    cancel = f", cancel={trial.cancel!r}" if trial.cancel else ""
    return f"As a page: miniloop.study.schedule_page(scenario, '{found.schedule}'{cancel})"


def target_of(trial: Trial) -> str | None:
    """Return the scenario as ``module:function``, or None where it cannot be named so."""
    module = getattr(trial.scenario, "__module__", None)
    name = getattr(trial.scenario, "__qualname__", "<>")
    if not module or module == "__main__" or "<" in name or "." in name:
        return None
    return f"{module}:{name}"


def _clean(text: str) -> str:
    return _ADDRESS.sub("", text)


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(
        text.strip(),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )

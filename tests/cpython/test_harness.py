"""The harness itself: facades, reading a child's report, and judging what happened."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from .cells import Cell
from .expected import Expected, expected_in
from .run import Outcome, judge, read
from .substitute import Facade, Taken
from .targets import Following

CELL = Cell("test_locks", "names")


def module(name: str, **names: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made


def make_facade(taken: Taken | None = None) -> tuple[Any, ModuleType, ModuleType]:
    """Return a facade for asyncio.tasks, the module of ours behind it, and the real one."""
    real = module(
        "asyncio.tasks", Task="C", _CTask="C", _c_enter_task="C", sleep="real", old="real"
    )
    ours = module("miniloop.core.tasks", Task="ours", sleep="ours", current_task="ours")
    return Facade(real, [ours], {"_PyTask": "twin"}, taken or Taken()), ours, real


def test_a_facade_prefers_what_is_given_then_ours_then_asyncios() -> None:
    taken = Taken()
    facade, _, _ = make_facade(taken)
    assert (facade._PyTask, facade.sleep, facade.old) == ("twin", "ours", "real")
    assert taken.ours == {"sleep"}
    assert taken.borrowed == {"asyncio.tasks.old"}


def test_a_facade_knows_the_python_twin_of_a_function_by_its_bare_name() -> None:
    facade, _, _ = make_facade()
    assert facade._py_current_task == "ours"


@pytest.mark.parametrize("name", ["_CTask", "_c_enter_task", "nowhere"])
def test_a_facade_hides_c_twins(name: str) -> None:
    facade, _, _ = make_facade()
    assert not hasattr(facade, name)


def test_a_patch_reaches_every_module_that_has_the_name_and_is_undone() -> None:
    facade, ours, real = make_facade()
    with mock.patch.object(facade, "sleep", "mocked"):
        assert (facade.sleep, vars(ours)["sleep"], vars(real)["sleep"]) == ("mocked",) * 3
    assert (facade.sleep, vars(ours)["sleep"], vars(real)["sleep"]) == ("ours", "ours", "real")


@pytest.mark.parametrize("where", ["asyncio.base_events", "asyncio.unix_events"])
def test_what_a_test_puts_in_a_module_of_asyncio_is_followed_until_it_is_undone(where: str) -> None:
    followed = Following("socket")
    with mock.patch(f"{where}.socket") as replaced:
        assert followed.getaddrinfo is replaced.getaddrinfo
    assert followed.getaddrinfo is socket.getaddrinfo


def write_report(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def test_a_report_without_an_end_names_the_test_that_did_it(tmp_path: Path) -> None:
    outcome = Outcome(CELL)
    report = write_report(
        tmp_path / "report",
        {"start": "A.one"},
        {"end": "A.one", "outcome": "skip", "detail": "no reason"},
        {"start": "A.two"},
    )
    assert read(report, outcome) == "A.two"
    assert outcome.outcomes == {"A.one": "skip"}
    assert outcome.details == {"A.one": "no reason"}


def test_what_several_children_made_is_added_up(tmp_path: Path) -> None:
    outcome = Outcome(CELL)
    finish = {"finish": {"loops": 2, "tasks": 1}, "borrowed": ["asyncio.x"], "seconds": 0.5}
    for name in ("first", "second"):
        assert read(write_report(tmp_path / name, finish), outcome) is None
    assert outcome.made == {"loops": 4, "tasks": 2}
    assert outcome.borrowed == {"asyncio.x"}
    assert outcome.seconds == 1.0


def judged(outcomes: dict[str, str], *listed: str, made: int = 1, broken: str = "") -> list[str]:
    methods = tuple(test.removeprefix("A.") for test in listed)
    entry = Expected("test_locks", "A", methods, "names", (), "a reason")
    outcome = Outcome(CELL, outcomes, made={"loops": made}, broken=broken)
    return judge(outcome, dict.fromkeys(entry.tests(), entry))


def test_what_is_listed_may_fail() -> None:
    assert judged({"A.one": "pass", "A.two": "fail", "A.three": "skip"}, "A.two") == []


@pytest.mark.parametrize(
    ("outcomes", "listed", "problem"),
    [
        ({"A.one": "fail"}, (), "failed: A.one"),
        ({"A.one": "crash"}, (), "failed: A.one"),
        ({"A.one": "pass"}, ("A.one",), "does not fail: A.one"),
        ({"A.one": "skip"}, ("A.one",), "does not fail: A.one"),
        ({"A.one": "pass"}, ("A.two",), "there is no such test: A.two"),
    ],
)
def test_anything_else_is_a_problem(
    outcomes: dict[str, str], listed: tuple[str, ...], problem: str
) -> None:
    (found,) = judged(outcomes, *listed)
    assert problem in found


def test_a_run_without_our_code_is_no_evidence() -> None:
    (problem,) = judged({"A.one": "pass"}, made=0)
    assert "no evidence" in problem


def test_an_incomplete_run_says_so_and_nothing_about_what_it_did_not_reach() -> None:
    (failed, incomplete) = judged({"A.one": "fail"}, "A.two", made=0, broken="gone")
    assert "A.one" in failed
    assert "gone" in incomplete


def test_an_entry_holds_for_its_versions_only() -> None:
    cell = Cell("test_futures", "names")
    assert "PyFutureTests.test_exception" in expected_in(cell, "3.11")
    assert expected_in(cell, "3.13") == {}
    assert expected_in(Cell("test_futures", "loop"), "3.11") == {}

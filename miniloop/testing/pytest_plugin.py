"""The pytest plugin: ``async def test_x(world)`` is explored.

    @pytest.mark.world(runs=500, level="tasks")
    async def test_transfer(world):
        ...

A coroutine test that takes `world`, or is marked so, becomes a plain test before any other
plugin sees it; pytest-asyncio and anyio leave it alone, and fixtures, parametrization and
xdist work as ever.  With Hypothesis' ``@given`` the data are Hypothesis', and every
example is explored.

Options, on the command line and, without the dashes, in the ini file
    --miniloop-runs N       how many runs a test may take (default: 1000, with @given 100)
    --miniloop-level LEVEL  what may vary: fifo, tasks or any
    --miniloop-strategy S   which phases
    --miniloop-seed N       of the random walks
    --miniloop-replay WORD  run one schedule, as a report writes it down, with its trace
    --miniloop-html FILE    write a page of what is found, or of the run that is replayed

The marker may stand at a test, at one of its parameters, at its class or at the module:
what is nearer to the test counts, and the command line above all.

Read next: hypothesis_support.py
"""

from __future__ import annotations

import functools
import inspect
import shlex
import warnings
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .verdict import Exploration
    from .world import World

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_pycollect_makeitem",
    "pytest_pyfunc_call",
    "world",
]

MARK = "world"

#: The options: name, what it is converted with, what it says in the help.
OPTIONS: tuple[tuple[str, Callable[[str], Any], str], ...] = (
    ("runs", int, "how many runs a test in a World may take"),
    ("level", str, "what may vary in a World: fifo, tasks or any"),
    ("strategy", str, "which schedules a test in a World is run under"),
    ("seed", int, "the seed of the random walks through schedules"),
)
#: How many runs each example of Hypothesis gets: there are a hundred of them.
RUNS_PER_EXAMPLE = 100

_Test = Callable[..., Coroutine[Any, Any, Any]]

#: The test that runs: whose markers count, and what it is called.
_RUNNING: pytest.StashKey[pytest.Function] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("miniloop", "schedules of asyncio code")
    for name, kind, text in OPTIONS:
        group.addoption(f"--miniloop-{name}", type=kind, default=None, help=text)
        parser.addini(f"miniloop_{name}", text, default=None)
    group.addoption("--miniloop-replay", metavar="SCHEDULE", help="run this one schedule only")
    group.addoption("--miniloop-html", metavar="FILE", help="write a page of what is found")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "world(**options): run this coroutine in a World, under the schedules that "
        "miniloop.testing.explore(**options) goes through",
    )


@pytest.fixture(scope="session")  # Hypothesis refuses to mix with any that ends with a test
def world() -> Any:
    """The World of the run; there is one only inside of a coroutine test."""
    return _NoWorld()


class _NoWorld:
    """What stands for the World where none is running."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no World runs here, so no {name}: only an `async def` test has one")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> Any:
    """Collect a coroutine test that is for a World as a plain test that explores it."""
    if not collector.istestfunction(obj, name) or not _is_for_a_world(obj, collector):
        return None
    given = getattr(obj, "hypothesis", None)
    if given is not None:
        given.inner_test = _explored(given.inner_test, collector.config, RUNS_PER_EXAMPLE)
        return None
    plain = _explored(obj, collector.config, None)
    setattr(collector.obj, name, plain)  # where pytest looks for it when it runs the test
    return list(collector._genfunctions(name, plain))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Remember which test runs."""
    pyfuncitem.config.stash[_RUNNING] = pyfuncitem


def _is_for_a_world(obj: Any, collector: Any) -> bool:
    given = getattr(obj, "hypothesis", None)
    test = obj if given is None else given.inner_test
    if not inspect.iscoroutinefunction(test):
        return False
    marked = any(mark.name == MARK for mark in getattr(obj, "pytestmark", ()))
    marked = marked or collector.get_closest_marker(MARK) is not None
    return marked or MARK in inspect.signature(test).parameters


def _explored(test: _Test, config: pytest.Config, runs: int | None) -> Callable[..., None]:
    """Return a plain function that explores *test* with the arguments that it is called with."""
    takes_world = MARK in inspect.signature(test).parameters

    @functools.wraps(test)
    def explore_it(*args: Any, **arguments: Any) -> None:
        async def scenario(world: World) -> None:
            if takes_world:
                arguments[MARK] = world
            await test(*args, **arguments)

        scenario.__qualname__ = scenario.__name__ = test.__name__
        item = config.stash[_RUNNING]
        here: Any = config.cwd_relative_nodeid  # of other types in other versions of pytest
        name = _quoted(str(here(item.nodeid)))
        scenario.again = f"pytest {name} --miniloop-replay"  # type: ignore[attr-defined]
        scenario.page_option = "--miniloop-html"  # type: ignore[attr-defined]
        schedule, page = (config.getoption(f"miniloop_{name}") for name in ("replay", "html"))
        _run(scenario, _options(item, config, runs), schedule, page)

    return explore_it


def _quoted(name: str) -> str:
    """Return *name* as a shell takes it, whatever a parameter has put into it."""
    quoted = shlex.quote(name)
    return f"'{name}'" if quoted == name else quoted


def _options(item: pytest.Function, config: pytest.Config, runs: int | None) -> dict[str, Any]:
    """Return what the ini file, the markers and the command line say, the last one above all."""
    options: dict[str, Any] = {} if runs is None else {"runs": runs}
    for name, kind, _ in OPTIONS:
        if value := config.getini(f"miniloop_{name}"):
            options[name] = _converted(kind, name, value)
    for mark in reversed(list(item.iter_markers(MARK))):
        if mark.args:
            words = "the marker takes options by name only, as in world(runs=500)"
            raise pytest.UsageError(f"{words}, not {mark.args[0]!r}")
        options.update(mark.kwargs)
    for name, _, _ in OPTIONS:
        value = config.getoption(f"miniloop_{name}")
        if value is not None:
            options[name] = value
    return options


def _converted(kind: Callable[[str], Any], name: str, value: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise pytest.UsageError(f"miniloop_{name} in the ini file is {value!r}") from None


def _run(scenario: Any, options: dict[str, Any], schedule: str | None, page: str | None) -> None:
    from .explore import explore, replay  # only those who use it pay for it
    from .verdict import ScheduleFailure

    __tracebackhide__ = True
    names = ("ignore", "limits", "cancel")
    allowed: dict[str, Any] = {key: options[key] for key in names if key in options}
    if schedule is None:
        exploration = explore(scenario, **options)
        if page is not None and exploration.failure is not None:
            _write_page(page, scenario, exploration.failure.schedule, allowed)
        _check(exploration)
        return
    if page is not None:
        _write_page(page, scenario, schedule, allowed)
    run = replay(scenario, schedule, **allowed)
    for line in run.trace:
        print(line)  # noqa: T201 - pytest shows it when the test fails
    if run.failure is not None:
        if run.failure.kind == "exception" and run.failure.error is not None:
            raise run.failure.error
        raise ScheduleFailure(str(run.failure))


def _check(exploration: Exploration) -> None:
    """Raise what was found; a skip is none of it, and a run that nothing repeats is no proof."""
    __tracebackhide__ = True
    found = exploration.failure
    if found is not None and isinstance(found.failure.error, pytest.skip.Exception):
        raise found.failure.error
    exploration.check()
    if not exploration.repeats:
        warnings.warn(
            "the test did not repeat itself, so little is shown: something in it is not under the"
            " World's control, or it depends on what ran before (fixtures are made once)",
            pytest.PytestWarning,
            stacklevel=2,
        )


def _write_page(path: str, scenario: Any, schedule: Any, options: dict[str, Any]) -> None:
    """Write the page that shows *scenario* under *schedule*, below plain order."""
    # A look upwards: what draws it stands on top of all this, and is loaded when it is asked for.
    study: Any = import_module("miniloop.study")
    command = f"{scenario.again} {{}} --miniloop-html {path}"
    text = study.schedule_page(scenario, schedule, command=command, **options)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)

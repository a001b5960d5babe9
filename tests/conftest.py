"""What every test here gets: Hypothesis' profiles, and a watch on what it leaves behind.

A test fails when it leaves a loop announced as running, or when something was
logged as an error that nobody looked at: a task whose exception was never
retrieved, a callback that raised.  A test that wants such a record asks for the
`caplog` fixture, or catches it with `unittest`'s `assertLogs`.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest

from miniloop.interface import _get_running_loop, _set_running_loop, set_thread_loop

from .browser import Browser
from .effort import effort, newest_only

# A busy machine is no reason to fail: no deadline, no complaint about slow examples.
_calm = hypothesis.settings(
    deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("local", _calm)
# The same examples in every run, and more of them; most on the newest interpreter.
hypothesis.settings.register_profile(
    "ci", _calm, max_examples=effort(300, 60), derandomize=True, database=None
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

#: The loggers that a loop of either library reports to, and a server of its applications.
LOGGERS = ("asyncio", "miniloop", "protocols.http")


class _Errors(logging.Handler):
    """Keeps the errors that are logged while a test runs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self.format(record))


@pytest.fixture(autouse=True, scope="module")
def little_to_collect() -> None:
    """Keep what is there already, and stays, out of the many collections to come."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a running loop, or an error that was only logged."""
    errors = _Errors()
    for name in LOGGERS:
        logging.getLogger(name).addHandler(errors)
    yield
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(errors)
    left = _get_running_loop()
    if left is not None:
        _set_running_loop(None)
        pytest.fail(f"the test left {left!r} announced as the running loop")
    set_thread_loop(None)
    if errors.messages and "caplog" not in request.fixturenames:
        pytest.fail("logged, and nobody looked:\n" + "\n".join(errors.messages))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give the Chromium of this worker, in which every test opens pages of its own."""
    newest_only()
    with Browser() as started:
        yield started

"""The defects of libraries that the World has found: still there in the version that had them."""

from __future__ import annotations

import sys
from itertools import product
from typing import Any

import aiohttp
import httpcore
import pytest

from miniloop.testing import explore, replay

from . import found


def shows(scenario: Any, words: str, *schedules: str) -> None:
    """Check that *scenario* fails, within few runs and on both loops, under each of *schedules*.

    Those are for Python 3.13: the libraries themselves take other steps on older ones.
    """
    exploration = explore(scenario, runs=200)
    assert exploration.failure is not None
    assert words in str(exploration.failure.failure)
    assert len(exploration.failure.schedule) <= 1
    if sys.version_info >= (3, 13):
        for schedule, library in product(schedules, ("miniloop", "asyncio")):
            assert words in str(replay(scenario, schedule, library=library).failure)


@pytest.mark.skipif(aiohttp.__version__ != "3.14.5", reason="found in 3.14.5")
@pytest.mark.parametrize(
    ("scenario", "words", "schedule"),
    [
        (found.a_free_connection_that_nobody_gets, "deadlock", "fifo:event0=8"),
        (found.a_wake_up_for_the_wrong_host, "deadlock", "fifo"),
        (found.a_handler_that_outlives_its_server, "a handler runs on", "fifo"),
        (found.a_heartbeat_after_the_end, "timers left", "fifo"),
    ],
)
def test_aiohttp(scenario: Any, words: str, schedule: str) -> None:
    shows(scenario, words, schedule)


@pytest.mark.skipif(httpcore.__version__ != "1.0.9", reason="found in 1.0.9")
@pytest.mark.parametrize(
    ("scenario", "schedules"),
    [
        (found.a_stream_that_is_left, ["fifo:event0=8", "fifo:event0=38"]),
        (found.a_pool_that_is_full_of_nothing, ["fifo"]),
    ],
)
def test_httpcore(scenario: Any, schedules: list[str]) -> None:
    shows(scenario, "deadlock", *schedules)

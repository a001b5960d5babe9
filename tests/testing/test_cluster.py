"""Exploring on a cluster: a Dask one, which lives in this process and in others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Any

import pytest

from miniloop.testing import explore

from .races import check_then_act, two_at_once

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    """Two workers in this machine, on whatever ports are free."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=50,
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client.get_executor()


@pytest.mark.parametrize(("scenario", "level"), [(two_at_once, "fifo"), (check_then_act, "tasks")])
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_finds_what_is_found_here(scenario: Any, level: str, cluster: Executor) -> None:
    options: dict[str, Any] = {"level": level, "runs": 1000}
    here = explore(scenario, **options)
    there = explore(scenario, executor=cluster, **options)
    assert str(there) == str(here)
    assert [phase.runs for phase in there.phases] == [phase.runs for phase in here.phases]
    assert there.failure is not None

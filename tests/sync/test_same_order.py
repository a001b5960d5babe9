"""For any program, what happens and in which order does not depend on the loop or the names."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from .loops import OURS, VIRTUAL, VirtualAsyncioLoop
from .programs import Program, World, programs

# From here on asyncio has everything that is offered here on every interpreter.
NEWEST = sys.version_info >= (3, 13)


def trace(factory: Any, names: Any, program: Program) -> list[Any]:
    """Run *program* with *names* on a loop from *factory*; return what it did."""
    loop = factory()
    loop.set_exception_handler(lambda loop, context: None)
    world = World(names)
    try:
        result = list(loop.run_until_complete(world.main(program)))
        loop.run_until_complete(world.stop_all())
    finally:
        loop.close()
    return result


checks = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.skipif(not NEWEST, reason="asyncio's own primitives are older here")
@checks
@given(programs(largest_group=1))
def test_our_primitives_do_on_asyncios_loop_what_asyncios_do(program: Program) -> None:
    assert trace(VirtualAsyncioLoop, OURS, program) == trace(VirtualAsyncioLoop, asyncio, program)


@pytest.mark.skipif(not NEWEST, reason="asyncio's own primitives are older here")
@checks
@given(programs(largest_group=1))
def test_our_primitives_do_on_our_loop_what_asyncios_do_on_theirs(program: Program) -> None:
    theirs = trace(VirtualAsyncioLoop, asyncio, program)
    assert trace(VIRTUAL["miniloop"], OURS, program) == theirs


@checks
@given(programs(scopes=NEWEST))
def test_our_primitives_do_the_same_on_either_loop(program: Program) -> None:
    theirs = trace(VirtualAsyncioLoop, OURS, program)
    assert trace(VIRTUAL["miniloop"], OURS, program) == theirs

"""What makes a failure the same one in another run, and on another loop."""

from __future__ import annotations

import asyncio

from miniloop.testing import Failure, World, explore, replay


def test_addresses_do_not_make_a_difference() -> None:
    one, other = (
        Failure("exception", f"RuntimeError: <Lock object at 0x7f{n}2> is bound") for n in "ab"
    )
    assert one.identity == other.identity
    assert "0x7fa2" in str(one)


async def answered_too_late(world: World) -> None:
    answer = asyncio.get_running_loop().create_future()
    world.sometime(answer.cancel)
    asyncio.get_running_loop().call_soon(lambda: None)
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(1, answer.set_result, None)
    await asyncio.wait([answer])
    await asyncio.sleep(2)


def test_an_invalid_state_is_the_same_whoever_words_it() -> None:
    found = explore(answered_too_late).failure
    assert found is not None
    assert found.failure.kind == "reported"
    assert found.on_asyncio is True


def test_what_is_reported_names_no_path() -> None:
    for library in ("miniloop", "asyncio"):
        run = replay(answered_too_late, "fifo", library=library)
        assert run.failure is not None
        assert "/" not in run.failure.message
        assert "InvalidStateError" in run.failure.message

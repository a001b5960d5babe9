"""Coroutines in the decorator form: generators, as everybody wrote them before `async def`.

Teaches: a decorated generator may be awaited; inside it, `yield from` is what `await` is in an
`async def`, and a bare `yield` gives the loop one turn. The decorator is `types.coroutine`;
`asyncio.coroutine`, which old programs use, is taken where it still exists.
A loop may refuse a generator where it wants a task (asyncio does, from Python 3.12 on), so tasks
are made of the `async def` functions that await the generators: that works everywhere.
Look for: old and new form take turns as equals, and only the undecorated generator is refused.
"""

import asyncio
import types
from collections.abc import Generator
from typing import Any

coroutine = getattr(asyncio, "coroutine", types.coroutine)


@types.coroutine
def one_turn() -> Generator[None, None, None]:
    """Let everything else that is ready run once."""
    yield


@types.coroutine
def slow_sum(left: int, right: int) -> Generator[Any, None, int]:
    """Add after a while."""
    yield from asyncio.sleep(0.05)
    return left + right


@coroutine
def double(number: int) -> Generator[Any, None, int]:
    """Add a number to itself: one decorated generator waits for another."""
    result: int = yield from slow_sum(number, number)
    return result


def undecorated() -> Generator[None, None, None]:
    """Look like `one_turn`, but without the decorator."""
    yield


async def old_form(name: str) -> None:
    """Take turns by means of a decorated generator."""
    for step in range(3):
        print(f"  {name}: step {step}")
        await one_turn()


async def new_form(name: str) -> None:
    """Take turns by means of a library coroutine."""
    for step in range(3):
        print(f"  {name}: step {step}")
        await asyncio.sleep(0)


async def main() -> None:
    """Await generators, mix both forms, and see what is refused."""
    print("2 + 3 =", await slow_sum(2, 3))
    print("twice 21 =", await double(21))
    print("both forms take turns:")
    await asyncio.gather(old_form("old"), new_form("new"))
    plain: Any = undecorated()
    try:
        await plain
    except TypeError:
        print("a generator without the decorator cannot be awaited")


if __name__ == "__main__":
    asyncio.run(main())

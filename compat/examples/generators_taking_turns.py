"""Generators taking turns: what an event loop does, without any event loop.

Teaches: a generator stops at every `yield` and can be continued later, so a queue of generators
and a `while` loop are already a scheduler. The second half gives the same work to an event loop,
where `await asyncio.sleep(0)` stands where `yield` stood.
Look for: both halves print the same lines in the same order.
"""

import asyncio
from collections import deque
from collections.abc import Iterator


def countdown(name: str, start: int) -> Iterator[None]:
    """Count down, giving way to the others after each number."""
    for number in range(start, 0, -1):
        print(f"  {name}: {number}")
        yield
    print(f"  {name}: lift-off")


def take_turns(*generators: Iterator[None]) -> None:
    """Give each generator one step at a time until all have ended."""
    ready = deque(generators)
    while ready:
        generator = ready.popleft()
        try:
            next(generator)
        except StopIteration:
            continue  # this one has ended: it does not go back into the queue
        ready.append(generator)


async def async_countdown(name: str, start: int) -> None:
    """The same countdown, for an event loop."""
    for number in range(start, 0, -1):
        print(f"  {name}: {number}")
        await asyncio.sleep(0)
    print(f"  {name}: lift-off")


async def main() -> None:
    """Run the same three countdowns on the event loop."""
    await asyncio.gather(
        async_countdown("Vega", 3), async_countdown("Ariane", 2), async_countdown("Soyuz", 1)
    )


if __name__ == "__main__":
    print("a while loop and a queue of generators:")
    take_turns(countdown("Vega", 3), countdown("Ariane", 2), countdown("Soyuz", 1))
    print("an event loop and coroutines:")
    asyncio.run(main())

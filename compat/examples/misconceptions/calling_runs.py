"""Belief: calling an async function runs it.

Truth: the call makes a coroutine, and nothing of it runs until it is awaited or made a task.
Look: nothing enters the ready queue between the call and the first line that is printed; when
the coroutine is dropped it is told that it was never awaited, and where it was made.
"""

import asyncio


async def greet() -> None:
    print("hello")


async def main() -> None:
    called = greet()
    print("main has called it, and nobody was greeted")
    del called
    await greet()


if __name__ == "__main__":
    asyncio.run(main())

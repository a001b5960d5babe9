"""async def: calling the function makes a coroutine, awaiting the coroutine runs it.

Teaches: the difference between a coroutine function, a coroutine and its result; how `return`
travels back through `await`; and that a coroutine can be driven by hand with `send`, which is all
that an event loop does with it.
Look for: "cooking" is not printed when `cook` is called, but when its coroutine is awaited.
"""

import asyncio
import inspect


async def cook(dish: str) -> str:
    """Cook without ever waiting."""
    print(f"  cooking {dish}")
    return f"a plate of {dish}"


async def serve(dish: str) -> str:
    """Wait for the cook, then carry the plate."""
    plate = await cook(dish)
    print(f"  serving {plate}")
    return f"{dish} was served"


async def main() -> None:
    """Call, look, await."""
    print("calling cook:")
    coroutine = cook("soup")
    print("  is it a coroutine?", asyncio.iscoroutine(coroutine))
    print("  is cook itself one?", asyncio.iscoroutine(cook))
    print("  is cook a coroutine function?", inspect.iscoroutinefunction(cook))
    print("awaiting it:")
    print("  got", await coroutine)
    try:
        await coroutine
    except RuntimeError:
        print("  a coroutine can be awaited only once")
    print("awaiting a coroutine that awaits another:")
    print("  got", await serve("rice"))


def by_hand() -> None:
    """Do with one coroutine what a loop does: send until it stops."""
    coroutine = serve("pie")
    try:
        coroutine.send(None)
    except StopIteration as stop:
        print("  the result came in StopIteration:", stop.value)


if __name__ == "__main__":
    asyncio.run(main())
    print("without any loop:")
    by_hand()

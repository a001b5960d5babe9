"""Threads that call back: how another thread speaks to the loop.

Teaches: nothing of a loop may be touched from another thread except two doors:
`call_soon_threadsafe`, which also wakes the loop when it sleeps, and `run_coroutine_threadsafe`,
whose result is a `concurrent.futures.Future` that the thread can wait for.
Look for: the loop has nothing to do for a minute, and yet each letter arrives at once.
"""

import asyncio
import threading


async def ask(question: str) -> str:
    """A coroutine that a thread wants to have run."""
    await asyncio.sleep(0)
    if question.startswith("why"):
        raise ValueError("nobody knows why")
    return "yes"


def postman(loop: asyncio.AbstractEventLoop, box: "asyncio.Queue[str]") -> None:
    """Run in a thread: put letters into a queue that belongs to the loop."""
    for letter in ("a bill", "a postcard", ""):
        loop.call_soon_threadsafe(box.put_nowait, letter)


def visitor(loop: asyncio.AbstractEventLoop, answers: list[str]) -> None:
    """Run in a thread: have coroutines run by the loop, and wait for them."""
    for question in ("are you there?", "why?"):
        future = asyncio.run_coroutine_threadsafe(ask(question), loop)
        try:
            answers.append(f"{question} {future.result(timeout=10)}")
        except ValueError as error:
            answers.append(f"{question} {error}")


async def main() -> None:
    """A thread that leaves letters, then one that asks questions."""
    loop = asyncio.get_running_loop()

    print("letters from a thread:")
    box: asyncio.Queue[str] = asyncio.Queue()
    threading.Thread(target=postman, args=(loop, box)).start()
    async with asyncio.timeout(60):
        while letter := await box.get():
            print(" ", letter)

    print("questions from a thread:")
    answers: list[str] = []
    thread = threading.Thread(target=visitor, args=(loop, answers))
    thread.start()
    await asyncio.to_thread(thread.join)
    for answer in answers:
        print(" ", answer)


if __name__ == "__main__":
    asyncio.run(main())

"""Belief: a plain function gets at an async result by run(), a thread by setting a future.

Truth: there is one loop in a thread, and it runs already: to run another inside it is refused.
From another thread there is one way in, call_soon_threadsafe(), which wakes the selector.
Look: the refusal, and then the entry that comes "from thread helper".
"""

import asyncio
import threading


async def answer() -> int:
    return 42


def plain() -> None:
    coroutine = answer()
    try:
        asyncio.run(coroutine)
    except RuntimeError:
        print("refused: a loop runs here already")
    finally:
        coroutine.close()


async def main() -> None:
    plain()
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()
    go = threading.Event()

    def work() -> None:
        go.wait()
        loop.call_soon_threadsafe(future.set_result, 42)

    helper = threading.Thread(target=work, name="helper")
    helper.start()
    loop.call_soon(go.set)
    print("main waits for the thread")
    print("main has", await future)
    helper.join()


if __name__ == "__main__":
    asyncio.run(main())

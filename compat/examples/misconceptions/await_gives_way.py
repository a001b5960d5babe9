"""Belief: every await lets the others run.

Truth: awaiting a coroutine is a call, in the same step.  Only what has to wait ends the step: a
future that is not done, or `sleep(0)`.  Awaiting what is done already does not wait either.
Look: main's first step goes on until `sleep(0)`, although there is an await in it before.
"""

import asyncio


async def direct() -> None:
    print("direct runs inside main's step")


async def other() -> None:
    print("other has its turn")


async def main() -> None:
    task = asyncio.create_task(other(), name="other")
    await direct()
    print("main: that await has let nobody run")
    await asyncio.sleep(0)
    print("main: this one has")
    await task
    print("main: and this one has not waited, the task was done")


if __name__ == "__main__":
    asyncio.run(main())

"""Context variables: a value for each task, without passing it along.

Teaches: every task runs in a copy of the context that it was made in, so what it sets is seen by
the functions it calls and by the tasks it makes, but by no one else. Callbacks run in the context
in which they were asked for.
Look for: the requests run at the same time and each log line has the right name; main's own value
is untouched.
"""

import asyncio
import contextvars

user: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


def log(message: str) -> None:
    """Print a line with the user's name, which nobody has passed in."""
    print(f"  [{user.get()}] {message}")


async def look_up(what: str, delay: float) -> None:
    """Something deep inside the program."""
    await asyncio.sleep(delay)
    log(f"found {what}")


async def request(name: str, delay: float) -> None:
    """Handle one user's request."""
    user.set(name)
    log("asks")
    await look_up("a file", delay)
    child = asyncio.create_task(look_up("a picture", delay))
    await child
    log("is served")


async def main() -> None:
    """Serve two at once, then look at callbacks."""
    loop = asyncio.get_running_loop()
    print("two requests at once:")
    user.set("main")
    await asyncio.gather(request("Ann", 0.05), request("Bob", 0.25))
    log("is still itself")

    print("callbacks:")
    token = user.set("Cid")
    loop.call_soon(log, "asked for by Cid")
    user.reset(token)
    loop.call_soon(log, "asked for by main")
    empty = contextvars.Context()
    loop.call_soon(log, "in an empty context", context=empty)
    await asyncio.sleep(0)

    print("a context that outlives its task:")
    kept = contextvars.copy_context()
    await asyncio.create_task(request("Dan", 0.0), context=kept)
    print("  main:", user.get(), "- kept:", kept[user])


if __name__ == "__main__":
    asyncio.run(main())

"""The same page from several servers with aiohttp: the first answer wins, or the majority.

Teaches: requests are tasks like any others, so all that waits for tasks works with them: `wait`
for the first, `timeout` around any number of requests, a queue for answers as they come. A request
that is cancelled closes its connection at once: nobody would read that answer.
Look for: the dead server costs nothing where others answer; asking a second server only when the
first is late; two of three servers that agree.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

DELAYS = {"quick": 0.0, "liar": 0.05, "slow": 0.35, "dead": 100.0, "broken": 0.0}  # seconds


def make_app(name: str, delay: float) -> web.Application:
    """One of the servers."""

    async def price(request: web.Request) -> web.Response:
        await asyncio.sleep(delay)
        if name == "broken":
            raise web.HTTPInternalServerError
        return web.json_response({"price": 1 if name == "liar" else 42})

    app = web.Application()
    app.router.add_get("/price", price)
    return app


class Shopper:
    """Asks servers for a price, in several ways."""

    def __init__(self, session: ClientSession, urls: dict[str, str]) -> None:
        self.session, self.urls = session, urls

    async def ask(self, name: str) -> tuple[str, int]:
        """Ask one server; return its name and the price."""
        async with self.session.get(self.urls[name]) as response:
            response.raise_for_status()
            return name, (await response.json())["price"]

    async def first(self, *names: str) -> tuple[str, int]:
        """Ask all at once, take the first answer and drop the others."""
        tasks = [asyncio.create_task(self.ask(name)) for name in names]
        try:
            pending = set(tasks)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if task.exception() is None:
                        return task.result()
            raise LookupError("no server answered")
        finally:
            await drop(tasks)

    async def hedged(self, name: str, other: str, patience: float) -> tuple[str, int]:
        """Ask one server, and another one too if the first is late."""
        task = asyncio.create_task(self.ask(name))
        try:
            return await asyncio.wait_for(asyncio.shield(task), patience)
        except asyncio.TimeoutError:
            print("  no answer yet from", name)
            return await self.first(other)
        finally:
            await drop([task])

    async def majority(self, *names: str) -> list[int]:
        """Ask all, return the answers as they come until two are the same."""
        answers: asyncio.Queue[int] = asyncio.Queue()

        async def pass_on(name: str) -> None:
            answers.put_nowait((await self.ask(name))[1])

        tasks = [asyncio.create_task(pass_on(name)) for name in names]
        heard = [await answers.get()]
        while heard.count(heard[-1]) < 2:
            heard.append(await answers.get())
        await drop(tasks)
        return heard


async def drop(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until all have ended, in whatever way."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def main() -> None:
    """Five servers and one shopper."""
    async with AsyncExitStack() as stack:
        urls = {}
        for name, delay in DELAYS.items():
            server = await stack.enter_async_context(TestServer(make_app(name, delay)))
            urls[name] = str(server.make_url("/price"))
        session = await stack.enter_async_context(ClientSession())
        shopper = Shopper(session, urls)
        print("first:", await shopper.first("dead", "slow", "broken", "quick"))
        print("only one is left:", await shopper.first("dead", "broken", "slow"))
        print("hedged:", await shopper.hedged("dead", "quick", patience=0.1))
        print("heard until two agreed:", await shopper.majority("quick", "liar", "dead", "slow"))
        try:
            async with asyncio.timeout(0.1):
                await shopper.ask("quick")
                await shopper.ask("dead")
        except TimeoutError:
            print("both within a tenth of a second: no")


if __name__ == "__main__":
    asyncio.run(main())

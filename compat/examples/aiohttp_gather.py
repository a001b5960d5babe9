"""Many pages at once with aiohttp, and how to keep it from being too many.

Teaches: `gather` over one session fetches all pages together, in the time of the slowest, and gives
the results in the order asked for. The session's connector allows only so many connections; a
semaphore allows only so many requests; `as_completed` gives each page as it comes.
Look for: how many requests the server was answering together, each time.
"""

import asyncio

from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

PAGES = 8
DELAY = 0.15  # seconds that the server takes for a page


class Site:
    """A server that takes its time, and counts."""

    def __init__(self) -> None:
        self.together = self.most = 0

    async def page(self, request: web.Request) -> web.Response:
        """Answer after a while."""
        self.together += 1
        self.most = max(self.most, self.together)
        await asyncio.sleep(float(request.query["delay"]))
        self.together -= 1
        return web.Response(text=f"page {request.match_info['number']}")

    def most_together(self) -> int:
        """How many requests were answered together since the last call."""
        most, self.most = self.most, 0
        return most


async def fetch(session: ClientSession, number: int, delay: float = DELAY) -> str:
    """Return one page's text."""
    async with session.get(f"/page/{number}", params={"delay": str(delay)}) as response:
        return await response.text()


async def limited(session: ClientSession, number: int, free: asyncio.Semaphore) -> str:
    """The same, when it is allowed."""
    async with free:
        return await fetch(session, number)


async def main() -> None:
    """Fetch the same pages in six ways."""
    site, app = Site(), web.Application()
    app.add_routes([web.get("/page/{number}", site.page)])
    async with TestServer(app) as server:
        url = server.make_url("/")
        async with ClientSession(url) as session:
            for number in range(3):
                await fetch(session, number, 0.0)
            print("one after the other: together", site.most_together())
            pages = await asyncio.gather(*(fetch(session, number) for number in range(PAGES)))
            print("gather: together", site.most_together(), "-", pages[0], "to", pages[-1])
            free = asyncio.Semaphore(4)
            pages = await asyncio.gather(*(limited(session, n, free) for n in range(PAGES)))
            print("with a semaphore: together", site.most_together(), "-", len(pages), "pages")
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(fetch(session, number)) for number in range(PAGES)]
            print("in a group: together", site.most_together(), "-", tasks[5].result())
            delays = {1: 0.3, 2: 0.0, 3: 0.15}
            coming = [asyncio.create_task(fetch(session, n, d)) for n, d in delays.items()]
            print("as they come:", [await page for page in asyncio.as_completed(coming)])
            site.most_together()
        async with ClientSession(url, connector=TCPConnector(limit=3)) as session:
            await asyncio.gather(*(fetch(session, number) for number in range(PAGES)))
            print("three connections: together", site.most_together())


if __name__ == "__main__":
    asyncio.run(main())

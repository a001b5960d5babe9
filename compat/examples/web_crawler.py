"""A web crawler with aiohttp and Beautiful Soup: start at one page, follow every link once.

Teaches: the frontier is a queue, a few workers take addresses from it and put new ones in, and
`join` returns when the last one is done: nobody needs to know beforehand how many there are. What
was seen is put into a set before it is fetched, so two pages that link to each other do no harm.
Look for: links in circles, a page that is not there, one that is no page, and the way out of the
site, which is not taken.
"""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urljoin, urlsplit

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from bs4 import BeautifulSoup

SITE = {
    "/": ("Home", ["/poems/", "about.html", "https://example.org/", "/"]),
    "/about.html": ("About us", ["/", "/team#ann", "mailto:ann@example.org"]),
    "/team": ("Team", ["/about.html", "/team#bob", "photo.png"]),
    "/poems/": ("Poems", ["roses", "./violets", "../", "/lost"]),
    "/poems/roses": ("Roses are red", ["violets?by=me"]),
    "/poems/violets": ("Violets are blue", ["/poems/roses", "//example.org/sugar"]),
}


async def page(request: web.Request) -> web.Response:
    """Serve one of the pages, or a picture."""
    if request.path.endswith(".png"):
        return web.Response(body=b"\x89PNG", content_type="image/png")
    if request.path not in SITE:
        raise web.HTTPNotFound
    title, links = SITE[request.path]
    text = f"<title>{title}</title>" + "".join(f'<a href="{link}">there</a>' for link in links)
    return web.Response(text=text, content_type="text/html")


@dataclass
class Crawler:
    """Visits all pages of one site; `found` says of each path what was there."""

    session: ClientSession
    start: str
    found: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    frontier: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def crawl(self, workers: int) -> None:
        """Visit everything that can be reached from the start."""
        self.add(self.start)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.work()) for _ in range(workers)]
            await self.frontier.join()
            for task in tasks:
                task.cancel()

    def add(self, url: str) -> None:
        """Note an address, to be visited if it is new and on this site."""
        if urlsplit(url).netloc != urlsplit(self.start).netloc:
            self.left_out.add(url)
        elif url not in self.seen:
            self.seen.add(url)
            self.frontier.put_nowait(url)

    async def work(self) -> None:
        """Visit page after page until cancelled."""
        while True:
            url = await self.frontier.get()
            self.found[urlsplit(url).path] = await self.visit(url)
            self.frontier.task_done()

    async def visit(self, url: str) -> str:
        """Fetch one page, note its links, return what it is."""
        async with self.session.get(url) as response:
            if response.status != 200 or response.content_type != "text/html":
                return f"{response.status} {response.content_type}"
            soup = BeautifulSoup(await response.text(), "html.parser")
        for link in soup.find_all("a", href=True):
            self.add(urldefrag(urljoin(url, str(link["href"]))).url)
        return str(soup.title.string) if soup.title else "no title"


async def main() -> None:
    """Crawl a site of this very program."""
    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app) as server, ClientSession() as session:
        crawler = Crawler(session, str(server.make_url("/")))
        await crawler.crawl(workers=3)
    for path, what in sorted(crawler.found.items()):
        print(f"{path:16} {what}")
    print(len(crawler.seen), "addresses visited; left out:", *sorted(crawler.left_out))


if __name__ == "__main__":
    asyncio.run(main())

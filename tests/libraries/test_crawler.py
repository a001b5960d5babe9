"""A crawler, as many write it: aiohttp fetches, beautifulsoup4 finds the links, workers share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urljoin, urlsplit

import aiohttp
from aiohttp import web
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from .cells import LOOPS, Say, Scenario, cases, play, same
from .serving import SERVERS, routed, served


@dataclass
class Site:
    """A small site: the links of each page, and what the server saw."""

    pages: dict[str, list[str]]
    status: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    visits: list[str] = field(default_factory=list)
    inside: int = 0
    most_inside: int = 0
    most_sockets: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.most_sockets = max(self.most_sockets, len(request.app[SERVERS][0].connections))
        self.visits.append(request.path)
        try:
            for _ in range(1 + len(self.visits) % 3):
                await asyncio.sleep(0)
            return self.page(request)
        finally:
            self.inside -= 1

    def page(self, request: web.Request) -> web.Response:
        path = request.path
        if path == "/hangs-up":
            assert request.transport is not None
            request.transport.abort()
        if path in self.redirects:
            raise web.HTTPFound(self.redirects[path])
        if path not in self.pages:
            raise web.HTTPNotFound
        if path.endswith(".png"):
            return web.Response(body=b"\x89PNG", content_type="image/png")
        links = "".join(f"<li><a href='{link}'>a link</a>" for link in self.pages[path])
        text = f"<html><title>page {path}</title><ul>{links}<a name=x>no link</a>"
        return web.Response(text=text, content_type="text/html", status=self.status.get(path, 200))


@dataclass
class Crawler:
    """Fetches every page of a site once, by *workers* at the same time."""

    session: aiohttp.ClientSession
    start: str
    workers: int
    titles: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.seen = {self.start}
        self.queue.put_nowait(self.start)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.work()) for _ in range(self.workers)]
            await self.queue.join()
            for task in tasks:
                task.cancel()

    async def work(self) -> None:
        while True:
            url = await self.queue.get()
            try:
                await self.visit(url)
            except aiohttp.ClientError as error:
                self.broken[urlsplit(url).path] = type(error).__name__
            finally:
                self.queue.task_done()

    async def visit(self, url: str) -> None:
        async with self.session.get(url, raise_for_status=True) as response:
            if response.content_type != "text/html":
                return
            soup = BeautifulSoup(await response.text(), "html.parser")
            assert soup.title is not None
            self.titles[urlsplit(url).path] = soup.title.get_text()
            for anchor in soup.find_all("a", href=True):
                self.found(urldefrag(urljoin(str(response.url), str(anchor["href"]))).url)

    def found(self, url: str) -> None:
        if url not in self.seen and url.startswith(self.start):
            self.seen.add(url)
            self.queue.put_nowait(url)


async def crawled(site: Site, workers: int, sockets: int = 100) -> Crawler:
    """Serve *site* and crawl it from its root."""
    async with served(routed(("GET", "/{path:.*}", site.answer))) as url:
        connector = aiohttp.TCPConnector(limit=sockets)
        async with aiohttp.ClientSession(connector=connector) as session:
            crawler = Crawler(session, f"{url}/", workers)
            await crawler.run()
            return crawler


async def small_site(say: Say) -> None:
    site = Site(
        {
            "/": ["/a", "b", "c/", "/a#part", "http://elsewhere.invalid/", "mailto:x@y"],
            "/a": ["/", "/a", "/missing", "/picture.png", "/moved"],
            "/b": ["/hangs-up", "/broken"],
            "/c/": ["d", "../b", "?page=2"],
            "/c/d": ["../", "e?x=1#y"],
            "/picture.png": [],
            "/broken": [],
            "/new/place": ["relative"],
            "/new/relative": [],
        },
        status={"/broken": 500},
        redirects={"/moved": "/new/place"},
    )
    crawler = await crawled(site, workers=4)
    say(sorted(crawler.titles.items()))
    say(sorted(crawler.broken.items()))
    say(sorted(site.visits))
    assert site.most_inside <= 4


async def wide_site(say: Say) -> None:
    """Many workers over few sockets: every page once, never more at a time than allowed."""
    numbers = [f"/{n}" for n in range(60)]
    site = Site({"/": numbers, **{path: [*numbers, "/"] for path in numbers}})
    crawler = await crawled(site, workers=20, sockets=5)
    assert sorted(site.visits) == sorted(["/", *numbers])
    assert site.most_inside <= 5
    assert site.most_sockets <= 5
    say(sorted(crawler.titles), crawler.broken)


SCENARIOS: list[Scenario] = [small_site, wide_site]


@cases(SCENARIOS, small_site)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)


def reachable(pages: dict[str, list[str]]) -> set[str]:
    """Return what a reader of *pages* can come to from the root."""
    found, rest = {"/"}, ["/"]
    while rest:
        for link in pages.get(rest.pop(), []):
            if link not in found:
                found.add(link)
                rest.append(link)
    return found


paths = st.integers(0, 9).map(lambda number: f"/{number}" if number else "/")


@settings(max_examples=15)
@given(st.dictionaries(paths, st.lists(paths, max_size=6)), st.integers(1, 5))
def test_every_page_that_can_be_reached_is_fetched_once(
    links: dict[str, list[str]], workers: int
) -> None:
    pages = {"/": [], **links}

    async def scenario(say: Say) -> None:
        site = Site(pages)
        crawler = await crawled(site, workers)
        assert sorted(site.visits) == sorted(reachable(pages))
        assert set(crawler.titles) == reachable(pages) & set(pages)
        assert set(crawler.broken) == reachable(pages) - set(pages)
        assert site.most_inside <= workers

    play(LOOPS["miniloop"], scenario)

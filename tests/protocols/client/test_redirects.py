"""Redirects: where they lead, what is sent there, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from protocols.client import Client, RedirectFailed

from ..loops import Run
from .servers import site


async def show(request: web.Request) -> web.Response:
    """Answer with what was asked."""
    return web.json_response(
        {
            "method": request.method,
            "body": (await request.read()).decode(),
            "headers": {name.lower(): value for name, value in request.headers.items()},
        }
    )


async def elsewhere(request: web.Request) -> web.Response:
    status = int(request.match_info["status"])
    return web.Response(status=status, headers={"Location": request.query.get("to", "/show")})


async def around(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "round?x=1#here"})


ROUTES = (
    web.get("/round", around),
    web.route("*", "/show", show),
    web.route("*", "/to/{status}", elsewhere),
)


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "GET", "GET"),
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "PUT", "PUT"),
    ],
)
def test_the_method_and_the_body_are_kept_or_dropped(
    run: Run, status: int, method: str, becomes: str
) -> None:
    async def main() -> None:
        async with site(*ROUTES) as url, Client() as client:
            content = None if method == "GET" else "body"
            response = await client.request(
                method,
                f"{url}/to/{status}",
                content=content,
                headers={"Content-Type": "text/x", "Authorization": "me"},
            )
            seen = response.json()
            assert seen["method"] == becomes
            assert seen["body"] == ("body" if becomes == method != "GET" else "")
            assert ("content-type" in seen["headers"]) == (becomes == method)
            assert seen["headers"]["authorization"] == "me"
            assert response.url == f"{url}/show"
            assert [each.status for each in response.history] == [status]
            assert client.pool.count == 1

    run(main())


def test_another_origin_gets_no_credentials(run: Run) -> None:
    async def main() -> None:
        async with site(*ROUTES) as one, site(*ROUTES) as two, Client() as client:
            secrets = {"Authorization": "me", "Cookie": "a=b", "X-Else": "kept"}
            response = await client.get(
                f"{one}/to/307", params={"to": f"{two}/show"}, headers=secrets
            )
            headers = response.json()["headers"]
            assert not {"authorization", "cookie"} & set(headers)
            assert headers["x-else"] == "kept"
            assert headers["host"] == two.removeprefix("http://")

    run(main())


def test_a_url_s_user_is_who_asks_there_only(run: Run) -> None:
    async def main() -> None:
        async with site(*ROUTES) as url, Client() as client:
            response = await client.get(url.replace("//", "//me:pass%20word@") + "/show")
            assert response.json()["headers"]["authorization"] == "Basic bWU6cGFzcyB3b3Jk"
            assert "me" not in response.url.replace("somewhere", "")

    run(main())


def test_no_more_than_so_many_and_none_if_not_wanted(run: Run) -> None:
    async def main() -> None:
        async with site(*ROUTES) as url, Client(follow_redirects=3) as client:
            loop = f"{url}/round"
            with pytest.raises(RedirectFailed, match="more than 3"):
                await client.get(loop)
            response = await client.get(loop, follow_redirects=False)
            assert (response.status, response.history) == (302, [])

    run(main())


@pytest.mark.parametrize("to", ["ftp://a/", "http://", "https://a b/"])
def test_one_that_leads_nowhere_is_an_error(run: Run, to: str) -> None:
    async def main() -> None:
        async with site(*ROUTES) as url, Client() as client:
            with pytest.raises(RedirectFailed):
                await client.get(f"{url}/to/302", params={"to": to})

    run(main())


def test_a_body_that_is_gone_is_not_sent_again(run: Run) -> None:
    async def once() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0)

    async def main() -> None:
        async with site(*ROUTES) as url, Client() as client:
            with pytest.raises(RedirectFailed, match="again"):
                await client.post(f"{url}/to/307", content=once())
            response = await client.post(f"{url}/to/303", content=once())
            assert response.json()["method"] == "GET"

    run(main())

"""Headers, cookies and redirects with aiohttp: who we are, and whether we have met before.

Teaches: headers given to the session go with every request, those given to a request only with it.
The session has a cookie jar: what a server sets is sent back to that server, so a login lasts.
Redirects are followed unless one says no, and the way is kept in `history`.
Look for: the same page before the login, after it, and from a session that never logged in.
"""

import asyncio

from aiohttp import ClientSession, CookieJar, encode_basic_auth, web
from aiohttp.test_utils import TestServer

SECRET = "swordfish"


async def headers(request: web.Request) -> web.Response:
    """Send some of the request's headers back."""
    wanted = ("User-Agent", "Accept-Language", "X-Request", "Authorization")
    found = {name: request.headers[name] for name in wanted if name in request.headers}
    return web.json_response(found, headers={"X-Answer": "42"})


async def login(request: web.Request) -> web.StreamResponse:
    """Give a cookie to those who know the password, and send them home."""
    form = await request.post()
    if form.get("password") != SECRET:
        return web.Response(text="wrong password", status=403)
    response = web.HTTPFound("/home")
    response.set_cookie("user", str(form["user"]), httponly=True)
    raise response


async def home(request: web.Request) -> web.Response:
    """A page for those who have the cookie."""
    user = request.cookies.get("user")
    return web.Response(text=f"welcome, {user}" if user else "who are you?")


async def logout(request: web.Request) -> web.Response:
    """Take the cookie away."""
    response = web.Response(text="goodbye")
    response.del_cookie("user")
    return response


async def show(session: ClientSession, method: str, path: str, **more: object) -> None:
    """Make a request and print its answer."""
    async with session.request(method, path, **more) as response:  # type: ignore[arg-type]
        way = [str(one.status) for one in response.history] + [str(response.status)]
        print(f"{method} {path}: {' then '.join(way)}, {await response.text()}")


async def main() -> None:
    """Headers, then a login and what it changes."""
    app = web.Application()
    app.add_routes([web.get("/headers", headers), web.get("/home", home)])
    app.add_routes([web.post("/login", login), web.get("/logout", logout)])
    async with TestServer(app) as server:
        url, mine = server.make_url("/"), {"User-Agent": "a lesson", "Accept-Language": "la"}
        # unsafe: by default a jar takes no cookies from hosts that are numbers only
        async with ClientSession(url, headers=mine, cookie_jar=CookieJar(unsafe=True)) as session:
            await show(session, "GET", "/headers", headers={"X-Request": "1"})
            signed = {"Authorization": encode_basic_auth("ann", "open")}
            await show(session, "GET", "/headers", headers=signed)
            async with session.get("/headers") as response:
                print("the answer's own header:", response.headers["X-Answer"])
            await show(session, "GET", "/home")
            await show(session, "POST", "/login", data={"user": "ann", "password": "please"})
            await show(session, "POST", "/login", data={"user": "ann", "password": SECRET})
            print("in the jar:", {cookie.key: cookie.value for cookie in session.cookie_jar})
            await show(session, "GET", "/home")
            async with ClientSession(url) as stranger:
                await show(stranger, "GET", "/home")
            await show(session, "GET", "/logout")
            await show(session, "GET", "/home")


if __name__ == "__main__":
    asyncio.run(main())

"""A web service with aiohttp: routes, JSON, a middleware, errors, start and end.

Teaches: a handler is a coroutine from request to response. A middleware is wrapped around all of
them: here it makes every error an answer in JSON. What lives as long as the service (here a task
that saves) is made and ended by a generator in `cleanup_ctx`.
Look for: the handlers know nothing of errors, the order of the first and last lines.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import ClientSession, web

NOTES = web.AppKey("notes", dict[int, str])
TO_SAVE = web.AppKey("to_save", asyncio.Queue[int])

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what a handler raises into an answer."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"error": error.reason}, status=error.status)
    except (ValueError, KeyError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)


async def list_notes(request: web.Request) -> web.Response:
    return web.json_response(request.app[NOTES])


async def add_note(request: web.Request) -> web.Response:
    number = len(request.app[NOTES]) + 1
    request.app[NOTES][number] = (await request.json())["text"]
    await request.app[TO_SAVE].put(number)
    return web.json_response({"number": number}, status=201)


async def delete_note(request: web.Request) -> web.Response:
    if request.app[NOTES].pop(int(request.match_info["number"]), None) is None:
        raise web.HTTPNotFound(reason="no such note")
    return web.Response(status=204)


async def saving(app: web.Application) -> AsyncIterator[None]:
    """Have a task save notes for as long as the service runs; save what is left at the end."""

    async def save() -> None:
        while True:
            print("  saved note", await app[TO_SAVE].get())
            app[TO_SAVE].task_done()

    print("  service starts")
    task = asyncio.create_task(save())
    yield
    await app[TO_SAVE].join()
    task.cancel()
    print("  service has ended,", len(app[NOTES]), "note is left")


def make_app() -> web.Application:
    """The service, not running yet."""
    app = web.Application(middlewares=[errors_as_json])
    app[NOTES], app[TO_SAVE] = {}, asyncio.Queue()
    app.add_routes([web.get("/notes", list_notes), web.post("/notes", add_note)])
    app.add_routes([web.delete("/notes/{number}", delete_note)])
    app.cleanup_ctx.append(saving)
    return app


async def show(session: ClientSession, method: str, path: str, json: Any = None) -> None:
    """Make a request and print its answer."""
    async with session.request(method, path, json=json) as response:
        print(f"{method} {path}: {response.status} {await response.text()}".rstrip())


async def main() -> None:
    """Run the service on a free port and use it."""
    runner = web.AppRunner(make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientSession(f"http://{host}:{port}") as session:
        for text in ("buy bread", "call Bob"):
            await show(session, "POST", "/notes", {"text": text})
        await show(session, "DELETE", "/notes/1")
        await show(session, "DELETE", "/notes/1")
        await show(session, "DELETE", "/notes/first")
        await show(session, "POST", "/notes", {"words": "?"})
        await show(session, "GET", "/nowhere")
        await show(session, "GET", "/notes")
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())

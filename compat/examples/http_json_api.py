"""A JSON API: create, list, filter, sort, page, change, delete, and say what is wrong.

Teaches: a framework as Starlette only knows ASGI's messages; here this checkout's own server
brings them. Each thing has a path, each method a meaning: POST makes, GET looks, PATCH changes,
DELETE removes; a status says how it went. A list has a query, and says where its next page is.
Look for: all that is wrong with a request is said at once, by name; a page leads to the next.
"""

import asyncio
import itertools
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from protocols.client import Client
from protocols.http.server import serve

FIELDS: dict[str, type] = {"title": str, "year": int}
PAGE = 2  # books
books: dict[int, dict[str, Any]] = {}
numbers = itertools.count(1)


class Refused(Exception):
    """What a client did wrong: a status, and reasons by the names of fields."""


async def refuse(_: Request, error: Exception) -> Response:
    """Answer with what is wrong."""
    return JSONResponse({"errors": error.args[1]}, error.args[0])


async def fields_of(request: Request, *required: str) -> dict[str, Any]:
    """Return what a client sent, checked; all mistakes are named at once."""
    try:
        given = dict(await request.json())
    except (TypeError, ValueError):
        raise Refused(400, {"body": "is no JSON object"}) from None
    reasons = {name: "is missing" for name in required if name not in given}
    for name, value in given.items():
        if name not in FIELDS:
            reasons[name] = "is no field"
        elif not isinstance(value, FIELDS[name]) or not value:
            reasons[name] = f"is no {FIELDS[name].__name__}, or empty"
    if reasons:
        raise Refused(422, reasons)
    return given


async def create(request: Request) -> Response:
    """Make a book."""
    book = {"id": next(numbers), **await fields_of(request, *FIELDS)}
    books[book["id"]] = book
    return JSONResponse(book, 201, {"location": f"/books/{book['id']}"})


async def select(request: Request) -> Response:
    """List books: ?title= a part of it, ?sort= a field or -field, ?page= from 1 on."""
    query = request.query_params
    order, page = query.get("sort", "id"), query.get("page", "1")
    field = order.removeprefix("-")
    if field not in ("id", *FIELDS):
        raise Refused(422, {"sort": f"{field} is no field"})
    if not page.isdecimal() or page == "0":
        raise Refused(422, {"page": "is a number, from 1 on"})
    chosen = [book for book in books.values() if query.get("title", "") in book["title"]]
    chosen.sort(key=lambda book: book[field], reverse=order != field)
    start, end = int(page) * PAGE - PAGE, int(page) * PAGE
    titles = [book["title"] for book in chosen[start:end]]
    link = f'<{request.url.include_query_params(page=int(page) + 1)}>; rel="next"'
    more = {"link": link} if end < len(chosen) else {}
    return JSONResponse({"all": len(chosen), "titles": titles}, headers=more)


async def one(request: Request) -> Response:
    """Look at a book, change or delete it."""
    book = books.get(request.path_params["number"])
    if book is None:
        raise Refused(404, {"number": "is of no book"})
    if request.method == "DELETE":
        del books[book["id"]]
        return Response(status_code=204)
    if request.method == "PATCH":
        book |= await fields_of(request)
    return JSONResponse(book)


async def main() -> None:
    """Serve the API, do everything that it offers, and some things that it refuses."""
    routes = [Route("/books", create, methods=["POST"]), Route("/books", select)]
    routes.append(Route("/books/{number:int}", one, methods=["GET", "PATCH", "DELETE"]))
    app = Starlette(routes=routes, exception_handlers={Refused: refuse})
    async with await serve(app, "127.0.0.1") as server, Client() as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        async def say(method: str, path: str, json: Any = None) -> str:
            response = await client.request(method, url + path, json=json)
            print(f"{method} {path}", json or "", f"\n  {response.status} {response.text}")
            return response.headers.get("link", "").partition(">")[0].removeprefix(f"<{url}")

        for title, year in (("Momo", 1973), ("Emil", 1929), ("Alice", 1865), ("Heidi", 1880)):
            await say("POST", "/books", {"title": title, "year": year})
        for bad in ({"title": "", "yaer": 1}, {"title": 7, "year": "7"}, "Momo"):
            await say("POST", "/books", bad)
        page = await say("GET", "/books?sort=-year")
        while page:
            page = await say("GET", page)
        for query in ("title=i&sort=title", "page=9", "page=x", "sort=size"):
            await say("GET", f"/books?{query}")
        for changes in ({"title": "Emil and the Detectives"}, {"year": "unknown"}):
            await say("PATCH", "/books/2", changes)
        for method in ("GET", "DELETE", "GET", "PUT"):
            await say(method, "/books/2")


if __name__ == "__main__":
    asyncio.run(main())

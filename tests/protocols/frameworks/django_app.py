"""Django by ASGI: views with and without `async`, forms, files, streams; no lifespan, no socket.

Django has one configuration for a process, which is made here.

Read next: test_frameworks.py
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.http import require_GET

from .asking import Ask, Talk

__all__ = ["ASKS", "TALKS", "make"]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        DEBUG=False,
        LOGGING_CONFIG=None,
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.gzip.GZipMiddleware",
        ],
        ROOT_URLCONF=__name__,
        SECRET_KEY="secret",
        STATIC_URL="/static/",
        USE_TZ=True,
    )
    django.setup(set_prefix=False)

#: Tells the stream of the application that was made last to go on.
step: asyncio.Event


def make(_log: list[str]) -> Any:
    """Return the application."""
    global step
    step = asyncio.Event()
    return get_asgi_application()


def home(request: HttpRequest) -> HttpResponse:
    sent = request.headers.get("x-sent")
    return JsonResponse({"names": request.GET.getlist("name"), "sent": sent, "path": request.path})


async def waits(_request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse("from the loop " * 100, headers={"x-made": "here"})


async def form(request: HttpRequest) -> HttpResponse:
    files = {name: file.size for name, file in request.FILES.items()}
    response = JsonResponse({"fields": request.POST.dict(), "files": files}, status=201)
    response.set_cookie("seen", "yes", samesite="Lax")
    response.set_signed_cookie("again", "1", salt="") if "sign" in request.GET else None
    return response


async def steps(_request: HttpRequest) -> StreamingHttpResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"data: {number}\n\n".encode()
            if number < 2:
                await step.wait()
                step.clear()

    return StreamingHttpResponse(pieces(), content_type="text/event-stream")


async def go(_request: HttpRequest) -> HttpResponse:
    step.set()
    return HttpResponse(status=204)


def upper(request: HttpRequest) -> HttpResponse:
    return HttpResponse(iter([request.body.upper(), b"!"]), content_type="text/plain")


def fails(_request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("on purpose")


urlpatterns = [
    path("", require_GET(home)),
    path("waits/", waits),
    path("form/", form),
    path("steps", steps),
    path("step", go),
    path("upper", upper),
    path("fails", fails),
]

FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=border"}
PART = b'--border\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n'
ASKS = [
    Ask("GET", "/?name=a&name=%C3%BC", {"x-sent": "this"}),
    Ask("HEAD", "/"),
    Ask("PUT", "/"),
    Ask("GET", "/", {"host": "elsewhere"}),
    Ask("GET", "/waits"),
    Ask("GET", "/waits/"),
    Ask("GET", "/static/none.css"),
    Ask("POST", "/form/", FORM, b"name=J%C3%BCrgen&a=1"),
    Ask("POST", "/form/", MULTIPART, PART % (b"one", b"x" * 70_000) + b"--border--\r\n"),
    Ask("POST", "/upper", {}, b"some text " * 20_000),
    Ask("GET", "/fails"),
]
TALKS = [Talk("/echo", ("text",))]

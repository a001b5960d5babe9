"""The ASGI application that all servers host.

It reads the body to its end, and answers 13 bytes; at ``/64k`` it answers 64 KiB.

Read next: ours.py
"""

from __future__ import annotations

from typing import Any

HELLO = b"Hello, world!"
LARGE = b"x" * (64 * 1024)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request; it has no lifespan."""
    if scope["type"] != "http":
        raise ValueError("nothing but HTTP")
    while (await receive())["more_body"]:
        pass
    body = LARGE if scope["path"] == "/64k" else HELLO
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"text/plain"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})

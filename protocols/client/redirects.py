"""Where a redirect leads, and what is sent there (RFC 9110 15.4).

A POST that is redirected by 301 or 302, and any but HEAD by 303, becomes a GET without a
body.  To another origin go no credentials.

Read next: client.py
"""

from __future__ import annotations

from urllib.parse import urljoin

from .errors import RedirectFailed
from .messages import Request, parse
from .response import Response

__all__ = ["is_redirect", "next_request"]

#: What is known to the origin that was asked, and to no other.
CREDENTIALS = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"host"))
#: What says something about a body.
ABOUT_BODY = frozenset(
    (
        *(b"content-length", b"content-type", b"content-encoding", b"content-language"),
        *(b"expect", b"trailer"),
    )
)


def is_redirect(response: Response) -> bool:
    """Tell whether *response* says to ask elsewhere."""
    return response.status in (301, 302, 303, 307, 308) and "location" in response.headers


def method_for(request: Request, status: int) -> bytes:
    """Return the method to follow a redirect with."""
    if status == 303 and request.method != b"HEAD":
        return b"GET"
    if status in (301, 302) and request.method == b"POST":
        return b"GET"
    return request.method


def next_request(request: Request, response: Response) -> Request:
    """Return the request to make instead of *request*.

    Raises:
        RedirectFailed: it leads nowhere, or the body cannot be sent again.
    """
    location = response.headers.get_list("location")[0]
    try:
        address = parse(urljoin(request.url, location))
    except ValueError as error:
        raise RedirectFailed(f"the redirect cannot be followed: {error}") from None
    method = method_for(request, response.status)
    drop: frozenset[bytes] = frozenset((b"host",))
    content, trailers = request.content, request.trailers
    if method != request.method:
        drop |= ABOUT_BODY
        content, trailers = b"", None
    elif not request.repeatable and not response.body_withheld:
        raise RedirectFailed("the body was sent, and cannot be sent again")
    if address.origin != request.origin:
        drop |= CREDENTIALS
    fields = [each for each in request.fields if each[0] not in drop]
    target = address.target.encode("ascii")
    return request._replace(
        method=method,
        origin=address.origin,
        target=target,
        fields=fields,
        content=content,
        trailers=trailers,
    )

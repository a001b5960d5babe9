"""What the fields of a response may be, whatever protocol sends it.

What an application gives is checked here once, since neither h11 nor h2 is asked to.

Read next: exchange.py
"""

from __future__ import annotations

import re

from .events import Headers

__all__ = ["clean", "promised"]

_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+\Z")
_BAD_VALUE = re.compile(rb"[\0\n\v\f\r]")
#: Names that were looked at and are good, and the same in lower case; at most so many.
_known: dict[bytes, bytes] = {}
_KNOWN = 1000


def clean(headers: Headers) -> Headers:
    """Return *headers* with names in lower case.

    Raises ValueError for what would be read as something else (response splitting).
    """
    cleaned = []
    for name, value in headers:
        lower = _known.get(name) or _good_name(name)
        if _BAD_VALUE.search(value):
            raise ValueError(f"the value of header {name.decode()} has a line end or NUL in it")
        cleaned.append((lower, value.strip(b" \t")))
    return cleaned


def _good_name(name: bytes) -> bytes:
    """Return *name* in lower case, and remember it; raise ValueError if it is none."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is not the name of a header")
    lower = name.lower()
    if len(_known) < _KNOWN:
        _known[name] = lower
    return lower


def promised(headers: Headers) -> int | None:
    """Return the length of the body that a response's headers promise, if they do.

    Raises ValueError for one that is none, for two that differ, and for a transfer coding
    other than ``chunked``.
    """
    length = None
    for name, value in headers:
        if name == b"content-length":
            if not value.isdigit() or (length is not None and int(value) != length):
                raise ValueError(f"{value!r} is not the length of the body")
            length = int(value)
        elif name == b"transfer-encoding" and value.lower() != b"chunked":
            raise ValueError(f"a body cannot be sent in the transfer coding {value!r}")
    return length

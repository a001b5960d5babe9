r"""The access log: one line for each request, in a format of the user's.

A format is a name from `FORMATS` or a text with fields in braces::

    {client} {method} {target} {status} {bytes} {seconds:.3f} {in:user-agent} {out:content-type}

``{in:NAME}`` and ``{out:NAME}`` are headers of the request and the response; what is not
there is ``-``.  Whatever comes from the network is written so that it stays on its line and
in its quotes: control characters, quotes, backslashes and what is not ASCII become ``\xHH``.

Read next: front.py
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

__all__ = ["FIELDS", "FORMATS", "Formatter", "Record", "escape", "formatter"]

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Record:
    """One request and what became of it.

    Args:
        began: when an application was given it, or it was refused; aware of its time zone.
        seconds: from there to the end of the response.
        client: address of the client, or None (a Unix socket).
        method: ``GET``, ...; ``-`` where the request was no request.
        target: path and query, as sent; ``-`` as well.
        version: ``1.1`` or ``2``.
        scheme: ``http`` or ``https``.
        status: of the response; None where none began.
        sent: bytes of the response's body.
        request_headers: as sent; the names in lower case.
        response_headers: as sent.
        complete: False where the response was broken off, or the client has left.
    """

    began: datetime
    seconds: float
    client: str | None
    method: bytes
    target: bytes
    version: str = "1.1"
    scheme: str = "http"
    status: int | None = None
    sent: int = 0
    request_headers: Headers = field(default_factory=tuple)
    response_headers: Headers = field(default_factory=tuple)
    complete: bool = True


Formatter: TypeAlias = Callable[[Record], str]


def escape(data: bytes) -> str:
    """Return *data* as printable ASCII without quotes or backslashes of its own."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in data
    )


def _header(headers: Headers, name: str) -> str:
    wanted = name.lower().encode("latin-1", "replace")
    found = [value for key, value in headers if key.lower() == wanted]
    return escape(b", ".join(found)) if found else "-"


def _common_time(began: datetime) -> str:
    return began.strftime("%d/%b/%Y:%H:%M:%S %z")


#: What stands between braces; numbers take a format after a colon.
FIELDS: dict[str, Callable[[Record], object]] = {
    "client": lambda record: record.client or "-",
    "method": lambda record: escape(record.method),
    "target": lambda record: escape(record.target),
    "path": lambda record: escape(record.target.partition(b"?")[0]),
    "version": lambda record: record.version,
    "scheme": lambda record: record.scheme,
    "status": lambda record: "-" if record.status is None else record.status,
    "bytes": lambda record: record.sent,
    "seconds": lambda record: record.seconds,
    "time": lambda record: record.began.isoformat(timespec="milliseconds"),
    "common_time": lambda record: _common_time(record.began),
    "end": lambda record: "complete" if record.complete else "broken",
}

_COMMON = '{client} - - [{common_time}] "{method} {target} HTTP/{version}" {status} {bytes}'
#: Formats that have a name; the first two are the ones of Apache's mod_log_config.
FORMATS = {
    "common": _COMMON,
    "combined": _COMMON + ' "{in:referer}" "{in:user-agent}"',
    "short": "{client} {method} {path} {status} {bytes}B {seconds:.3f}s",
    "json": "",
}


def _json(record: Record) -> str:
    names = ("time", "client", "method", "target", "version", "scheme", "bytes")
    values = {name: FIELDS[name](record) for name in names}
    values |= {"status": record.status, "seconds": round(record.seconds, 6)}
    values |= {"user_agent": _header(record.request_headers, "user-agent")}
    return json.dumps(values | {"complete": record.complete})


def formatter(text: str) -> Formatter:
    """Return what makes a line of a `Record`, without its end.

    Raises ValueError for a field that does not exist, a format that does not fit its field,
    or braces that do not match.
    """
    if text == "json":
        return _json
    try:
        parsed = list(string.Formatter().parse(FORMATS.get(text, text)))
    except ValueError as error:
        raise ValueError(f"the format {text!r} cannot be read: {error}") from None
    parts: list[Formatter] = []
    for literal, name, spec, conversion in parsed:
        if literal:
            parts.append(lambda _, words=literal: words)  # type: ignore[misc]
        if name is not None:
            if conversion:
                raise ValueError(f"a field takes no !{conversion}")
            parts.append(_field(name, spec or ""))

    def line(record: Record) -> str:
        return "".join([part(record) for part in parts])

    line(_SAMPLE)
    return line


def _field(name: str, spec: str) -> Formatter:
    if name in ("in", "out") and spec:
        if name == "in":
            return lambda record: _header(record.request_headers, spec)
        return lambda record: _header(record.response_headers, spec)
    if name not in FIELDS:
        known = ", ".join((*FIELDS, "in:HEADER", "out:HEADER"))
        raise ValueError(f"there is no field {{{name}}}; there are {known}")
    value = FIELDS[name]

    def shown(record: Record) -> str:
        found = value(record)
        try:
            return format(found, "" if found == "-" else spec)
        except ValueError as error:
            raise ValueError(f"{{{name}:{spec}}} cannot be written: {error}") from None

    return shown


#: What a format is tried with before anything is served.
_SAMPLE = Record(datetime.fromtimestamp(0).astimezone(), 0.5, "::1", b"GET", b"/", status=200)

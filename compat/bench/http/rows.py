"""What servers are asked: HTTP/1.1 and HTTP/2, small answers, large ones, and bodies.

A row is a protocol and a kind of request.  One operation is one request that was answered.
Measured is the CPU time of the server (user and system, all its threads and processes)
from the first request of the load to the last; the load is a program of its own, wrk for
HTTP/1.1 and h2load for HTTP/2.

The rules of a row:

1.  Every server hosts the same ASGI application (application.py), but aiohttp, which is no
    ASGI server and has an application of its own that answers the same.
2.  Servers have the settings that they come with, less what does not concern the question:
    no access log, and no limit to the number of requests on a connection.
3.  The server is new in every sample, on a new loop; a round before those that count has
    warmed the interpreter up.
4.  A sample in which a single request fails is none: the row has gone wrong, and says how
    many failed.

wrk runs for a time, so that a unit is a second of it; h2load is given a number of requests.

Read next: load.py
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from types import ModuleType

from compat.bench.http.load import Load, h2load, wrk
from compat.bench.model import Contestant, Extra, Row, Sample, Suite
from compat.bench.network.peer import PLACE

HERE = "compat.bench.http"
LOOPS = {
    "asyncio": "asyncio:SelectorEventLoop",
    "uvloop": "uvloop:new_event_loop",
    "miniloop": "miniloop:EventLoop",
}


def contestant(name: str, module: str, loop: str) -> Contestant:
    """Return a server or a client on a loop; `module` is one of this package's."""
    return Contestant(f"{name}/{loop}", f"{HERE}.{module}", LOOPS[loop])


OURS = tuple(contestant("protocols", "ours", loop) for loop in LOOPS)
PEERS_LOOPS = ("asyncio", "uvloop")
UVICORN = tuple(contestant("uvicorn-h11", "uvicorn_server", loop) for loop in PEERS_LOOPS)
HYPERCORN = tuple(contestant("hypercorn", "hypercorn_server", loop) for loop in PEERS_LOOPS)
AIOHTTP = contestant("aiohttp", "aiohttp_server", "asyncio")
GRANIAN = contestant("granian-rust", "granian_server", "asyncio")

SUITE = Suite(
    "http servers",
    legend=(
        "Rows are protocol-request; an operation is one request answered. Time is the CPU time "
        "of the server's\nprocess, all its threads included; the load comes from another one. "
        "granian reads and writes HTTP\nin Rust, aiohttp in C; the others do in Python. "
        "One request that fails fails the row."
    ),
    extras=(Extra("rate", "Requests per second on the clock, the load's part included"),),
    against=(UVICORN[1].key, HYPERCORN[0].key),
    prepare=PLACE.prepare,
    parts=("server", "loop"),
)


@dataclass(frozen=True)
class Asking:
    """The workload of a row.

    Attributes:
        load: what makes the requests.
        tls: whether there is TLS below.
    """

    load: Load
    tls: bool = False

    async def __call__(self, names: ModuleType, units: int) -> Sample:
        """Take a sample of so many units; raises LoadError if a request fails."""
        async with names.serving(self.tls) as target:
            started, clock = target.cpu(), time.perf_counter()
            answered = await self.load(asyncio.get_running_loop(), target.port, self.tls, units)
            seconds, wall = target.cpu() - started, time.perf_counter() - clock
        return Sample(seconds, answered, {"rate": answered / wall})


def add(key: str, about: str, load: Load, tls: bool = False) -> None:
    """Add a row, for those who can do it."""
    second = load.tool == "h2load"
    without = (*UVICORN, AIOHTTP) if second else ()
    SUITE.rows[key] = Row(
        key,
        f"{about}: one request",
        load.per_unit,
        Asking(load, tls),
        without=frozenset(found.names for found in without),
    )


def fill() -> None:
    """Add all rows, in the order of the table."""
    add("h1-hello", "HTTP/1.1, 64 connections kept alive, an answer of 13 B", wrk("/"))
    add("h1-browser", "the same with the header fields of a browser", wrk("/", browser=True))
    add("h1-64k", "HTTP/1.1, 64 connections, an answer of 64 KiB", wrk("/64k"))
    add("h1-post", "HTTP/1.1, 64 connections, a body of 10 KiB posted", wrk("/", body=10240))
    add("h2-hello", "HTTP/2 in clear text, 10 connections of 10 streams, 13 B", h2load("/"))
    add("h1-tls", "HTTP/1.1 over TLS, an answer of 13 B", wrk("/"), tls=True)
    add("h2-tls", "HTTP/2 over TLS, an answer of 13 B", h2load("/"), tls=True)


fill()
IN_CLEAR = [key for key in SUITE.rows if not key.endswith("-tls")]

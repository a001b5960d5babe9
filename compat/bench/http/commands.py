"""The commands ``bench http`` and ``bench http-client``."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import click

from compat.bench.conducting import Options, choose_rows, conduct, measuring
from compat.bench.http.goals import check_clients, check_servers
from compat.bench.http.requests import FIELD as CLIENTS
from compat.bench.http.rows import AIOHTTP, GRANIAN, HYPERCORN, IN_CLEAR, OURS, SUITE, UVICORN
from compat.bench.network.commands import check_placement, placed
from compat.services import ServiceError
from compat.services.tools import find_tool

ASKED = "compat.bench.http.rows"
ASKING = "compat.bench.http.requests"
SERVERS = (*OURS, *UVICORN, *HYPERCORN, AIOHTTP, GRANIAN)
ROUNDS, QUICK_ROUNDS = 5, 1
PARSERS = ("h11", "h2", "wsproto")


def check_parsers() -> None:
    """Raise click.UsageError if what protocols parses with is not installed."""
    for parser in PARSERS:
        if find_spec(parser) is None:
            needed = "install the checkout with its extras `bench` and `http`"
            raise click.UsageError(f"{parser} is not installed: {needed}")


@click.command()
@measuring(SERVERS)
@placed
@click.option("--tls", is_flag=True, help="The rows over TLS, too.")
def http(ctx: click.Context, options: Options, placement: str, tls: bool) -> None:
    """HTTP servers: ours, uvicorn, hypercorn, aiohttp, granian.

    Measures the CPU time that a server spends on a request, HTTP/1.1 under wrk and HTTP/2
    under h2load: small answers, large ones, and posted bodies. A request that fails makes
    the row fail. --rounds is the number of samples, of a second's load each with --quick.
    The whole takes about ten minutes; granian does its work in Rust, aiohttp in C.
    """
    check_parsers()
    check_placement(placement)
    rows = options.rows or ("" if tls else ",".join(IN_CLEAR))
    for row in choose_rows(ASKED, rows) or SUITE.rows:
        try:
            find_tool(SUITE.rows[row].workload.load.tool)  # type: ignore[attr-defined]
        except ServiceError as error:
            raise click.UsageError(str(error)) from None
    settings = options.settle(
        (QUICK_ROUNDS, ROUNDS),
        warmups=not options.quick,
        placement=placement,
        units=1 if options.quick else 2,
    )
    ctx.exit(conduct(ASKED, replace(options, rows=rows), SERVERS, settings, check_servers))


@click.command("http-client")
@measuring(CLIENTS)
@placed
def http_client(ctx: click.Context, options: Options, placement: str) -> None:
    """HTTP clients: ours, httpx, aiohttp's.

    Measures the CPU time that a client spends on a request, HTTP/1.1 and HTTP/2, one after
    the other and 50 at a time, against one server in another process.
    """
    check_parsers()
    check_placement(placement)
    settings = options.settle((QUICK_ROUNDS, ROUNDS), placement=placement)
    ctx.exit(conduct(ASKING, options, CLIENTS, settings, check_clients))

"""The examples, in teaching order: small programs that use asyncio's names and run in every cell.

Each one is a plain program (`python compat/examples/NAME.py` runs it on asyncio) that prints the
same lines in the same order whatever loop runs it. They are never imported from here: a runner
takes the file's `path` and starts it as a program.

This file is the only place where the order and the one-line descriptions are kept; a test checks
it against the files in this directory. File names carry no numbers, so that a new example can be
put between two others without renaming any.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["EXAMPLES", "Example", "find"]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Example:
    """One program: its file name without `.py`, what it teaches, and what it needs.

    `libraries` are the import names of those that must be installed, `services` the servers that
    must run ("postgresql", "redis"); see `compat.services` for how a program finds them.
    """

    name: str
    teaches: str
    libraries: tuple[str, ...] = ()
    services: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where the program's file is."""
        return HERE / f"{self.name}.py"


# What those need that use `protocols`, which itself comes with the checkout.
PROTOCOLS = ("protocols",)
HTTP = (*PROTOCOLS, "h11", "h2", "wsproto")
H2 = (*HTTP, "hpack", "hyperframe")
STARLETTE = (*HTTP, "starlette")
HTTPX = (*HTTP, "httpx")

EXAMPLES: tuple[Example, ...] = (
    # From generators to async def
    Example("generators_taking_turns", "a scheduler is a queue of generators and a while loop"),
    Example("decorator_form", "coroutines as decorated generators, as they were before async def"),
    Example("async_def", "calling an async def makes a coroutine; awaiting it runs it"),
    Example("hello_with_two_delays", "one after the other, or both at once"),
    # Several things at once
    Example("gather_results", "results come in the order asked for, not the order of finishing"),
    Example("create_task_background", "a task runs while its maker does something else"),
    Example("wait_with_timeout", "what is done by now, and what is still pending"),
    Example("as_completed_order", "take each result as soon as it is there"),
    Example("limit_by_semaphore", "at most so many at once, the next one as soon as one ends"),
    Example("limit_by_batches", "at most so many at once, the next batch when all have ended"),
    # Passing things on
    Example("queue_with_workers", "workers take jobs from one queue; join() waits for the last"),
    Example("queue_methods", "full and empty, with and without waiting"),
    Example("queue_orders", "first in, last in, or most urgent: what comes out next"),
    Example("pipeline_with_backpressure", "a bounded queue makes a fast producer wait"),
    # Waiting for each other
    Example("event_start_signal", "many wait, one sets, all go"),
    Example("condition_shop", "wait until something is true, under a lock"),
    Example("lock_protects_balance", "an update lost between two awaits, and how a lock keeps it"),
    Example("barrier_phases", "nobody starts phase two before everybody has done phase one"),
    # The async forms of Python's statements
    Example("async_context_manager", "async with: enter and leave may wait"),
    Example("contextlib_resources", "asynccontextmanager, AsyncExitStack, aclosing"),
    Example("async_iterator", "async for over an object with __anext__"),
    Example("async_generator", "yield inside async def: streams, asend, clean-up"),
    Example("async_comprehensions", "async for and await inside brackets"),
    # When things go wrong
    Example("cancellation", "cancel() raises inside the task, at its await"),
    Example("shield_from_cancellation", "work that goes on when its waiter is cancelled"),
    Example("timeout_and_wait_for", "a deadline for one await, and for a block"),
    Example("exceptions_in_tasks", "who gets them: gather, return_exceptions, exception()"),
    Example("task_group", "children end before the block does; one failure cancels the others"),
    Example("exception_groups", "several failures at once, taken apart by except*"),
    # Under the hood
    Example("future_set_by_hand", "a Future is a box that someone fills and others wait for"),
    Example("callbacks_and_call_later", "call_soon, call_later, call_at, and done callbacks"),
    Example("loop_by_hand", "run_until_complete, run_forever and stop, Runner"),
    Example("context_variables", "each task has its own copy of the context"),
    # Beside the loop
    Example("executor_threads", "blocking calls in threads while the loop goes on"),
    Example("threads_call_back", "how another thread speaks to the loop, and wakes it"),
    Example("executor_processes", "computing in other processes while the loop goes on"),
    Example("task_queue_service", "jobs with results, retries and failures, shut down in order"),
    # Over sockets
    Example("readiness_callbacks", "add_reader: a server made of callbacks alone"),
    Example("raw_socket_server", "a blocking server, and the same with sock_accept and sock_recv"),
    Example("tcp_echo", "a stream server and two clients in one program"),
    Example("udp_echo", "datagrams and the protocol callbacks"),
    Example("streams_line_protocol", "bytes into messages: readuntil, readexactly, and limits"),
    Example("chat_room", "one server passes lines on between its clients"),
    Example("slow_reader", "write never waits, drain does: whose pace is it?"),
    Example("http_by_hand", "what a web client and a web server say to each other"),
    Example("port_scanner", "connected, refused, or no answer: many attempts with a timeout"),
    Example("tcp_proxy", "two streams make a connection, and each ends on its own"),
    Example("file_transfer", "sendfile on one side, a buffered protocol on the other"),
    Example("udp_discovery", "datagrams get lost: numbers, timeouts and asking again"),
    Example("unix_socket_control", "speak with a running service through a file, in JSON"),
    Example("tls_echo", "encrypted streams: trust, names, ALPN and start_tls"),
    # A program among others
    Example("subprocess_pipeline", "start programs, feed them, chain them, end them"),
    Example("signal_shutdown", "on a signal: no new work, finish what has begun, end"),
    # HTTP from the inside: the servers and clients of `protocols`, which need only a running loop;
    # some are commands as well: python -m protocols.echo, .udp_echo, .reliable_udp
    Example("echo_three_ways", "what TCP, UDP, and UDP with retries promise", PROTOCOLS),
    Example("http_hello", "a handler, and who asks it, over HTTP/1.1 and HTTP/2", HTTP),
    Example("http_streaming", "bodies made on the way, and who waits for whom", HTTP),
    Example("http_files", "up and down, whole or in part, never whole in memory", HTTP),
    Example("http_server_sent_events", "one long answer, and how to miss no news of it", HTTP),
    Example("websocket_chat", "guests, pings and closing codes, behind one handler", HTTP),
    Example("http2_frames_by_hand", "every frame of HTTP/2, both ways, in words", H2),
    Example("http2_many_streams", "a hundred requests at a time over one connection", HTTP),
    Example("asgi_lifespan", "an ASGI application by hand, from its start to its end", HTTP),
    Example("http_json_api", "create, list, sort, page, change, delete, refuse", STARLETTE),
    Example("httpx_over_protocols", "cookies, logins and forms of httpx, our wire", HTTPX),
    # With libraries, which know nothing of the loop below
    Example("aiohttp_fetch", "a session, a request, an answer", ("aiohttp",)),
    Example("aiohttp_gather", "many pages at once, and not too many", ("aiohttp",)),
    Example(
        "aiohttp_errors", "what can go wrong with a fetch, and what it is called", ("aiohttp",)
    ),
    Example("aiohttp_mirrors", "the first answer wins, or the majority", ("aiohttp",)),
    Example("aiohttp_post", "JSON, forms, files, and bodies made on the way", ("aiohttp",)),
    Example("aiohttp_headers", "headers, cookies, a login and redirects", ("aiohttp",)),
    Example("aiohttp_service", "routes, a middleware, errors in JSON, start and end", ("aiohttp",)),
    Example("web_crawler", "follow every link of a site once, with workers", ("aiohttp", "bs4")),
    Example(
        "websocket_server_and_client", "both sides may speak at any time", libraries=("websockets",)
    ),
    Example(
        "httpx_http2",
        "many requests at a time over one encrypted connection",
        libraries=("httpx", "h2", "hypercorn"),
    ),
    Example(
        "starlette_service",
        "an ASGI service with background tasks, served by uvicorn",
        libraries=("starlette", "uvicorn", "httpx"),
    ),
    Example(
        "asyncpg_manager",
        "a pool of connections to PostgreSQL, and transactions",
        libraries=("asyncpg",),
        services=("postgresql",),
    ),
    Example(
        "redis_cache",
        "a cache in Redis, cleared by publish and subscribe",
        libraries=("redis",),
        services=("redis",),
    ),
)


def find(name: str) -> Example:
    """The example with that name.

    Raises:
        LookupError: there is none; the message lists those that exist.
    """
    for example in EXAMPLES:
        if example.name == name:
            return example
    known = ", ".join(example.name for example in EXAMPLES)
    raise LookupError(f"no example is called {name!r}; there are: {known}")

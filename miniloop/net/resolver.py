"""Names to addresses, and back: asked in a thread, since the system's resolver blocks.

An address that is a number already is recognised here and asks nobody.

Read next: transports.py
"""

from __future__ import annotations

import socket
from typing import Any, TypeAlias

from ..support import describe

__all__ = ["AddressInfo", "ensure_resolved", "getaddrinfo", "getnameinfo", "interleave", "numeric"]

#: What ``socket.getaddrinfo`` returns a list of: family, type, protocol, name, address.
AddressInfo: TypeAlias = tuple[int, int, int, str, Any]

_PROTOCOL_OF: dict[int, int] = {
    socket.SOCK_STREAM: socket.IPPROTO_TCP,
    socket.SOCK_DGRAM: socket.IPPROTO_UDP,
}


async def getaddrinfo(
    loop: Any,
    host: Any,
    port: Any,
    *,
    family: int = 0,
    type: int = 0,  # noqa: A002 - asyncio's name
    proto: int = 0,
    flags: int = 0,
) -> list[AddressInfo]:
    """Return the addresses of *host* and *port* (a number or a service's name).

    Raises ``socket.gaierror`` when there are none.  Cancellation stops the wait,
    not the thread that asks.
    """
    question = (host, port, family, type, proto, flags)
    if loop.get_debug():
        asked = loop.run_in_executor(None, _timed_getaddrinfo, loop, *question)
    else:
        asked = loop.run_in_executor(None, socket.getaddrinfo, *question)
    return await asked  # type: ignore[no-any-return]


async def getnameinfo(loop: Any, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
    """Return the names of the host and service at *sockaddr*; raises ``socket.gaierror``."""
    return await loop.run_in_executor(  # type: ignore[no-any-return]
        None, socket.getnameinfo, sockaddr, flags
    )


def _timed_getaddrinfo(
    loop: Any, host: Any, port: Any, family: int, kind: int, proto: int, flags: int
) -> Any:
    options = {"family": family, "type": kind, "proto": proto, "flags": flags}
    given = [f"{name}={value!r}" for name, value in options.items() if value]
    question = ", ".join([f"{host}:{port!r}", *given])
    describe.logger.debug("Get address info %s", question)
    start = loop.time()
    answer = socket.getaddrinfo(host, port, family, kind, proto, flags)
    took = loop.time() - start
    text = f"Getting address info {question} took {took * 1e3:.3f}ms: {answer!r}"
    log = describe.logger.info if took >= loop.slow_callback_duration else describe.logger.debug
    log(text)
    return answer


def numeric(
    host: Any,
    port: Any,
    family: int,
    kind: int,
    proto: int,
    flowinfo: int = 0,
    scopeid: int = 0,
) -> AddressInfo | None:
    """Return the address of a *host* and *port* that are numbers, or None if they are names."""
    if host is None or kind not in _PROTOCOL_OF:
        return None
    if proto not in (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return None
    try:
        port = 0 if port in (None, "", b"") else int(port)
    except (TypeError, ValueError):
        return None  # the name of a service
    if isinstance(host, bytes):
        host = host.decode("idna")
    if "%" in host:
        return None  # a zone, which inet_pton does not know
    for candidate in (socket.AF_INET, socket.AF_INET6) if family == 0 else (family,):
        try:
            socket.inet_pton(candidate, host)
        except OSError:
            continue
        address: Any = (host, port)
        if candidate == socket.AF_INET6:
            address = (host, port, flowinfo, scopeid)
        return candidate, kind, _PROTOCOL_OF[kind], "", address
    return None


async def ensure_resolved(
    loop: Any,
    address: Any,
    *,
    family: int = 0,
    type: int = socket.SOCK_STREAM,  # noqa: A002 - as getaddrinfo's
    proto: int = 0,
    flags: int = 0,
) -> list[AddressInfo]:
    """Return the addresses that *address* (host, port and IPv6's two more numbers) stands for.

    Raises OSError when there are none.
    """
    host, port = address[:2]
    known = numeric(host, port, family, type, proto, *address[2:])
    if known is not None:
        return [known]
    found: list[AddressInfo] = await loop.getaddrinfo(
        host, port, family=family, type=type, proto=proto, flags=flags
    )
    return found


def interleave(infos: list[AddressInfo], first: int = 1) -> list[AddressInfo]:
    """Return *infos* with their families taking turns, *first* of the first family in front."""
    families: dict[int, list[AddressInfo]] = {}
    for info in infos:
        families.setdefault(info[0], []).append(info)
    queues = list(families.values())
    head, queues[0] = queues[0][: first - 1], queues[0][first - 1 :]
    longest = max(map(len, queues))
    turns = (queue[turn] for turn in range(longest) for queue in queues if turn < len(queue))
    return [*head, *turns]

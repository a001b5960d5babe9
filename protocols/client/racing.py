"""Connecting to a host of several addresses: the first that answers (RFC 8305).

An address that swallows what is sent to it would hold up everybody until the timeout.  So
the next one is tried when one has not answered after `DELAY`, or at once when one has
failed; families take turns, the one that the resolver prefers first.  Whoever loses is
closed, connected or not.  asyncio's loops can do as much by themselves, uvloop's cannot.

Read next: dialing.py
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from itertools import chain, zip_longest
from typing import Any, TypeAlias

__all__ = ["DELAY", "Info", "first_to_answer", "interleaved"]

#: Seconds that an address has for itself (RFC 8305 5).
DELAY = 0.25

Info: TypeAlias = "tuple[Any, Any, int, str, Any]"


def interleaved(infos: list[Info]) -> list[Info]:
    """Return *infos* with the families taking turns (RFC 8305 4), the first one's first."""
    families: dict[Any, list[Info]] = {}
    for info in infos:
        families.setdefault(info[0], []).append(info)
    rounds = zip_longest(*families.values())
    return [info for info in chain.from_iterable(rounds) if info is not None]


async def resolve(host: str, port: int) -> list[Info]:
    """Return the addresses of *host*, the best first; OSError if there are none."""
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def first_to_answer(host: str, port: int, delay: float = DELAY) -> socket.socket:
    """Return a socket that is connected to *port* of *host*, at whichever address answers first.

    Args:
        delay: seconds after which the next address is tried as well.

    Raises:
        OSError: there is no such host, or nobody answers: what happened at each address.

    Cancelled, it closes what it has opened.
    """
    loop = asyncio.get_running_loop()
    infos = await resolve(host, port)
    if len(infos) == 1:
        return await _attempt(loop, infos[0])
    running: set[asyncio.Task[socket.socket]] = set()
    winner = None
    try:
        winner = await _race(loop, deque(interleaved(infos)), running, delay)
    finally:
        for loser in running:
            loser.cancel()
            loser.add_done_callback(_discard)
        if running:
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError:
                if winner is not None:
                    winner.close()
                raise
    return winner


async def _race(
    loop: asyncio.AbstractEventLoop,
    waiting: deque[Info],
    running: set[asyncio.Task[socket.socket]],
    delay: float,
) -> socket.socket:
    """Return the first socket that is connected; every attempt but its own is in *running*."""
    errors: list[Exception] = []
    try:
        while waiting or running:
            if waiting:
                running.add(loop.create_task(_attempt(loop, waiting.popleft())))
            timeout = delay if waiting else None
            done, _ = await asyncio.wait(
                running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                running.discard(task)
                try:
                    return task.result()
                except OSError as error:
                    errors.append(error)
        raise _combined(errors)
    finally:
        errors.clear()  # no cycle through the tracebacks


async def _attempt(loop: asyncio.AbstractEventLoop, info: Info) -> socket.socket:
    """Return a socket connected to one address."""
    family, kind, protocol, _, address = info
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _discard(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _combined(errors: list[Exception]) -> Exception:
    """Return one error that tells what happened at every address."""
    texts = dict.fromkeys(str(error) for error in errors)
    if len(texts) == 1:
        return errors[0]
    return OSError("; ".join(texts) or "the host has no address")

"""What the loop's network methods take: what asyncio's take, and newer arguments everywhere."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from miniloop.eventloop import EventLoop

METHODS = [
    "add_reader",
    "add_writer",
    "connect_accepted_socket",
    "connect_read_pipe",
    "connect_write_pipe",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "create_unix_connection",
    "create_unix_server",
    "getaddrinfo",
    "getnameinfo",
    "remove_reader",
    "remove_writer",
    "sendfile",
    "sock_accept",
    "sock_connect",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_recvfrom_into",
    "sock_sendall",
    "sock_sendfile",
    "sock_sendto",
    "start_tls",
    "subprocess_exec",
    "subprocess_shell",
]
#: What came after Python 3.11.
NEWER = {"create_server": {"keep_alive"}, "create_unix_server": {"cleanup_socket"}}
NEWER["create_connection"] = {"all_errors"}


def taken(owner: Any, method: str) -> list[tuple[str, Any, Any]]:
    """Return name, kind and default of each argument that a caller gives."""
    found = list(inspect.signature(getattr(owner, method)).parameters.values())[1:]
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize("method", METHODS)
def test_arguments_are_asyncios(method: str) -> None:
    theirs = taken(asyncio.SelectorEventLoop, method)
    known = {name for name, _, _ in theirs}
    newer = NEWER.get(method, set()) - known
    ours = [argument for argument in taken(EventLoop, method) if argument[0] not in newer]
    variable = inspect.Parameter.VAR_KEYWORD
    if theirs[-1][1] is variable:  # whatever they pass on by name has no name to agree upon
        named = {name for name, _, _ in ours if name in known}
        theirs = [argument for argument in theirs if argument[0] in named]
        ours = [argument for argument in ours if argument[0] in named]
    assert ours == theirs


@pytest.mark.parametrize("method", sorted(NEWER))
def test_newer_arguments_are_taken_everywhere(method: str) -> None:
    assert NEWER[method] <= {name for name, _, _ in taken(EventLoop, method)}


@pytest.mark.parametrize("method", METHODS)
def test_coroutines_where_asyncio_has_them(method: str) -> None:
    theirs = inspect.iscoroutinefunction(getattr(asyncio.SelectorEventLoop, method))
    assert inspect.iscoroutinefunction(getattr(EventLoop, method)) == theirs

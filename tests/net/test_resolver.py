"""Addresses that need no resolver, and the order in which addresses are tried."""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import base_events
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.eventloop import EventLoop
from miniloop.net.resolver import interleave, numeric

from .stage import run

theirs: Any = base_events

hosts = st.sampled_from(
    ["127.0.0.1", "::1", "::", "1.2.3", "localhost", "", "fe80::1%lo", b"127.0.0.1", b"x", None]
)
ports = st.sampled_from([None, "", b"", 80, "80", b"80", "http", b"http", -1])
families = st.sampled_from([socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6])
kinds = st.sampled_from([socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, 0])
protocols = st.sampled_from([0, socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP])


@given(st.tuples(hosts, ports, families, kinds, protocols))
def test_numbers_are_recognised_as_by_asyncio(question: Any) -> None:
    assert numeric(*question) == theirs._ipaddr_info(*question)


@given(
    st.lists(st.tuples(st.sampled_from([2, 10, 40]), st.integers()), min_size=1), st.integers(1, 4)
)
def test_families_take_turns_as_on_asyncio(infos: Any, first: int) -> None:
    assert interleave(infos, first) == theirs._interleave_addrinfos(infos, first)


def test_debug_mode_tells_what_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        return await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    with caplog.at_level(logging.DEBUG, "asyncio"):
        found = run(EventLoop, main())
    assert found[0][4] == ("127.0.0.1", 80)
    assert "Get address info 127.0.0.1:80, type=" in caplog.text


def test_names_of_addresses() -> None:
    async def main() -> Any:
        flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        return await asyncio.get_running_loop().getnameinfo(("127.0.0.1", 80), flags)

    assert run(EventLoop, main()) == ("127.0.0.1", "80")

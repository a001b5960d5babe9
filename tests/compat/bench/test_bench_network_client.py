"""The client, the floor and the allocator: the parts of the network's benchmark one by one."""

from __future__ import annotations

import ctypes
import errno
import resource
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.bench.network import allocator, client, floor, idle
from compat.bench.network.client import Client, Sources


class Shortage:
    """A socket that can be connected only from some addresses."""

    def __init__(self, full: set[str], error: int) -> None:
        self.full, self.error, self.source = full, error, "127.0.0.1"

    def bind(self, address: tuple[str, int]) -> None:
        self.source = address[0]

    def connect(self, _address: object) -> None:
        if self.source in self.full:
            raise OSError(self.error, "no")


@given(st.integers(0, 253), st.sampled_from([errno.EADDRNOTAVAIL, errno.EADDRINUSE]))
def test_the_next_source_is_taken_when_the_ports_of_one_run_out(full: int, error: int) -> None:
    connection: Any = Shortage({f"127.0.0.{1 + place}" for place in range(full)}, error)
    sources = Sources()
    sources.connect(connection, ("127.0.0.1", 1))
    assert connection.source == f"127.0.0.{1 + full}"
    assert sources.number == 1 + full


def test_sources_come_to_an_end() -> None:
    everywhere = {f"127.0.0.{number}" for number in range(1, 255)}
    connection: Any = Shortage(everywhere, errno.EADDRNOTAVAIL)
    with pytest.raises(OSError, match="no"):
        Sources().connect(connection, ("127.0.0.1", 1))


def test_a_refusal_is_no_shortage() -> None:
    sources = Sources()
    connection: Any = Shortage({"127.0.0.1"}, errno.ECONNREFUSED)
    with pytest.raises(OSError, match="no"):
        sources.connect(connection, ("127.0.0.1", 1))
    assert sources.number == 1


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens, and that nobody accepts from."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def order(listener: socket.socket) -> dict[str, Any]:
    address = list(listener.getsockname())
    words = {"do": "open", "kind": "tcp", "connections": 1, "size": 10, "tls": False}
    return {**words, "address": address}


def test_patience_with_a_server_that_is_silent(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.01)
    with_nobody = Client()
    answer = client.obey(with_nobody, order(listener))
    with_nobody.close()
    assert answer == {"error": "nothing came from the server for 0.01 s"}


def test_a_server_that_is_not_there(listener: socket.socket) -> None:
    listener_gone = order(listener)
    listener.close()
    answer = client.obey(Client(), listener_gone)
    assert answer["error"].startswith("ConnectionRefusedError: ")


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="the floor is made of epoll")
def test_the_floor_sends_later_what_it_cannot_send_at_once() -> None:
    message = bytes(range(256)) * 4096
    mine, theirs = socket.socketpair()
    stop, stopped = socket.socketpair()
    received = bytearray()
    loop = floor.Floor()
    theirs.setblocking(False)
    floor.echo(loop, theirs)

    def talk() -> None:
        # Nothing is read before everything was sent, as far as that goes.
        sender = threading.Thread(target=mine.sendall, args=(message,))
        sender.start()
        while len(received) < len(message):
            received.extend(mine.recv(1000))
        sender.join()
        stop.send(b"!")

    with mine, stop, stopped, closing(loop):
        talker = threading.Thread(target=talk)
        talker.start()
        loop.run_until_readable(stopped.fileno())
        talker.join()
    assert received == message


# In a process of its own, whose heap has a hole that a read would fit into.
READ_IN_BOTH_AGES = """
import ctypes
from compat.bench.network.allocator import aged, straight_from_the_system
libc = ctypes.CDLL(None)
if hasattr(libc, "mallinfo"):
    for young in (False, True, False, True):
        with aged(young):
            before = straight_from_the_system(libc)
            block = bytearray(256 * 1024)
            print(straight_from_the_system(libc) - before)
            del block
            if not young:
                hole, end = bytearray(1 << 20), bytearray(1 << 20)
                del hole
"""


def test_the_age_of_the_allocator_decides_where_a_read_goes() -> None:
    words = [sys.executable, "-c", READ_IN_BOTH_AGES]
    printed = subprocess.run(words, capture_output=True, check=True, encoding="ascii").stdout
    if not printed:
        pytest.skip("only with glibc")
    assert printed.split() == ["0", "1", "0", "1"]


def test_without_glibc_there_is_no_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    entered = False
    with allocator.aged(young=True):
        entered = True
    assert entered


@given(
    st.integers(1, 20_000),
    st.integers(0, 30_000) | st.just(-1),
    st.integers(0, 30_000) | st.just(-1),
)
def test_limits_are_raised_as_far_as_needed(number: int, soft: int, hard: int) -> None:
    if hard != -1:
        soft = hard if soft == -1 else min(soft, hard)
    limits = (soft, hard)

    def get(_which: int) -> tuple[int, int]:
        return limits

    def put(_which: int, wanted: tuple[int, int]) -> None:
        nonlocal limits
        assert wanted[1] == hard
        assert hard == -1 or wanted[0] <= hard
        assert wanted[0] > soft
        limits = wanted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resource, "getrlimit", get)
        patch.setattr(resource, "setrlimit", put)
        found = idle.affordable(number)
    enough = hard == -1 or hard >= number + idle.SPARE_DESCRIPTORS
    assert found == (number if enough else hard - idle.SPARE_DESCRIPTORS)
    assert limits[0] == -1 or limits[0] >= found + idle.SPARE_DESCRIPTORS


def test_memory_grows_with_what_is_kept() -> None:
    if sys.platform != "linux":
        with pytest.raises(RuntimeError, match="which this system has not"):
            idle.resident_bytes()
        return
    before = idle.resident_bytes()
    block = b"x" * (64 << 20)
    assert idle.resident_bytes() - before > 32 << 20
    del block

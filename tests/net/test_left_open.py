"""A loop that is closed with work in flight: no descriptor is left, and there are warnings.

Each scenario begins something and leaves it; then the loop is closed, and all is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from miniloop.eventloop import EventLoop

from ..processes import child_processes
from .stage import LOOPS, bound, pair
from .tls_wire import client_context, server_context

TLS: dict[str, Any] = {"ssl": client_context(), "server_hostname": "localhost"}

SCENARIOS: dict[str, tuple[Callable[..., Coroutine[Any, Any, Any]], set[str]]] = {}

Scenario = Callable[..., Coroutine[Any, Any, Any]]


def scenario(*warned: str) -> Callable[[Scenario], Scenario]:
    """Add a scenario, which takes the loop and a folder; *warned* is what is warned of."""

    def add(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__] = function, set(warned)
        return function

    return add


def begin(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run *coroutine* as a task that nobody will see the end of."""
    return asyncio.get_running_loop().create_task(coroutine)


class Quiet(asyncio.Protocol):
    """Does nothing, and leaves the connection open."""

    def eof_received(self) -> bool:
        return True


@scenario("transport")
async def tcp(loop: Any, _: Any) -> Any:
    listening = bound()
    transport, _ = await loop.create_connection(Quiet, *listening.getsockname())
    transport.write(bytes(10_000_000))
    assert transport.get_write_buffer_size()
    listening.close()
    return transport


@scenario("transport")
async def tcp_that_does_not_read(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    transport, _ = await loop.create_connection(Quiet, sock=ours)
    transport.pause_reading()
    theirs.close()
    return transport


@scenario("transport")
async def tcp_that_is_being_closed(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    transport, _ = await loop.create_connection(Quiet, sock=ours)
    transport.write(bytes(10_000_000))
    transport.close()
    return transport, theirs


@scenario("transport")
async def both_ends_of_a_server(loop: Any, _: Any) -> Any:
    server = await loop.create_server(Quiet, sock=bound())
    address = server.sockets[0].getsockname()
    clients = [await loop.create_connection(Quiet, *address) for _ in range(3)]
    while len(loop._transports) < 6:
        await asyncio.sleep(0)
    return server, clients


@scenario("transport")
async def tls(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    return await asyncio.gather(
        loop.create_connection(Quiet, sock=ours, **TLS),
        loop.connect_accepted_socket(Quiet, theirs, ssl=server_context()),
    )


@scenario("transport")
async def tls_in_the_handshake(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    begin(loop.create_connection(Quiet, sock=ours, **TLS))
    await loop.sock_recv(theirs, 1)
    theirs.close()


@scenario("transport")
async def tls_put_on_later(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    transport, protocol = await loop.create_connection(Quiet, sock=ours)
    begin(loop.start_tls(transport, protocol, client_context(), server_hostname="localhost"))
    await loop.sock_recv(theirs, 1)
    theirs.close()


@scenario("transport")
async def datagrams(loop: Any, _: Any) -> Any:
    return await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))


@scenario("transport")
async def unix(loop: Any, folder: Any) -> Any:
    server = await loop.create_unix_server(Quiet, folder / "socket")
    return server, await loop.create_unix_connection(Quiet, folder / "socket")


@scenario("transport")
async def a_pipe_that_is_read(loop: Any, _: Any) -> Any:
    reading, writing = os.pipe()
    os.close(writing)
    transport, _ = await loop.connect_read_pipe(Quiet, os.fdopen(reading, "rb", 0))
    transport.pause_reading()
    return transport


@scenario("transport")
async def a_pipe_that_is_written(loop: Any, _: Any) -> Any:
    reading, writing = os.pipe()
    transport, _ = await loop.connect_write_pipe(Quiet, os.fdopen(writing, "wb", 0))
    transport.write(bytes(1_000_000))
    os.close(reading)
    return transport


@scenario("transport", "file", "subprocess")
async def a_process(loop: Any, _: Any) -> Any:
    return await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1, stderr=-1)


@scenario("transport", "subprocess")
async def a_process_without_pipes(loop: Any, _: Any) -> Any:
    return await asyncio.create_subprocess_exec("sleep", "60")


@scenario("transport")
async def streams(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    both = await asyncio.open_connection(sock=ours)
    begin(both[0].read())
    await asyncio.sleep(0)
    theirs.close()
    return both


@scenario()
async def a_server(loop: Any, _: Any) -> Any:
    return await loop.create_server(Quiet, "127.0.0.1", 0)


@scenario()
async def a_server_that_serves_for_ever(loop: Any, _: Any) -> Any:
    begin((await loop.create_server(Quiet, "127.0.0.1", 0)).serve_forever())
    await asyncio.sleep(0)


@scenario()
async def sockets_of_the_programs_own(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    begin(loop.sock_recv(ours, 10))
    begin(loop.sock_sendall(theirs, bytes(10_000_000)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return ours, theirs


@scenario()
async def a_file_on_its_way(loop: Any, folder: Any) -> Any:
    (folder / "file").write_bytes(bytes(10_000_000))
    ours, theirs = pair()
    with open(folder / "file", "rb") as file:
        task = begin(loop.sock_sendfile(ours, file))
        await loop.sock_recv(theirs, 1)
        task.cancel()
        await asyncio.wait([task])
    return ours, theirs


@scenario()
async def callbacks_and_timers(loop: Any, _: Any) -> Any:
    ours, theirs = pair()
    loop.add_reader(ours, int)
    loop.add_writer(theirs, int)
    loop.add_signal_handler(10, int)
    loop.call_later(1000, int)
    loop.call_soon_threadsafe(int)
    return ours, theirs


def kinds(caught: list[warnings.WarningMessage]) -> set[str]:
    """Return what kinds of things were not closed; sockets and writers go with them."""
    texts = {str(each.message) for each in caught if issubclass(each.category, ResourceWarning)}
    texts -= {text for text in texts if "<socket.socket" in text or text == "loop is closed"}
    return {re.sub(r"^(?:unclosed )?(\w+) .*", r"\1", text) for text in texts}


def leave(make: Any, name: str, folder: Any) -> set[str]:
    """Do what is called *name*, close the loop, forget everything; return what was warned of."""
    loop = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kept = loop.run_until_complete(SCENARIOS[name][0](loop, folder))
        loop.close()
        for each in kept if isinstance(kept, tuple) else ():
            if isinstance(each, socket.socket):
                each.close()
        loop = kept = each = None
        gc.collect()
        gc.collect()  # what had a last word to say is freed now
    return kinds(caught)


@pytest.fixture(autouse=True)
def children_end() -> Iterator[None]:
    others = child_processes()  # a browser that other tests have started, say
    yield
    for number in child_processes() - others:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(number, 0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_descriptor_is_left(
    name: str, tmp_path: Any, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does anything fail on the way, but for what is logged: a task is lost."""
    failed: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: failed.append(repr(each.exc_value)))
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    assert leave(EventLoop, name, tmp_path) == SCENARIOS[name][1]
    assert set(os.listdir("/proc/self/fd")) == before
    assert failed == []
    assert {record.message.split("\n")[0] for record in caplog.records} <= {
        "Task was destroyed but it is pending!"
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_warnings_are_asyncios(
    name: str, tmp_path: Any, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    if name.startswith("a_process") and sys.version_info < (3, 12):
        pytest.skip("asyncio's thread that waits for the process keeps its transport")
    monkeypatch.setattr(sys, "unraisablehook", str)
    assert leave(asyncio.SelectorEventLoop, name, tmp_path) == SCENARIOS[name][1]


@pytest.mark.parametrize("make", LOOPS.values(), ids=LOOPS)
def test_a_loop_that_was_never_closed(make: Any) -> None:
    gc.collect()
    before = set(os.listdir("/proc/self/fd"))
    loop = make()
    loop.call_soon(loop.stop)
    loop.run_forever()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del loop
        gc.collect()
    assert "unclosed event loop" in {str(each.message).split(" <")[0] for each in caught}
    assert set(os.listdir("/proc/self/fd")) == before

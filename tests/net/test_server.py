"""Servers: who is let in, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from miniloop.net import server as servers

from .stage import Diary, bound, run, strict


async def connect(server: Any) -> tuple[Any, Diary]:
    """Return a connection to *server*, and the diary of its client."""
    loop = asyncio.get_running_loop()
    address = server.sockets[0].getsockname()
    transport, diary = await loop.create_connection(lambda: Diary(loop, False), *address)
    return transport, diary


def test_clients_are_closed_and_aborted() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for end in ("close_clients", "abort_clients"):
            server = await loop.create_server(asyncio.Protocol, sock=bound())
            diaries = [(await connect(server))[1] for _ in range(3)]
            await asyncio.sleep(0.01)
            server.close()
            waiter = loop.create_task(server.wait_closed())
            await asyncio.sleep(0)
            assert not waiter.done()
            getattr(server, end)()
            await waiter
            for diary in diaries:
                await diary.lost
            assert server.sockets == ()
            await server.wait_closed()

    run(strict, main())


def test_serving_for_ever_ends_with_cancellation(on_each: Callable[..., Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, sock=bound(), start_serving=False)
        assert not server.is_serving()
        task = loop.create_task(server.serve_forever())
        await asyncio.sleep(0)
        assert server.is_serving()
        with pytest.raises(RuntimeError, match="already being awaited"):
            await server.serve_forever()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(RuntimeError, match="is closed"):
            await server.serve_forever()

    on_each(main())


def test_closed_while_it_waits_for_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "ACCEPT_RETRY_DELAY", 0)

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: None)
        server: Any = await loop.create_server(asyncio.Protocol, sock=bound())
        server._pause_accepting(server._sockets[0], OSError(errno.EMFILE, "none left"))
        server.close()
        await asyncio.sleep(0.001)
        await server.wait_closed()

    run(strict, main())


def test_a_factory_that_fails_ends_one_connection() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        calls: list[int] = []

        def factory() -> asyncio.Protocol:
            calls.append(1)
            if len(calls) == 1:
                raise ValueError("not today")
            return asyncio.Protocol()

        server = await loop.create_server(factory, sock=bound())
        _, first = await connect(server)
        await first.lost
        second, _ = await connect(server)
        await asyncio.sleep(0.01)
        assert not second.is_closing()
        second.close()
        server.close()
        await server.wait_closed()

    run(strict, main())


def test_a_server_that_is_closed_while_somebody_comes_in() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, sock=bound())
        client = socket.create_connection(server.sockets[0].getsockname())
        while not loop._selector.select(0):
            pass
        loop.call_soon(server.close)
        await server.wait_closed()
        client.close()

    run(strict, main())


# -- Unix sockets --------------------------------------------------------------


def test_a_path_is_cleaned_up() -> None:
    async def main(folder: str) -> None:
        loop: Any = asyncio.get_running_loop()
        path = Path(folder, "socket")
        server = await loop.create_unix_server(asyncio.Protocol, path)
        assert path.exists()
        server.close()
        assert not path.exists()
        left = await loop.create_unix_server(asyncio.Protocol, path, cleanup_socket=False)
        left.close()
        assert path.exists()
        first = await loop.create_unix_server(asyncio.Protocol, path)  # removes what was left
        second = await loop.create_unix_server(asyncio.Protocol, path)
        first.close()
        assert path.exists()  # it is the second's
        transport, _ = await loop.create_unix_connection(asyncio.Protocol, path)
        transport.close()
        second.close()
        await second.wait_closed()
        assert not path.exists()
        path.write_text("no socket")
        with pytest.raises(OSError, match="already in use") as raised:
            await loop.create_unix_server(asyncio.Protocol, path)
        assert raised.value.errno == errno.EADDRINUSE

    with tempfile.TemporaryDirectory() as folder:
        run(strict, main(folder))


def test_an_abstract_path() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        path = f"\0miniloop-test-{os.getpid()}"
        server = await loop.create_unix_server(asyncio.Protocol, path)
        transport, _ = await loop.create_unix_connection(asyncio.Protocol, path)
        transport.close()
        server.close()
        await asyncio.sleep(0.01)

    run(strict, main())

"""Autobahn's cases for WebSocket, against our server and our client: none may fail.

"NON-STRICT" is passed: it says that an answer to what came before a violation was not sent any
more, which RFC 6455 leaves open.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import pytest

from miniloop import EventLoop
from protocols.client import ConnectFailed, ConnectTimeout
from protocols.client.websocket import ConnectionClosed, Settings, connect
from protocols.http.handlers import Request, Response
from protocols.http.limits import Limits
from protocols.http.server import serve

from ...effort import newest_only
from ..loops import Run
from .suite import CORE, MORE, needed, running, verdicts

CASES = [*CORE, *MORE] if os.environ.get("AUTOBAHN") == "all" else [*CORE]
NUMBER = 517 if len(CASES) > len(CORE) else 247
#: The largest message of the suite, in bytes, and a little more.
LARGEST = 17 * 1024 * 1024
#: Seconds for all cases.
LONG = 3600

pytestmark = pytest.mark.timeout(LONG)


@pytest.fixture(autouse=True)
def there() -> None:
    newest_only()
    needed()


async def echo(request: Request) -> Response | None:
    websocket = await request.websocket()
    async for message in websocket:
        await websocket.send(message)
    return None


def test_our_server(tmp_path: Path) -> None:
    async def main() -> None:
        limits = Limits(websocket_message=LARGEST)
        async with await serve(echo, "127.0.0.1", limits=limits) as server:
            url = "ws://{}:{}".format(*server.sockets[0].getsockname())
            peers = [{"agent": "server", "url": url}]
            settings = {"servers": peers, "outdir": str(tmp_path / "out"), "cases": CASES}
            async with running("fuzzingclient", settings, tmp_path) as suite:
                assert await suite.wait() == 0, (tmp_path / "log").read_text()

    Run(EventLoop)(main(), LONG)
    found = verdicts(tmp_path / "out")
    assert found.failed == {}
    assert len(found) == NUMBER, found.summary


async def answer_all(url: str) -> None:
    """Echo what the suite sends in each of its cases, and have it write its report."""
    settings = Settings(max_size=LARGEST, ping_seconds=None)
    async with connect(f"{url}/getCaseCount") as websocket:
        count = int(await websocket.recv())
    for case in range(1, count + 1):
        with suppress(ConnectionClosed):
            async with connect(f"{url}/runCase?case={case}&agent=c", settings=settings) as socket:
                async for message in socket:
                    await socket.send(message)
    with suppress(ConnectionClosed):
        async with connect(f"{url}/updateReports?agent=c") as websocket:
            await websocket.recv()


async def until_there(port: int, suite: asyncio.subprocess.Process) -> None:
    """Wait until the suite listens."""
    while True:
        try:
            async with connect(f"ws://127.0.0.1:{port}/getCaseCount") as websocket:
                await websocket.recv()
                return
        except (ConnectFailed, ConnectTimeout):
            assert suite.returncode is None
            await asyncio.sleep(0.05)


def test_our_client(tmp_path: Path) -> None:
    async def main() -> None:
        async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{port}"
        settings = {"url": url, "outdir": str(tmp_path / "out"), "cases": CASES}
        async with running("fuzzingserver", {**settings, "webport": 0}, tmp_path) as suite:
            await until_there(port, suite)
            await answer_all(url)

    Run(EventLoop)(main(), LONG)
    found = verdicts(tmp_path / "out")
    assert found.failed == {}
    assert len(found) == NUMBER, found.summary

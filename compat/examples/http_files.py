"""Files go up and come down over HTTP, whole or in part, and never are in memory as a whole.

Teaches: a large body is read and sent piece by piece, and neither side goes faster than the
other. Files have no readiness that a loop could wait for, so threads read and write them. A file
gets its name when it is complete. A range asks for the rest of what broke off.
Look for: the digests agree; the most memory that the process ever had grew by less than the
file; an upload that breaks off leaves nothing behind.
"""

import asyncio
import filecmp
import hashlib
import os
import resource
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from protocols.client import Client, Response
from protocols.http.exchange import Disconnected
from protocols.http.handlers import Request
from protocols.http.handlers import Response as Answer
from protocols.http.server import serve

SIZE = 16 * 1024 * 1024
PIECE = 256 * 1024

arrives, broken_off = asyncio.Event(), asyncio.Event()


async def pieces(path: Path, start: int = 0) -> AsyncIterator[bytes]:
    """Yield what a file holds from `start` on."""
    with path.open("rb") as file:
        file.seek(start)
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece


async def save(body: Request | Response, path: Path) -> str:
    """Append what arrives to a file; return the digest of what arrived."""
    digest = hashlib.sha256()
    with path.open("ab") as file:
        async for piece in body:
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    return digest.hexdigest()


async def take(request: Request, path: Path) -> Answer:
    """Answer a PUT."""
    temporary = path.with_suffix(".part")
    arrives.set()
    try:
        digest = await save(request, temporary)
    except Disconnected:
        temporary.unlink(missing_ok=True)
        broken_off.set()
        raise
    temporary.rename(path)
    return Answer(digest, 201)


async def give(request: Request, path: Path) -> Answer:
    """Answer a GET, of the whole file or from some byte on."""
    size, wanted = path.stat().st_size, request.header("range", "bytes=0-")
    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
    headers = [("content-range", f"bytes {start}-{size - 1}/{size}")]
    return Answer(pieces(path, start), 206 if start else 200, headers if start else [])


async def visit(client: Client, url: str, original: Path, expected: str) -> None:
    """Send a file, fetch it, fetch half and the rest, and break an upload off."""
    response = await client.put(url, content=pieces(original))
    print(f"up: {response.status}, same digest? {response.text == expected}")
    async with client.stream("GET", url) as response:
        digest = await save(response, original.with_name("whole"))
        print(f"down: {response.status}, same digest? {digest == expected}")
    half = original.with_name("half")
    with half.open("wb") as file:
        async with client.stream("GET", url) as response:
            async for piece in response:
                file.write(piece)
                if file.tell() > SIZE // 2:
                    break
    headers = {"range": f"bytes={half.stat().st_size}-"}
    async with client.stream("GET", url, headers=headers) as response:
        await save(response, half)
        same = await asyncio.to_thread(filecmp.cmp, half, original, shallow=False)
        print(f"half, and the rest: {response.status}, same file? {same}")
    arrives.clear()
    sending = asyncio.create_task(client.put(url + "s", content=pieces(Path("/dev/zero"))))
    await arrives.wait()
    sending.cancel()
    await broken_off.wait()


async def main() -> None:
    """Serve a directory on a free port, and use it."""
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        digest = hashlib.sha256()
        with Path(here, "original").open("wb") as file:
            for _ in range(SIZE // PIECE):
                digest.update(piece := os.urandom(PIECE))
                file.write(piece)

        async def handle(request: Request) -> Answer:
            path = Path(there, Path(request.path).name)
            return await (take if request.method == "PUT" else give)(request, path)

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with await serve(handle, "127.0.0.1") as server, Client() as client:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/file"
            await visit(client, url, Path(here, "original"), digest.hexdigest())
        print("another broke off, and is not there:", os.listdir(there))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print("memory grew by less than half a file?", grown * 1024 < SIZE // 2)


if __name__ == "__main__":
    asyncio.run(main())

"""File transfer: a server sends a file with `sendfile`, a protocol receives and checks it.

Teaches: `loop.sendfile` has the system copy a file into a connection, without a detour through this
program's memory (a loop that cannot has to read and write). The receiver is a BufferedProtocol:
the loop reads straight into its buffer, nothing is made for each piece.
Look for: the head says how much is to come and what its checksum is, so the receiver knows that it
got all. The second transfer begins in the middle, where an earlier one could have broken off.
"""

import asyncio
import hashlib
import json
import tempfile
from functools import partial
from pathlib import Path

SIZE = 4_000_000  # bytes


async def serve(path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one client the file from where it wants it, after a line that says what comes."""
    offset = int(await reader.readline())
    with path.open("rb") as file:
        file.seek(offset)
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        head = {"size": file.tell() - offset, "sha256": checksum}
        writer.write(json.dumps(head).encode() + b"\n")
        try:
            await asyncio.get_running_loop().sendfile(writer.transport, file, offset)
        except NotImplementedError:  # this loop cannot
            file.seek(offset)
            while data := file.read(65536):
                writer.write(data)
                await writer.drain()
    writer.close()


class Receiver(asyncio.BufferedProtocol):
    """Gets a head (a line of JSON), then the bytes that it tells of; prints each quarter."""

    def __init__(self) -> None:
        self.done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.buffer = memoryview(bytearray(65536))
        self.head = b""
        self.size = self.received = 0
        self.checksum = hashlib.sha256()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        data = bytes(self.buffer[:count])
        if not self.size:
            self.head += data
            if b"\n" not in self.head:
                return
            self.head, data = self.head.split(b"\n", 1)
            self.size = json.loads(self.head)["size"]
        self.checksum.update(data)
        before, self.received = self.received, self.received + len(data)
        for quarter in range(1, 5):
            if before < self.size * quarter / 4 <= self.received:
                print(f"  {25 * quarter} %")

    def connection_lost(self, error: Exception | None) -> None:
        good = json.loads(self.head)["sha256"] == self.checksum.hexdigest()
        self.done.set_result(f"{self.received} bytes, {'as sent' if good else 'broken'}")


async def main() -> None:
    """Transfer a file twice: all of it, and its second half."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "numbers")
        path.write_bytes(b"".join(n.to_bytes(4, "big") for n in range(SIZE // 4)))
        async with await asyncio.start_server(partial(serve, path), "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            for offset in (0, SIZE // 2):
                print(f"from byte {offset}:")
                transport, receiver = await loop.create_connection(Receiver, host, port)
                transport.write(b"%d\n" % offset)
                print(" ", await receiver.done)


if __name__ == "__main__":
    asyncio.run(main())

"""A control socket: ask a running service what it does, and tell it what to do.

Teaches: a Unix socket is a file: who may speak with the service is said by the file's permissions,
and the system tells the service which process and user the client is. The streams are the same
ones as with TCP. Requests and answers are lines of JSON.
Look for: the work stands still while the service is paused, and goes on where it was.
"""

import asyncio
import json
import os
import socket
import stat
import struct
import tempfile
from typing import Any

WORDS = ["status", "pause", "status", "status", "dance", "resume", "status", "stop"]


class Service:
    """Counts, unless it is paused; is controlled through a Unix socket."""

    def __init__(self) -> None:
        self.count = self.count_told = 0
        self.running = asyncio.Event()
        self.running.set()
        self.ended = asyncio.Event()

    async def work(self) -> None:
        """Count as long as nobody says stop."""
        while not self.ended.is_set():
            await self.running.wait()
            self.count += 1
            await asyncio.sleep(0)

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests."""
        connection = writer.get_extra_info("socket")
        who = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        process, user, _group = struct.unpack("3i", who)
        print("  service: a client; ", end="")
        print("this very process?", process == os.getpid(), "my own user?", user == os.getuid())
        async for line in reader:
            writer.write(json.dumps(self.obey(json.loads(line))).encode() + b"\n")
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    def obey(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what one request says and return the answer."""
        match request:
            case {"do": "status"}:
                told, self.count_told = self.count_told, self.count
                return {"running": self.running.is_set(), "has moved": self.count > told}
            case {"do": "pause"}:
                self.running.clear()
            case {"do": "resume"}:
                self.running.set()
            case {"do": "stop"}:
                self.ended.set()
            case {"do": other}:
                return {"error": f"cannot {other}"}
        return {"ok": True}


async def main() -> None:
    """Run a service and control it from the same program."""
    service = Service()
    work = asyncio.create_task(service.work())
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "control")
        async with await asyncio.start_unix_server(service.control, path):
            print("a socket?", stat.S_ISSOCK(os.stat(path).st_mode))
            reader, writer = await asyncio.open_unix_connection(path)
            for word in WORDS:
                writer.write(json.dumps({"do": word}).encode() + b"\n")
                print(f"{word}: {(await reader.readline()).decode().strip()}")
            writer.write_eof()
            await reader.read()  # until the service has closed its end
            writer.close()
            await work
    print("the work has ended")


if __name__ == "__main__":
    asyncio.run(main())

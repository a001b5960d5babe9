"""Shutting down on a signal: no new work, finish what has begun, then end.

Teaches: `add_signal_handler` has the loop call a function, between two callbacks like any other, so
it may touch everything; a handler of the module `signal` may interrupt anything anywhere. The
handler only says that it is time (an event); what to do about it is the main task's business.
Look for: two requests are being worked on when the signal comes. Both are answered, a third client
is turned away. The other signal has the settings read again, without any interruption.
"""

import asyncio
import os
import signal

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Service:
    """Answers requests, one per connection; each takes a moment."""

    def __init__(self) -> None:
        self.greeting = "hello"
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.requests: set[asyncio.Task[None]] = set()
        self.may_finish = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request as soon as that is possible."""
        task = asyncio.current_task()
        assert task is not None
        self.requests.add(task)
        task.add_done_callback(self.requests.discard)
        name = (await reader.readline()).decode().strip()
        self.begun.put_nowait(name)
        await self.may_finish.wait()
        writer.write(f"{self.greeting}, {name}\n".encode())
        writer.close()
        await writer.wait_closed()

    def reload(self) -> None:
        """Read the settings again."""
        self.greeting = "good evening"
        print("  settings read again")


async def ask(port: int, name: str) -> str:
    """Send one request and return its answer."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return f"{name} is turned away"
    writer.write(f"{name}\n".encode())
    answer = (await reader.readline()).decode().strip()
    writer.close()
    await writer.wait_closed()
    return f"{name} hears: {answer}"


async def main() -> None:
    """Serve until SIGTERM comes, which this program sends to itself."""
    loop = asyncio.get_running_loop()
    service, stopping = Service(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clients = [asyncio.create_task(ask(port, name)) for name in ("Ann", "Bob")]
    for _ in clients:
        await service.begun.get()
    print(f"{len(service.requests)} requests have begun; signals come")
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)
    await stopping.wait()
    print("SIGTERM: no new clients from now on")
    server.close()
    print(" ", await ask(port, "Cid"))
    service.may_finish.set()
    for answer in await asyncio.gather(*clients):
        print(" ", answer)
    while service.requests:
        await asyncio.wait(service.requests)
    await server.wait_closed()
    print("all is finished; handler removed?", loop.remove_signal_handler(signal.SIGTERM))


if __name__ == "__main__":
    asyncio.run(main())

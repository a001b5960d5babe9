"""Readiness: a server made of callbacks, without any coroutine.

Teaches: what lies below transports and streams: `add_reader` asks the loop to call a function
whenever a socket has something to read, which for a listening socket means a new connection;
`recv` then does not block. An empty read means that the other side has hung up.
Look for: the callback is called again for each new piece; each connection keeps its own sum.
"""

import asyncio
import socket


class Server:
    """Adds up the numbers that each client sends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.sums: dict[socket.socket, int] = {}
        self.empty = asyncio.Event()
        loop.add_reader(self.listening, self.accept)

    def accept(self) -> None:
        """The listening socket is readable: somebody wants to come in."""
        connection, _address = self.listening.accept()
        self.sums[connection] = 0
        self.loop.add_reader(connection, self.read, connection)
        print("  server: connection number", len(self.sums))

    def read(self, connection: socket.socket) -> None:
        """A connection is readable: a number, or the end."""
        data = connection.recv(1024)
        if data:
            self.sums[connection] += int(data)
            print(f"  server: {int(data)} more makes {self.sums[connection]}")
            connection.send(str(self.sums[connection]).encode())
            return
        self.loop.remove_reader(connection)
        connection.close()
        print("  server: one has left with", self.sums.pop(connection))
        if not self.sums:
            self.loop.remove_reader(self.listening)
            self.listening.close()
            self.empty.set()


async def add(client: socket.socket, number: int) -> int:
    """Send a number and wait for the sum."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, str(number).encode())
    return int(await loop.sock_recv(client, 1024))


async def main() -> None:
    """Two clients take turns."""
    loop = asyncio.get_running_loop()
    server = Server(loop)
    clients = [socket.socket() for _ in range(2)]
    for number, client in enumerate(clients, start=1):
        client.setblocking(False)
        await loop.sock_connect(client, server.listening.getsockname())
        print(f"client {number}: the sum is", await add(client, 10 * number))
    for number in (1, 2):
        print("clients: the sums are", [await add(client, number) for client in clients])
    for client in clients:
        client.close()
        await asyncio.sleep(0.05)  # one after the other
    await server.empty.wait()
    print("everybody has left")


if __name__ == "__main__":
    asyncio.run(main())

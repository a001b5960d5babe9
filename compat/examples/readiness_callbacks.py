"""Readiness: a server made of callbacks, without any coroutine of its own.

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
        self.left: asyncio.Queue[int] = asyncio.Queue()
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
        else:
            self.loop.remove_reader(connection)
            connection.close()
            self.left.put_nowait(self.sums.pop(connection))

    def close(self) -> None:
        """Let nobody in any more."""
        self.loop.remove_reader(self.listening)
        self.listening.close()


def add(client: socket.socket, number: int) -> int:
    """Send a number and wait for the sum: this blocks, so it is called in a thread."""
    client.sendall(str(number).encode())
    return int(client.recv(1024))


async def main() -> None:
    """Two clients take turns."""
    server = Server(asyncio.get_running_loop())
    address = server.listening.getsockname()
    clients: dict[str, socket.socket] = {}
    for name, number in (("Ann", 10), ("Bob", 20)):
        clients[name] = await asyncio.to_thread(socket.create_connection, address)
        print(f"{name}: the sum is", await asyncio.to_thread(add, clients[name], number))
    for number in (1, 2):
        for name, client in clients.items():
            print(f"{name}: the sum is", await asyncio.to_thread(add, client, number))
    for name, client in clients.items():
        client.close()
        print(f"{name} left with", await server.left.get())
    server.close()


if __name__ == "__main__":
    asyncio.run(main())

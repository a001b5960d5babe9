"""Raw sockets: a blocking server, and next to it the same server on the loop.

Teaches: a blocking server in a thread serves one client at a time, whoever comes next must wait
for the first to leave; with `sock_accept`, `sock_recv` and `sock_sendall` on non-blocking sockets
and a task for each client, all are served at once.
Look for: Slow comes first and takes its time, Quick comes second and speaks at once. Who is
answered first?
"""

import asyncio
import socket


def blocking_server(listening: socket.socket) -> None:
    """Serve two clients one after the other; every call may block."""
    listening.settimeout(10)  # a program whose clients fail should end all the same
    for _ in range(2):
        connection, _address = listening.accept()
        with connection:
            while data := connection.recv(1024):
                connection.sendall(b"re: " + data)


async def serve_one(connection: socket.socket) -> None:
    """Serve one client; every await lets the others go on."""
    loop = asyncio.get_running_loop()
    with connection:
        while data := await loop.sock_recv(connection, 1024):
            await loop.sock_sendall(connection, b"re: " + data)


async def async_server(listening: socket.socket) -> None:
    """Accept two clients and give each a task of its own."""
    listening.setblocking(False)
    tasks = []
    for _ in range(2):
        connection, _address = await asyncio.get_running_loop().sock_accept(listening)
        tasks.append(asyncio.create_task(serve_one(connection)))
    await asyncio.gather(*tasks)


async def talk(name: str, client: socket.socket, pause: float) -> None:
    """Speak after a pause, wait for the answer, leave."""
    loop = asyncio.get_running_loop()
    with client:
        await asyncio.sleep(pause)
        await loop.sock_sendall(client, name.encode())
        print("  answered", (await loop.sock_recv(client, 1024)).decode())


async def two_clients(listening: socket.socket) -> None:
    """Slow connects first, Quick second."""
    slow, quick = socket.socket(), socket.socket()
    for client in (slow, quick):
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, listening.getsockname())
    await asyncio.gather(talk("Slow", slow, 0.15), talk("Quick", quick, 0.0))


async def main() -> None:
    """The same two clients at both servers."""
    print("the blocking server:")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = asyncio.to_thread(blocking_server, listening)
        await asyncio.gather(server, two_clients(listening))
    print("the server on the loop:")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await asyncio.gather(async_server(listening), two_clients(listening))


if __name__ == "__main__":
    asyncio.run(main())

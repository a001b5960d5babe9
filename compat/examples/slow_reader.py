"""A slow reader: what becomes of the bytes that the other side does not want yet.

Teaches: `write` never waits: what the system does not take is kept in the transport's buffer, in
this program's memory. `drain` waits while there is more in it than the high-water mark, until it
has run down to the low one. A writer that always drains goes at the pace of its reader.
Look for: the same megabytes to the same slow reader, once without `drain` and once with. Below
the streams it is `pause_writing` and `resume_writing`, which the transport calls.
"""

import asyncio
import socket

CHUNK = b"x" * 65536
TOTAL = 64 * len(CHUNK)
HIGH = 131072  # bytes in the buffer at which `drain` begins to wait


async def read_slowly(reader: asyncio.StreamReader, go: asyncio.Event) -> int:
    """Read nothing until `go`, then everything, with pauses; return how much it was."""
    await go.wait()
    total = 0
    while data := await reader.read(len(CHUNK)):
        total += len(data)
        await asyncio.sleep(0)
    return total


async def write_all(writer: asyncio.StreamWriter, *, patient: bool) -> int:
    """Write all chunks, draining after each if `patient`; return the most that was buffered."""
    most = 0
    for _ in range(64):
        writer.write(CHUNK)
        most = max(most, writer.transport.get_write_buffer_size())
        if patient:
            await writer.drain()
    return most


async def send(*, patient: bool) -> None:
    """Send all chunks through a new connection, and tell what it took."""
    near, far = socket.socketpair()
    reader, far_writer = await asyncio.open_connection(sock=far)
    _, writer = await asyncio.open_connection(sock=near)
    writer.transport.set_write_buffer_limits(high=HIGH)
    go = asyncio.Event()
    reading = asyncio.create_task(read_slowly(reader, go))
    writing = asyncio.create_task(write_all(writer, patient=patient))
    await asyncio.sleep(0.05)
    print("  nobody has read; the writer", "is done" if writing.done() else "waits")
    go.set()
    most = await writing
    amount = "nearly all" if most > TOTAL / 2 else "much"
    print("  in memory at most:", "a few chunks" if most <= HIGH + len(CHUNK) else amount)
    writer.close()
    await writer.wait_closed()
    print(f"  the reader got {await reading} bytes")
    far_writer.close()
    await far_writer.wait_closed()


class Told(asyncio.Protocol):
    """A protocol that prints what its transport tells it."""

    def pause_writing(self) -> None:
        print("  transport: stop, please")

    def resume_writing(self) -> None:
        print("  transport: go on")


async def main() -> None:
    """Both ways of writing, and what is below."""
    print(f"without drain, {TOTAL} bytes:")
    await send(patient=False)
    print("with drain:")
    await send(patient=True)
    print("the callbacks below:")
    near, far = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(Told, sock=near)
    transport.write(b"x" * TOTAL)
    reader, writer = await asyncio.open_connection(sock=far)
    got = await reader.readexactly(TOTAL)
    print(f"  {len(got)} bytes have come")
    transport.close()
    print("  and the end:", await reader.read())
    writer.close()
    await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())

"""A small protocol of one's own: commands are lines, values follow by length.

Teaches: TCP carries bytes, not messages; it is the reader that cuts them: `readuntil` for a line
that ends in CR LF, `readexactly` for so many bytes. The client may send several commands in one
piece, or one command in many pieces: the server cannot tell.
Look for: the value contains a line end and arrives whole; what happens to a line that never ends,
and to a client that leaves in the middle of a value.
"""

import asyncio

LONGEST_LINE = 64  # bytes

values: dict[str, bytes] = {}


async def answer(line: str, reader: asyncio.StreamReader) -> bytes:
    """Return the answer to one command; reads its value from `reader` if it has one."""
    match line.split():
        case ["set", key, length]:
            values[key] = await reader.readexactly(int(length))
            await reader.readuntil(b"\r\n")
            return b"stored\r\n"
        case ["get", key] if key in values:
            return b"value %d\r\n%b\r\n" % (len(values[key]), values[key])
        case ["get", key]:
            return b"none\r\n"
        case _:
            return b"what?\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one client's commands until it leaves or breaks the rules."""
    try:
        while True:
            line = await reader.readuntil(b"\r\n")
            writer.write(await answer(line.decode().strip(), reader))
            await writer.drain()
    except asyncio.LimitOverrunError:
        print(f"  server: a line of more than {LONGEST_LINE} bytes, I hang up")
        writer.write(b"too long\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            print(f"  server: left after {error.partial!r}, {error.expected} bytes were due")
    writer.close()
    await writer.wait_closed()


async def talk(port: int, *pieces: bytes, pause: float = 0.0) -> None:
    """Send the pieces one by one, then end of file; print every line that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)
    writer.write_eof()
    async for line in reader:
        print(f"  client: {line!r}")
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    """Four clients, one after the other."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LONGEST_LINE)
    port = server.sockets[0].getsockname()[1]
    async with server:
        print("three commands in one piece:")
        await talk(port, b"set poem 13\r\nroses\r\nviolet\r\nget poem\r\nget prose\r\n")
        print("one command in many pieces:")
        await talk(port, b"ge", b"t po", b"em\r", b"\n", pause=0.01)
        print("a line without an end:")
        await talk(port, b"get " + b"x" * 200)
        print("gone in the middle of a value:")
        await talk(port, b"set poem 1000\r\nroses")
        print("the poem is still", values["poem"])


if __name__ == "__main__":
    asyncio.run(main())

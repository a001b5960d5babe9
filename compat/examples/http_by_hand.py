"""HTTP/1.1 by hand: what a web client and a web server say to each other.

Teaches: a request is a few lines and an empty one; an answer is a status line, headers, an empty
line and a body. Where the body ends is said in one of two ways: by its length, or in chunks that
each tell their own. That is how the connection stays open for the next request.
Look for: four requests go over one connection, and the server ends it after the last.
"""

import asyncio

PAGES = {"/": b"<h1>welcome</h1>", "/poem": b"roses are red\nviolets are blue\n"}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server's half: answer requests until the client wants to end."""
    keep = True
    while keep and (head := await read_head(reader)):
        _method, path, _version = head[0].split()
        keep = "Connection: close" not in head
        if path == "/count":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(1, 4):
                chunk = b"number %d\n" % number
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            status = b"200 OK" if path in PAGES else b"404 Not Found"
            body = PAGES.get(path, b"no such page")
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(body)))
            writer.write(body)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def read_head(reader: asyncio.StreamReader) -> list[str]:
    """Read the lines up to the empty one; [] at the end of the connection."""
    lines: list[str] = []
    while line := (await reader.readline()).decode("latin-1").rstrip("\r\n"):
        lines.append(line)
    return lines


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a chunked body: each chunk has its length, in hexadecimal, in front of it."""
    body = b""
    while length := int(await reader.readline(), 16):
        body += await reader.readexactly(length)
        await reader.readline()
    await reader.readline()
    return body


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    """Send one GET request, read the answer and print it."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
    if path == "/nowhere":
        writer.write(b"Connection: close\r\n")
    writer.write(b"\r\n")
    status, *lines = await read_head(reader)
    headers = dict(line.split(": ", 1) for line in lines)
    if "Transfer-Encoding" in headers:
        body = await read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers["Content-Length"]))
    print(f"GET {path}\n  {status}\n  {headers}\n  {body!r}")


async def main() -> None:
    """Four requests over one connection."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in ("/", "/poem", "/count", "/nowhere"):
            await get(reader, writer, path)
        print("then end of file?", await reader.read() == b"")
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())

"""TLS: an encrypted echo server, and a connection that becomes encrypted on the way.

Teaches: `ssl=` makes streams encrypted, and nothing else about them changes. The client checks that
the server's certificate is one that it trusts and is made out to the name it asked for. With ALPN
both agree on what they will speak. `start_tls` turns a connection that began in the clear into an
encrypted one, as mail servers do.
Look for: the two clients that refuse to go on, and why.
"""

import asyncio
import ssl
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("localhost.pem")


def server_context() -> ssl.SSLContext:
    """What the server needs: its certificate and key, and what it can speak."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    context.set_alpn_protocols(["echo/2", "echo/1"])
    return context


def client_context(trusted: Path | None = CERTIFICATE) -> ssl.SSLContext:
    """What a client needs: whom to trust (None: those whom the system trusts)."""
    context = ssl.create_default_context(cafile=trusted)
    context.set_alpn_protocols(["echo/1"])
    return context


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send every line back in capitals; at the line `STARTTLS` begin to encrypt."""
    async for line in reader:
        writer.write(b"go ahead\n" if line == b"STARTTLS\n" else line.upper())
        await writer.drain()
        if line == b"STARTTLS\n":
            await writer.start_tls(server_context())
    writer.close()


class Client:
    """A connection to the echo server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, text: str) -> None:
        """Send a line, print its echo and how it travelled."""
        self.writer.write(f"{text}\n".encode())
        answer = (await self.reader.readline()).decode().strip()
        encryption = self.writer.get_extra_info("ssl_object")
        how = encryption.version() if encryption else "in the clear"
        spoken = encryption.selected_alpn_protocol() if encryption else "nothing"
        print(f"  {text} -> {answer}  ({how}, agreed on {spoken})")

    async def leave(self) -> None:
        """Close the connection."""
        self.writer.close()
        await self.writer.wait_closed()


async def main() -> None:
    """An encrypted server and a plain one, and clients that trust and that do not."""
    encrypted = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context())
    plain = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with encrypted, plain:
        port = encrypted.sockets[0].getsockname()[1]
        print("encrypted from the beginning:")
        client = Client(*await asyncio.open_connection("localhost", port, ssl=client_context()))
        await client.say("hello")
        await client.leave()
        print("encrypted from the middle on:")
        client = Client(*await asyncio.open_connection(*plain.sockets[0].getsockname()))
        await client.say("hello")
        await client.say("STARTTLS")
        await client.writer.start_tls(client_context(), server_hostname="localhost")
        await client.say("the password is swordfish")
        await client.leave()
        for context, name in ((client_context(None), "localhost"), (client_context(), "bank.test")):
            print(f"in search of {name}:")
            try:
                await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
            except ssl.SSLCertVerificationError as error:
                print("  refused:", error.verify_message)


if __name__ == "__main__":
    asyncio.run(main())

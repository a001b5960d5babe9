"""The command: an upper-case service, and requests to it.

    python -m protocols.reliable_udp serve --port 7007
    python -m protocols.reliable_udp send --port 7007 hello

Read next: ../http/__init__.py
"""

from __future__ import annotations

import argparse
import sys

from protocols import command

from . import RequestFailed, connect, serve


async def upper(body: bytes) -> bytes:
    """Return *body* in capital letters; RequestFailed when it is no text."""
    try:
        return body.decode().upper().encode()
    except UnicodeDecodeError:
        raise RequestFailed("that is not UTF-8") from None


async def _serve_command(options: argparse.Namespace) -> None:
    async with await serve(upper, options.host, options.port) as server, command.until_stopped():
        command.say(f"listening on {server.address[0]} port {server.address[1]}")


async def _send_command(options: argparse.Namespace) -> None:
    async with await connect(options.host, options.port) as client:
        data = " ".join(options.text).encode()
        try:
            answer = await client.request(data, timeout=options.timeout)
        except RequestFailed as error:
            raise RuntimeError(f"the server answered: {error}") from None
    command.say(answer.decode(errors="replace"))


def main() -> int:
    """Do what the command line says; return the exit status."""
    options = command.parser("protocols.reliable_udp", "Requests over UDP.").parse_args()
    chosen = _serve_command if options.command == "serve" else _send_command
    return command.run("reliable_udp", chosen(options))


if __name__ == "__main__":
    sys.exit(main())

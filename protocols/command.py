"""What the small commands of this floor share: options, one-sentence errors, a clean end.

    python -m protocols.echo serve --port 7007        until SIGINT or SIGTERM, then status 0
    python -m protocols.echo send --port 7007 hello   status 0, or 1 with one sentence why not

Ctrl-C ends ``send`` with status 130; a command line without sense ends with status 2.

Read next: echo.py
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from typing import Any, NoReturn

__all__ = ["INTERRUPTED", "Parser", "parser", "run", "say", "until_stopped"]

INTERRUPTED, FAILED = 130, 1


class Parser(argparse.ArgumentParser):
    """One that answers a mistake with one sentence instead of a page."""

    def error(self, message: str) -> NoReturn:
        """Print *message* and end with status 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"seconds are a number above 0, not {text!r}")
    return number


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """Return a parser for ``serve`` and ``send``, each with ``--host`` and ``--port``."""
    top = Parser(prog=f"python -m {module}", description=description)
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    serve = commands.add_parser("serve", help="answer until interrupted")
    send = commands.add_parser("send", help="send TEXT and print the answer")
    for one, port in ((serve, "0"), (send, None)):
        one.add_argument("--host", default="127.0.0.1", help="name or address (%(default)s)")
        one.add_argument("--port", type=_port, default=port, required=port is None)
    send.add_argument("--timeout", type=_seconds, default=10.0, help="seconds (%(default)s)")
    send.add_argument("text", metavar="TEXT", nargs="+")
    return top


def say(line: str) -> None:
    """Print *line* at once, also where standard output is a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(name: str, main: Coroutine[Any, Any, None]) -> int:
    """Run *main* on a loop of the current policy and return the exit status."""
    try:
        asyncio.run(main)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (OSError, RuntimeError, ValueError) as error:  # TimeoutError is an OSError
        sys.stderr.write(f"{name}: {str(error) or type(error).__name__}\n")
        return FAILED
    return 0


@contextlib.asynccontextmanager
async def until_stopped() -> AsyncIterator[None]:
    """Run the body, then wait for SIGINT or SIGTERM; both mean the ordinary end of a server."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
        await stop.wait()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)

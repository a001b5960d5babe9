"""All cases, and how one is run against a server or a client.

Read next: runner.py
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from typing import TypeAlias

from .cases import Case, ClientCase
from .client_cases_frames import CLIENT_FRAMES
from .client_cases_newer import CLIENT_NEWER
from .client_cases_streams import CLIENT_STREAMS
from .server_cases_connection import CONNECTION
from .server_cases_frames import FRAMES
from .server_cases_generic import GENERIC
from .server_cases_messages import HPACK, MESSAGES
from .server_cases_newer import CONNECT, NEWER
from .server_cases_priorities import PRIORITIES
from .wire import BODY, LENIENT, Connection, Failed, Mode, connect

__all__ = [
    "CLIENT_CASES",
    "NEWER_CLIENT_CASES",
    "NEWER_SERVER_CASES",
    "SERVER_CASES",
    "Fetch",
    "client_failure",
    "failure",
]

#: Every case that a server must pass.
SERVER_CASES: list[Case] = [*GENERIC, *CONNECTION, *FRAMES, *MESSAGES, *HPACK]
#: Every case that a client must pass.
CLIENT_CASES: list[ClientCase] = [*CLIENT_STREAMS, *CLIENT_FRAMES]
#: What RFC 9113, RFC 8441 and RFC 9218 demand beyond them.
NEWER_SERVER_CASES: list[Case] = [*NEWER, *CONNECT, *PRIORITIES]
NEWER_CLIENT_CASES: list[ClientCase] = [*CLIENT_NEWER]

#: A client: gets a URL, and returns the status and the body, or raises.
Fetch: TypeAlias = Callable[[str], tuple[int, bytes]]


def failure(
    case: Case, host: str, port: int, tls: ssl.SSLContext | None = None, mode: Mode = LENIENT
) -> str | None:
    """Run a case against a server, on a connection of its own; return why it failed, if it did."""
    try:
        with connect(host, port, tls, mode) as peer:
            case.run(peer)
    except Failed as error:
        return str(error)
    except OSError as error:
        return f"no connection: {error!r}"
    return None


def client_failure(
    case: ClientCase, fetch: Fetch, tls: ssl.SSLContext | None = None, mode: Mode = LENIENT
) -> str | None:
    """Run a case against a client, which has a thread of its own; return why it failed, if so.

    *tls* is a server's context, whose certificate is for "localhost".
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(mode.patience)
        scheme = "http" if tls is None else "https"
        client = Fetching(fetch, f"{scheme}://localhost:{listener.getsockname()[1]}/")
        client.start()
        try:
            with accepted(listener, tls, mode) as peer:
                case.run(peer)
                listener.close()  # nobody is to try again
                if case.end is not None:
                    peer.until_left()
            if case.end is not None:
                client.must_get(mode.patience)
        except Failed as error:
            return str(error)
        except OSError as error:
            return f"no connection: {error!r}; the client: {client.error!r}"
        finally:
            listener.close()
            client.join(mode.patience)
    return "the client does not end" if client.is_alive() else None


def accepted(listener: socket.socket, tls: ssl.SSLContext | None, mode: Mode) -> Connection:
    """Accept a connection, over TLS if there is a context."""
    sock, _ = listener.accept()
    sock.settimeout(mode.patience)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        sock = tls.wrap_socket(sock, server_side=True)
    return Connection(sock, mode=mode)


class Fetching(threading.Thread):
    """One request of a client that is tested."""

    def __init__(self, fetch: Fetch, url: str) -> None:
        super().__init__(daemon=True)
        self.fetch = fetch
        self.url = url
        self.result: tuple[int, bytes] | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        """Fetch, and keep what comes of it."""
        try:
            self.result = self.fetch(self.url)
        except Exception as error:
            self.error = error

    def must_get(self, patience: float) -> None:
        """Fail unless the client gets its response."""
        self.join(patience)
        if self.result is None or self.result[0] != 200 or not self.result[1].endswith(BODY):
            raise Failed(f"the client got {self.result}, with {self.error!r}")

"""Clients to be tested that are not ours: the plainest user of the h2 library, and httpx.

Read next: test_known_clients.py
"""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import httpx

from .suites import Fetch

__all__ = ["with_h2", "with_httpx"]

#: Seconds: longer than any test waits for a client.
PATIENCE = 60.0


def with_h2(tls: ssl.SSLContext) -> Fetch:
    """Return a client that does what the h2 library says, and sends what it wants to be sent."""

    def fetch(url: str) -> tuple[int, bytes]:
        parts = urlsplit(url)
        address = parts.hostname or "", parts.port or 0
        with socket.create_connection(address, PATIENCE) as plain:
            if parts.scheme == "http":
                return ask(plain, parts.netloc, parts.scheme)
            with tls.wrap_socket(plain, server_hostname=parts.hostname) as secure:
                return ask(secure, parts.netloc, parts.scheme)

    return fetch


def ask(sock: socket.socket, authority: str, scheme: str) -> tuple[int, bytes]:
    """Send a request for "/" and return its response."""
    peer = h2.connection.H2Connection(h2.config.H2Configuration())
    peer.initiate_connection()
    fields = {":method": "GET", ":scheme": scheme, ":path": "/", ":authority": authority}
    peer.send_headers(peer.get_next_available_stream_id(), list(fields.items()), end_stream=True)
    sock.sendall(peer.data_to_send())
    status, body = 0, b""
    while received := sock.recv(65536):
        try:
            events = peer.receive_data(received)
        finally:
            sock.sendall(peer.data_to_send())
        for event in events:
            match event:
                case h2.events.ResponseReceived(headers=headers):
                    status = int(dict(headers or [])[b":status"])
                case h2.events.DataReceived(data=data):
                    body += data or b""
                case h2.events.StreamEnded():
                    return status, body
                case h2.events.StreamReset(error_code=code):
                    raise ConnectionError(f"reset with {code}")
    raise ConnectionError("closed before the response")


def with_httpx(tls: ssl.SSLContext) -> Fetch:
    """Return httpx, a new client for each request."""

    def fetch(url: str) -> tuple[int, bytes]:
        with httpx.Client(http1=False, http2=True, verify=tls, timeout=PATIENCE) as client:
            response = client.get(url)
            return response.status_code, response.content

    return fetch

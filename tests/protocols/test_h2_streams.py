"""Streams of an HTTP/2 connection: as many are open as may be, and few are kept that are not."""

from __future__ import annotations

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import TooManyStreamsError
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

from protocols.h2_rules import Http2Parser

HEAD = [(":method", "GET"), (":scheme", "http"), (":authority", "site"), (":path", "/")]


def pair(most: int) -> tuple[Http2Parser, Http2Parser]:
    """Return a client and a server that have greeted; *most* streams may be open."""
    client = Http2Parser(H2Configuration(client_side=True))
    server = Http2Parser(H2Configuration(client_side=False))
    client.initiate_connection()
    server.initiate_connection()
    server.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: most})
    for _ in range(2):
        exchange(client, server)
    return client, server


def exchange(client: H2Connection, server: H2Connection) -> None:
    """Bring what each has to say to the other."""
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())


@given(st.integers(1, 6), st.lists(st.integers(0, 9), max_size=60))
def test_as_many_as_may_be(most: int, steps: list[int]) -> None:
    """Each step opens a stream or, if it says which, closes one of those that are open."""
    client, server = pair(most)
    streams: list[int] = []
    for step in steps:
        if step < len(streams):
            server.send_headers(streams.pop(step), [(":status", "200")], end_stream=True)
        elif len(streams) == most:
            with pytest.raises(TooManyStreamsError):
                client.send_headers(client.get_next_available_stream_id(), HEAD, end_stream=True)
        else:
            streams.append(client.get_next_available_stream_id())
            client.send_headers(streams[-1], HEAD, end_stream=True)
        exchange(client, server)
        assert sum(stream.open for stream in client.streams.values()) == len(streams)


def test_those_that_are_over_are_forgotten() -> None:
    client, server = pair(100)
    for first in range(50):
        stream_id = client.get_next_available_stream_id()
        client.send_headers(stream_id, HEAD, end_stream=True)
        exchange(client, server)
        if first >= 10:  # so many stay open
            server.send_headers(stream_id, [(":status", "200")], end_stream=True)
            exchange(client, server)
        assert len(client.streams) <= 17
        assert len(server.streams) <= 17

"""Priorities (RFC 9218) as nghttp2's library says them: no browser or command sends updates.

curl, nghttp and many more are made with it.  It sends no PRIORITY_UPDATE to a server whose
SETTINGS do not say that it takes them.
"""

from __future__ import annotations

import asyncio
import ctypes
from typing import Any

import pytest

from miniloop.testing import World
from protocols.http.handlers import Request, Response

from ...tools import tool
from .support import HOST, PORT, in_world, serving

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])

NO_RFC7540_PRIORITIES = 9
SIZE = 30_000  # of which two fit into the first window of a connection

_Pointer, _Bytes = ctypes.c_void_p, ctypes.c_char_p
_OnData = ctypes.CFUNCTYPE(
    ctypes.c_int, _Pointer, ctypes.c_uint8, ctypes.c_int32, _Pointer, ctypes.c_size_t, _Pointer
)


class _Field(ctypes.Structure):
    _fields_ = (
        ("name", _Bytes),
        ("value", _Bytes),
        ("name_size", ctypes.c_size_t),
        ("value_size", ctypes.c_size_t),
        ("flags", ctypes.c_uint8),
    )


class _Setting(ctypes.Structure):
    _fields_ = (("number", ctypes.c_int32), ("value", ctypes.c_uint32))


def nghttp2() -> ctypes.CDLL:
    """Load the library, which comes with its tools."""
    tool("nghttp")
    lib = ctypes.CDLL("libnghttp2.so.14")
    lib.nghttp2_session_mem_send.restype = ctypes.c_ssize_t
    lib.nghttp2_session_mem_recv.restype = ctypes.c_ssize_t
    lib.nghttp2_session_mem_recv.argtypes = (_Pointer, _Bytes, ctypes.c_size_t)
    return lib


class Client:
    """One connection; ``order`` has the streams that DATA came on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.sizes: dict[int, int] = {}
        self.order: list[int] = []
        self._lib = lib = nghttp2()
        callbacks, self._session = _Pointer(), _Pointer()
        lib.nghttp2_session_callbacks_new(ctypes.byref(callbacks))
        self._on_data = _OnData(self._data)  # kept, for nobody else does
        lib.nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, self._on_data)
        lib.nghttp2_session_client_new(ctypes.byref(self._session), callbacks, None)
        lib.nghttp2_session_callbacks_del(callbacks)
        said = _Setting(NO_RFC7540_PRIORITIES, 1)
        assert lib.nghttp2_submit_settings(self._session, 0, ctypes.byref(said), 1) == 0

    def _data(self, _s: Any, _f: int, stream: int, _d: Any, size: int, _u: Any) -> int:
        self.sizes[stream] = self.sizes.get(stream, 0) + size
        self.order.append(stream)
        return 0

    def send(self) -> None:
        """Send what the session has."""
        data = _Pointer()
        while size := self._lib.nghttp2_session_mem_send(self._session, ctypes.byref(data)):
            assert size > 0
            self.writer.write(ctypes.string_at(data, size))

    async def receive(self) -> None:
        """Read something, and answer it."""
        data = await self.reader.read(65536)
        assert data, "the server has closed"
        assert self._lib.nghttp2_session_mem_recv(self._session, data, len(data)) == len(data)
        self.send()

    def request(self) -> int:
        """Ask; return the stream."""
        head = [
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":authority", b"a"),
            (b":path", b"/"),
        ]
        fields = (_Field * 4)(*[_Field(n, v, len(n), len(v), 0) for n, v in head])
        return int(self._lib.nghttp2_submit_request(self._session, None, fields, 4, None, None))

    def update(self, stream: int, said: bytes) -> None:
        """Say PRIORITY_UPDATE."""
        assert (
            self._lib.nghttp2_submit_priority_update(self._session, 0, stream, said, len(said)) == 0
        )

    def close(self) -> None:
        self._lib.nghttp2_session_del(self._session)
        self.writer.close()


@pytest.mark.parametrize(
    ("updates", "order"),
    [
        ({}, [1, 3]),
        ({3: b"u=0"}, [3, 1]),
        ({1: b"u=7"}, [3, 1]),
        ({1: b"u=7", 3: b"u=7"}, [1, 3]),
        ({1: b"i", 3: b"i"}, [1, 3, 1, 3]),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_its_updates_are_obeyed(
    library: str, updates: dict[int, bytes], order: list[int], before: bool
) -> None:
    async def large(asked: Request) -> Response:
        return Response(b"x" * SIZE)

    async def scenario(world: World) -> list[int]:
        async with serving(large):
            client = Client(*await asyncio.open_connection(HOST, PORT))
            client.send()
            await client.receive()  # that it may send updates
            if before:
                for stream, said in updates.items():
                    client.update(stream, said)
                client.send()
            assert [client.request(), client.request()] == [1, 3]
            if not before:
                client.send()
                for stream, said in updates.items():
                    client.update(stream, said)
            client.send()
            while client.sizes != {1: SIZE, 3: SIZE}:
                await client.receive()
            client.close()
            return client.order

    found = in_world(scenario, library)
    assert [stream for n, stream in enumerate(found) if [stream] != found[:n][-1:]] == order

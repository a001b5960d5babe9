"""The comparison of network programs finds mistakes: each of these shows within a few of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from miniloop import EventLoop
from miniloop.net import (
    pipes,
    readiness,
    seats,
    sockets,
    stream_protocol,
    stream_reader,
    stream_writer,
    tcp,
    tls_flow,
    tls_protocol,
    transports,
    udp,
)
from miniloop.sync.sleeping import one_turn

from .cells import NETWORK_CELLS, difference
from .conversations import conversation_from_seed, misheard
from .grammar import network_from_seed
from .versions import IN_NAMES, IN_NETWORK, IN_TASKS, left_out

#: Within how many programs a mistake has to show, of those that are about the right thing.
ENOUGH = 500

Patch = pytest.MonkeyPatch


class Mistake(NamedTuple):
    """A way to get something wrong, and the kinds of operation with which it shows."""

    make: Callable[[Patch], None]
    about: tuple[str, ...]


MISTAKES: dict[str, Mistake] = {}


def mistake(*about: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Add a way to get something wrong that shows in programs *about* something."""

    def add(make: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MISTAKES[make.__name__] = Mistake(make, about)
        return make

    return add


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_of_the_network_shows(name: str, monkeypatch: Patch) -> None:
    without = left_out(IN_NAMES, IN_TASKS, IN_NETWORK)
    make, about = MISTAKES[name]
    make(monkeypatch)
    cells = (NETWORK_CELLS[0], NETWORK_CELLS[1], NETWORK_CELLS[-1])
    for seed in range(ENOUGH):
        if difference(network_from_seed(seed, without, about), cells):
            return
    pytest.fail(f"{ENOUGH} programs do the same")


def spoil(patch: Patch, owner: Any, name: str, wrap: Callable[..., Any]) -> None:
    """Have ``wrap(original, *arguments)`` called in place of the method *name*."""
    original = getattr(owner, name)

    def spoiled(*given: Any, **named: Any) -> Any:
        return wrap(original, *given, **named)

    patch.setattr(owner, name, spoiled)


# -- streams ---------------------------------------------------------------------------------------


@mistake("open_streams", "read", "write")
def drain_does_not_wait(patch: Patch) -> None:
    async def drain(self: Any) -> None:
        return

    patch.setattr(stream_writer.StreamWriter, "drain", drain)


@mistake("open_streams", "open_half", "read", "write")
def drain_waits_a_turn_too_many(patch: Patch) -> None:
    original = stream_writer.StreamWriter.drain

    async def drain(self: Any) -> None:
        await one_turn()
        await original(self)

    patch.setattr(stream_writer.StreamWriter, "drain", drain)


@mistake("open_streams", "read", "write")
def the_end_comes_before_the_data(patch: Patch) -> None:
    def take(original: Any, self: Any, n: int) -> bytes:
        if self._eof:
            self._data = b""
        taken: bytes = original(self, n)
        return taken

    spoil(patch, stream_reader.StreamReader, "_take", take)


@mistake("open_streams", "open_mixed", "read", "write")
def readexactly_is_off_by_one(patch: Patch) -> None:
    original = stream_reader.StreamReader.readexactly

    async def readexactly(self: Any, n: int) -> bytes:
        return await original(self, n + 1 if n > 1 else n)

    patch.setattr(stream_reader.StreamReader, "readexactly", readexactly)


@mistake("open_streams", "open_mixed", "read", "write")
def a_full_reader_does_not_pause(patch: Patch) -> None:
    patch.setattr(stream_reader.StreamReader, "_pause", lambda self: None)


@mistake("open_streams", "read", "write")
def a_reader_that_was_full_never_resumes(patch: Patch) -> None:
    def take(original: Any, self: Any, n: int) -> bytes:
        paused, self._paused = self._paused, False
        taken: bytes = original(self, n)
        self._paused = paused
        return taken

    spoil(patch, stream_reader.StreamReader, "_take", take)


@mistake("open_streams", "read", "write")
def a_second_reader_is_let_in(patch: Patch) -> None:
    def more(original: Any, self: Any, what: str) -> Any:
        self._waiter = None
        return original(self, what)

    spoil(patch, stream_reader.StreamReader, "_more", more)


@mistake("open_streams", "read", "write")
def a_long_line_is_kept(patch: Patch) -> None:
    original = stream_reader.StreamReader.readline

    async def readline(self: Any) -> bytes:
        before = bytes(self._data)
        try:
            return await original(self)
        except ValueError:
            self._data = before
            raise

    patch.setattr(stream_reader.StreamReader, "readline", readline)


@mistake("open_streams", "open_mixed", "read", "write")
def wait_closed_does_not_wait(patch: Patch) -> None:
    async def wait_closed(self: Any) -> None:
        return

    patch.setattr(stream_writer.StreamWriter, "wait_closed", wait_closed)


@mistake("open_streams", "open_mixed", "read", "write")
def one_of_several_writers_is_woken(patch: Patch) -> None:
    def release(self: Any, exc: Any) -> None:
        for waiter in list(self._drain_waiters)[:1]:
            if not waiter.done():
                waiter.set_result(None)

    patch.setattr(stream_protocol.FlowControlMixin, "_release", release)


# -- transports ------------------------------------------------------------------------------------


@mistake("open_protocols", "open_mixed", "wire_write", "read")
def close_drops_what_is_buffered(patch: Patch) -> None:
    patch.setattr(transports.SelectorTransport, "close", transports.SelectorTransport.abort)


@mistake("open_protocols", "wire_write")
def abort_sends_what_is_buffered(patch: Patch) -> None:
    patch.setattr(transports.SelectorTransport, "abort", transports.SelectorTransport.close)


@mistake("open_protocols", "wire_write")
def the_end_is_told_at_once(patch: Patch) -> None:
    def close(original: Any, self: Any) -> None:
        if not self._closing and not self._buffer:
            self._closing = True
            self._conn_lost += 1
            self._stop_reading()
            self._call_connection_lost(None)
        else:
            original(self)

    spoil(patch, transports.SelectorTransport, "close", close)


@mistake("open_protocols", "wire_write")
def a_lost_connection_has_no_cause(patch: Patch) -> None:
    spoil(
        patch,
        transports.SelectorTransport,
        "_force_close",
        lambda original, self, error: original(self, None),
    )


@mistake("open_protocols", "open_watched", "wire_write")
def resume_reading_does_not_wake(patch: Patch) -> None:
    def resume(self: Any) -> None:
        self._paused = False

    patch.setattr(transports.SelectorTransport, "resume_reading", resume)


@mistake("open_protocols", "open_watched", "wire_write")
def writing_is_never_resumed(patch: Patch) -> None:
    patch.setattr(transports.FlowControl, "_maybe_resume_protocol", lambda self: None)


@mistake("open_protocols", "wire_write")
def writing_is_paused_at_the_limit(patch: Patch) -> None:
    def limits(original: Any, self: Any, high: Any = None, low: Any = None) -> None:
        original(self, high, low)
        self._high_water -= 1

    spoil(patch, transports.FlowControl, "_set_write_buffer_limits", limits)


@mistake("open_protocols", "wire_write")
def a_half_close_overtakes_the_data(patch: Patch) -> None:
    def write_eof(original: Any, self: Any) -> None:
        if self._buffer and not self._closing and not self._eof:
            self._eof = True
            self._sock.shutdown(1)
        else:
            original(self)

    spoil(patch, tcp.SocketTransport, "write_eof", write_eof)


@mistake("open_protocols", "wire_write")
def what_the_kernel_did_not_take_is_sent_again(patch: Patch) -> None:
    def drop(original: Any, self: Any, sent: int) -> None:
        original(self, max(0, sent - 1))

    spoil(patch, tcp.SocketTransport, "_drop_sent", drop)


@mistake("open_protocols", "wire_write")
def the_peers_end_is_kept_quiet(patch: Patch) -> None:
    patch.setattr(tcp.SocketTransport, "_read_eof", lambda self: self.close())


@mistake("open_buffered", "wire_write")
def a_buffer_is_asked_for_twice(patch: Patch) -> None:
    def read(original: Any, self: Any) -> None:
        if not self._conn_lost:
            try:
                self._protocol.get_buffer(-1)
            except Exception as error:
                self._fatal_error(error, "Fatal error: protocol.get_buffer() call failed.")
                return
        original(self)

    spoil(patch, tcp.SocketTransport, "_read_into_buffer", read)


# -- datagrams, bare sockets, pipes ----------------------------------------------------------------


@mistake("open_datagrams", "sendto")
def datagrams_that_wait_are_merged(patch: Patch) -> None:
    def push(original: Any, self: Any, item: Any, size: int) -> None:
        if self._buffer and isinstance(self, udp.SocketDatagramTransport):
            data, address = self._buffer.pop()
            self._buffer.append((data + item[0], address))
            self._buffer_size += size
        else:
            original(self, item, size)

    spoil(patch, udp.SocketDatagramTransport, "_push", push)


@mistake("open_datagrams", "sendto")
def all_datagrams_are_read_at_once(patch: Patch) -> None:
    def read(original: Any, self: Any) -> None:
        original(self)
        if self._sock is not None and not self._paused and not self._closing:
            original(self)

    spoil(patch, udp.SocketDatagramTransport, "_read_datagram", read)


@mistake("open_datagrams", "sendto")
def a_refused_datagram_is_fatal(patch: Patch) -> None:
    patch.setattr(
        udp.SocketDatagramTransport, "_not_sent", lambda self, error: self._fatal_error(error)
    )


@mistake("open_bare", "recv")
def a_cancelled_sock_recv_leaves_its_reader(patch: Patch) -> None:
    patch.setattr(seats.Seat, "free", lambda self, _=None: None)
    patch.setattr(seats.Seat, "keep", lambda self: False)


@mistake("open_bare", "recv")
def a_seat_is_for_the_first_only(patch: Patch) -> None:
    def take(original: Any, sitting: Any, **known: Any) -> None:
        original(sitting, **known)
        for seat in sitting:
            seat.call = None

    spoil(patch, seats, "_take", take)


@mistake("open_bare", "recv")
def sock_sendall_stops_early(patch: Patch) -> None:
    def send(sock: Any, rest: list[Any]) -> None:
        sock.send(rest[0])

    patch.setattr(sockets, "_send_rest", send)


@mistake("open_bare", "recv", "add_reader")
def removing_a_reader_removes_the_writer(patch: Patch) -> None:
    def remove(original: Any, loop: Any, fd: Any, event: int) -> Any:
        removed = original(loop, fd, event)
        original(loop, fd, 3 - event)
        return removed

    spoil(patch, readiness, "remove", remove)


@mistake("open_listening", "accept", "recv")
def an_accepted_socket_blocks(patch: Patch) -> None:
    async def accept(self: Any, sock: Any) -> Any:
        connection, address = await sockets.sock_accept(self, sock)
        connection.shutdown(0)
        return connection, address

    patch.setattr(EventLoop, "sock_accept", accept)


@mistake("open_pipe", "open_pipe_streams", "pipe_write", "read")
def a_pipe_ends_without_eof(patch: Patch) -> None:
    def lose(original: Any, self: Any) -> None:
        protocol, self._protocol = self._protocol, _Deaf(self._protocol)
        original(self)
        self._protocol = protocol

    spoil(patch, pipes.ReadPipeTransport, "_read_ready", lose)


class _Deaf:
    """A protocol that does not hear the end."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self.protocol, name)

    def eof_received(self) -> None:
        """Do nothing."""


@mistake("open_pipe", "pipe_write")
def a_pipe_is_closed_before_it_is_written(patch: Patch) -> None:
    patch.setattr(pipes.WritePipeTransport, "write_eof", pipes.WritePipeTransport.abort)


# -- TLS -------------------------------------------------------------------------------------------


@mistake("open_tls_protocols", "wire_write")
def an_end_without_close_notify_is_no_end(patch: Patch) -> None:
    patch.setattr(tls_protocol.SSLProtocol, "eof_received", lambda self: True)


@mistake("open_tls_protocols", "wire_write")
def tls_closes_without_close_notify(patch: Patch) -> None:
    def shutdown(self: Any) -> None:
        self._stop_timer()
        self._loop.call_soon(self._transport.close)

    patch.setattr(tls_protocol.SSLProtocol, "_do_shutdown", shutdown)


@mistake("open_tls_protocols", "wire_write")
def tls_reads_one_record(patch: Patch) -> None:
    def read(self: Any) -> None:
        try:
            data = self._sslobj.read(100)
        except tls_flow.AGAIN:
            return
        if data:
            self._app_protocol.data_received(data)
        else:
            self._close_notify_received()

    patch.setattr(tls_protocol.SSLProtocol, "_read_chunks", read)


@mistake("open_tls_streams", "read", "write")
def tls_forgets_what_the_transport_refused(patch: Patch) -> None:
    def resume(self: Any) -> None:
        self._ssl_writing_paused = False

    patch.setattr(tls_protocol.SSLProtocol, "resume_writing", resume)


@mistake("open_tls_streams", "open_tls_half", "read")
def a_failed_handshake_tells_nobody(patch: Patch) -> None:
    spoil(
        patch,
        tls_protocol.SSLProtocol,
        "_wake",
        lambda original, self, error=None: original(self, None),
    )


@mistake("open_tls_half", "read")
def a_handshake_has_no_timeout(patch: Patch) -> None:
    patch.setattr(tls_protocol.SSLProtocol, "_check_handshake_timeout", lambda self: None)


@mistake("open_tls_protocols", "wire_write")
def tls_resumes_reading_at_once(patch: Patch) -> None:
    def resume(self: Any) -> None:
        if self._app_reading_paused:
            self._app_reading_paused = False
            self._read_on()

    patch.setattr(tls_protocol.SSLProtocol, "_resume_reading", resume)


# -- where only polling seldom can be at fault -----------------------------------------------------


def test_a_conversation_notices_a_loop_that_loses_data_when_it_is_late(monkeypatch: Patch) -> None:
    def feed(original: Any, self: Any, data: Any) -> None:
        original(self, data[:4000])  # as much as would come if it were asked for in time

    spoil(monkeypatch, stream_reader.StreamReader, "feed_data", feed)
    assert any(misheard(conversation_from_seed(seed)) for seed in range(ENOUGH))

"""TLS without a network: every state, whatever the pieces in which the bytes arrive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniloop.net import tls_protocol
from miniloop.support import states
from tests.sync.loops import VIRTUAL, VirtualAsyncioLoop

from .tls_wire import Buffered, Program, Wire, client_context


@pytest.fixture(params=sorted(VIRTUAL))
def loop(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a loop whose time costs nothing."""
    loop = VIRTUAL[request.param]()
    yield loop
    loop.close()


def test_the_diagram_is_the_table() -> None:
    assert states.shown_in(tls_protocol.__doc__, tls_protocol.TRANSITIONS)


def finish(wire: Wire, size: int = 2**20) -> None:
    """Close the client's side, and see both connections lost."""
    wire.client_program.transport.close()
    wire.settle(size)
    assert wire.client._state == wire.server._state == "UNWRAPPED"


@pytest.mark.parametrize("program", [Program, Buffered])
def test_a_short_life(loop: Any, program: Any) -> None:
    wire = Wire(loop, program(), program())
    assert wire.client._state == "DO_HANDSHAKE"
    wire.settle()
    assert wire.client._state == wire.server._state == "WRAPPED"
    wire.client_program.transport.write(b"hello")
    wire.server_program.transport.writelines([b"hel", b"", b"lo"])
    wire.settle()
    finish(wire)
    expected = ["connection_made", "data", "eof", ("connection_lost", "NoneType")]
    assert wire.client_program.calls == wire.server_program.calls == expected
    assert wire.client_program.received == wire.server_program.received == b"hello"
    assert all(waiter.done() and waiter.exception() is None for waiter in wire.waiters)


@given(
    size=st.integers(1, 400),
    lengths=st.lists(st.integers(0, 40_000), max_size=4),
    buffered=st.sampled_from([None, 1, 700, 100_000]),
)
def test_the_pieces_do_not_matter(size: int, lengths: list[int], buffered: int | None) -> None:
    loop = VirtualAsyncioLoop()
    server = Program() if buffered is None else Buffered(buffered)
    wire = Wire(loop, Program(), server)
    sent = bytearray()
    for number, length in enumerate(lengths):  # some of it before the handshake is done
        data = bytes([number + 1]) * (length if buffered != 1 else length % 100)
        sent += data
        wire.client._app_transport.write(data)
        wire.deliver(size)
    wire.settle(size * 37)
    finish(wire, size * 37)
    loop.close()
    assert server.received == sent
    assert [call for call in server.calls if "writing" not in str(call)] == [
        "connection_made",
        *(["data"] if sent else []),
        "eof",
        ("connection_lost", "NoneType"),
    ]


def test_writing_is_paused_and_resumed(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.settle()
    transport = wire.client_program.transport
    transport.set_write_buffer_limits(high=1000)
    assert transport.get_write_buffer_limits() == (250, 1000)
    wire.client.pause_writing()
    transport.write(bytes(2000))
    assert transport.get_write_buffer_size() > 2000
    assert wire.client_program.calls[-1] == "pause_writing"
    wire.client.resume_writing()
    assert wire.client_program.calls[-1] == "resume_writing"
    assert transport.get_write_buffer_size() == 0
    finish(wire)
    assert len(wire.server_program.received) == 2000


def test_reading_is_paused_and_resumed(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.settle()
    reader = wire.server_program.transport
    reader.set_read_buffer_limits(high=1000)
    reader.pause_reading()
    assert not reader.is_reading()
    wire.client_program.transport.write(bytes(5000))
    wire.settle()
    assert wire.server_program.received == b""
    assert not wire.server_end.reading
    assert reader.get_read_buffer_size() >= 5000
    reader.resume_reading()
    wire.settle()
    assert wire.server_end.reading
    assert len(wire.server_program.received) == 5000
    finish(wire)


def test_an_impolite_end_is_an_end(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.settle()
    wire.client_end.close()  # no close_notify
    wire.settle()
    assert wire.server_program.calls == [
        "connection_made",
        "eof",
        ("connection_lost", "NoneType"),
    ]


def test_what_came_before_the_end_is_read_after_a_pause(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.settle()
    wire.server_program.transport.pause_reading()
    wire.client_program.transport.write(b"last words")
    wire.settle()
    wire.client_end.close()
    wire.settle()
    assert wire.server._state == "FLUSHING"
    wire.server_program.transport.resume_reading()
    wire.settle()
    assert wire.server_program.received == b"last words"
    assert wire.server_program.calls[-1] == ("connection_lost", "NoneType")


def test_an_end_in_the_handshake_fails_it(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.deliver(100)
    wire.client_end.close()
    wire.settle()
    assert isinstance(wire.waiters[1].exception(), ConnectionResetError)
    assert wire.server_program.calls == []


def test_a_certificate_that_nobody_vouches_for_fails_the_handshake(loop: Any) -> None:
    wire = Wire(loop, Program(), Program(), client_context=client_context(trusting=False))
    wire.settle()
    error = wire.waiters[0].exception()
    assert type(error).__name__ == "SSLCertVerificationError"
    assert wire.client_program.calls == []
    assert wire.waiters[1].exception() is not None


def test_an_abort_drops_everything(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.settle()
    transport = wire.client_program.transport
    transport.abort()
    for _ in range(7):  # the last ones with a warning, which is no error
        transport.write(b"lost")
    wire.settle()
    assert wire.client_program.calls[1:] == [("connection_lost", "NoneType")]
    assert wire.server_program.received == b""


def test_a_peer_that_is_silent_in_the_handshake_is_given_up(loop: Any) -> None:
    loop.set_debug(False)
    wire = Wire(loop, Program(), Program(), ssl_handshake_timeout=7.0)
    before = loop.time()
    with pytest.raises(ConnectionAbortedError, match=r"longer than 7\.0 seconds"):
        loop.run_until_complete(wire.waiters[0])
    assert loop.time() - before == pytest.approx(7.0)
    assert isinstance(wire.waiters[1].exception(), ConnectionAbortedError)


def test_a_peer_that_is_silent_in_the_shutdown_is_given_up(loop: Any) -> None:
    wire = Wire(loop, Program(), Program(), ssl_shutdown_timeout=5.0)
    wire.settle()
    before = loop.time()
    lost = loop.create_future()
    wire.client_program.connection_lost = lost.set_result
    wire.client_program.transport.close()
    assert wire.client_program.transport.is_closing()
    error = loop.run_until_complete(lost)
    assert isinstance(error, TimeoutError)
    assert str(error) == "SSL shutdown timed out"
    assert loop.time() - before == pytest.approx(5.0)
    wire.server_end.close()
    wire.settle()


def test_no_timer_is_left(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.settle()
    finish(wire)
    assert wire.client._timer is wire.server._timer is None


def test_what_is_known_of_a_connection(loop: Any) -> None:
    wire = Wire(loop, Program(), Program())
    wire.settle()
    transport = wire.client_program.transport
    assert transport.get_extra_info("ssl_object") is wire.client._sslobj
    assert transport.get_extra_info("cipher") == wire.client._sslobj.cipher()
    assert transport.get_extra_info("peercert")["subjectAltName"] == (("DNS", "localhost"),)
    assert transport.get_extra_info("peername") == "peer"
    assert transport.get_extra_info("nothing", "default") == "default"
    assert transport.get_protocol() is wire.client_program
    assert not transport.can_write_eof()
    with pytest.raises(NotImplementedError):
        transport.write_eof()
    with pytest.raises(TypeError, match="expecting a bytes-like instance, got str"):
        transport.write("text")
    finish(wire)
    transport.close()
    assert transport.get_extra_info("peername") is None  # closed twice, and still to be asked


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("seconds", [0, -1])
def test_a_timeout_is_positive(loop: Any, name: str, seconds: int) -> None:
    with pytest.raises(ValueError, match=f"{name} should be a positive number, got {seconds}"):
        Wire(loop, Program(), Program(), **{name: seconds})


def test_a_program_that_fails_ends_its_connection_only(loop: Any) -> None:
    class Failing(Program):
        def data_received(self, data: bytes) -> None:
            raise ZeroDivisionError

    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["message"]))
    wire = Wire(loop, Program(), Failing())
    wire.settle()
    wire.client_program.transport.write(b"x")
    wire.settle()
    assert reported == ["Fatal error on SSL protocol"]
    assert wire.server_program.calls[-1] == ("connection_lost", "ZeroDivisionError")
    assert wire.client_program.calls[-1] == ("connection_lost", "NoneType")

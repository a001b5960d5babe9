"""What a peer may answer: a verdict reads a connection and raises `Failed` if it must not.

- A **connection error** (RFC 9113, 5.4.1) is a GOAWAY with an allowed code, or
  the end of the connection: the GOAWAY that precedes it may be lost.  (GOAWAY
  with another code is not enough; in strict mode it fails at once.)
- A **stream error** (5.4.2) is a RST_STREAM with an allowed code; a peer may
  make a connection error of it.
- Everything else is a positive expectation: the stream is answered, a PING is
  acknowledged.  A GOAWAY with an error fails it, and so does the end.

Read next: cases.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hyperframe import frame as hyper

from . import frames
from .frames import Error, name_of
from .wire import Connection, Failed

__all__ = [
    "Verdict",
    "acknowledged",
    "alive",
    "alive_or_ended",
    "all_of",
    "answered",
    "closed",
    "connection_error",
    "data_of",
    "goes_away",
    "nothing_more",
    "refused",
    "sends",
    "stream_error",
]

Verdict: TypeAlias = Callable[[Connection], None]


def told(peer: Connection, code: int, allowed: tuple[Error, ...], what: str) -> bool:
    """Return whether a code is allowed; if not, fail, or at least ask for the connection's end."""
    if code in allowed:
        return True
    if peer.mode.strict:
        expected = " or ".join(each.name for each in allowed)
        raise Failed(f"{what} with {name_of(code)} instead of {expected}")
    return False


def connection_error(*codes: Error) -> Verdict:
    """Expect GOAWAY with one of *codes*, or the end of the connection."""

    def verdict(peer: Connection) -> None:
        for each in peer.frames():
            match each:
                case hyper.GoAwayFrame(error_code=code) if told(peer, code, codes, "GOAWAY"):
                    return

    return verdict


def stream_error(*codes: Error, stream: int = 1) -> Verdict:
    """Expect RST_STREAM with one of *codes*, or a connection error with one of them."""

    def verdict(peer: Connection) -> None:
        for each in peer.frames():
            match each:
                case hyper.GoAwayFrame(error_code=code) if told(peer, code, codes, "GOAWAY"):
                    return
                case hyper.RstStreamFrame(stream_id=at, error_code=code) if at == stream:
                    if told(peer, code, codes, "RST_STREAM"):
                        return

    return verdict


def refused(stream: int = 1) -> Verdict:
    """Expect that a malformed request is a stream error, or answered with 4xx (RFC 9113, 8.1.1)."""

    def verdict(peer: Connection) -> None:
        for each in peer.frames():
            match each:
                case hyper.GoAwayFrame(error_code=code) | hyper.RstStreamFrame(error_code=code):
                    if told(peer, code, (Error.PROTOCOL_ERROR,), type(each).__name__):
                        return
                case hyper.HeadersFrame() if peer.fields[stream]:
                    status = dict(peer.fields[stream][-1])[b":status"]
                    if not status.startswith(b"4"):
                        raise Failed(f"answered with {status!r}")
                    return

    return verdict


def goes_away(*codes: Error) -> Verdict:
    """Expect GOAWAY with one of *codes*, and not just the end of the connection."""

    def verdict(peer: Connection) -> None:
        for each in peer.frames():
            match each:
                case hyper.GoAwayFrame(error_code=code) if told(peer, code, codes, "GOAWAY"):
                    return
        raise Failed(f"closed without GOAWAY after {peer.history}")

    return verdict


def closed(peer: Connection) -> None:
    """Expect the end of the connection."""
    for _ in peer.frames():
        pass


def until(peer: Connection, wanted: Callable[[hyper.Frame], bool], what: str) -> None:
    """Read until a wanted frame; an error or the end of the connection fails."""
    for each in peer.frames():
        if wanted(each):
            return
        if isinstance(each, hyper.GoAwayFrame) and each.error_code:
            raise Failed(f"GOAWAY with {name_of(each.error_code)} instead of {what}")
    raise Failed(f"the connection was closed instead of {what}, after {peer.history}")


def answered(stream: int = 1, status: bytes = b"200", *, body: bool = True) -> Verdict:
    """Expect a response with a status, to its end, and a body unless told otherwise."""

    def verdict(peer: Connection) -> None:
        received = 0

        def ends(each: hyper.Frame) -> bool:
            nonlocal received
            if each.stream_id != stream:
                return False
            if isinstance(each, hyper.RstStreamFrame) and each.error_code:
                raise Failed(f"RST_STREAM with {name_of(each.error_code)} instead of an answer")
            if isinstance(each, hyper.DataFrame):
                received += len(each.data)
            return "END_STREAM" in each.flags

        until(peer, ends, "an answer")
        final = [block for block in peer.fields[stream] if not is_interim(block)]
        if not final or (b":status", status) not in final[0]:
            raise Failed(f"answered with {final}, not with {status!r}")
        if bool(received) is not body:
            raise Failed(f"a body of {received} bytes")

    return verdict


def is_interim(block: list[tuple[bytes, bytes]]) -> bool:
    """Return whether fields are those of a 1xx response."""
    return any(name == b":status" and value.startswith(b"1") for name, value in block)


def acknowledged(payload: bytes) -> Verdict:
    """Expect the acknowledgement of a PING that was sent, before that of any other."""

    def verdict(peer: Connection) -> None:
        def acks(each: hyper.Frame) -> bool:
            if not isinstance(each, hyper.PingFrame) or "ACK" not in each.flags:
                return False
            if each.opaque_data != payload:
                raise Failed(f"PING {each.opaque_data!r} acknowledged instead of {payload!r}")
            return True

        until(peer, acks, "the acknowledgement of a PING")

    return verdict


def alive(peer: Connection) -> None:
    """Expect that the connection still works: that a PING is acknowledged."""
    peer.send(frames.ping(b"conforms"))
    acknowledged(b"conforms")(peer)


def alive_or_ended(peer: Connection) -> None:
    """Expect that a PING is acknowledged, or that the connection ends without an error."""
    peer.send(frames.ping(b"conforms"))
    for each in peer.frames():
        match each:
            case hyper.GoAwayFrame():
                told(peer, each.error_code, (Error.NO_ERROR,), "GOAWAY")
            case hyper.PingFrame() if "ACK" in each.flags:
                return


def sends(kind: type[hyper.Frame], flag: str = "") -> Verdict:
    """Expect a kind of frame, with a flag if one is named."""

    def verdict(peer: Connection) -> None:
        def wanted(each: hyper.Frame) -> bool:
            return isinstance(each, kind) and (not flag or flag in each.flags)

        until(peer, wanted, f"{kind.__name__} {flag}")

    return verdict


def data_of(size: int, stream: int = 1) -> Verdict:
    """Expect DATA of exactly so many bytes, then none: the window is used up."""

    def verdict(peer: Connection) -> None:
        received = 0

        def filled(each: hyper.Frame) -> bool:
            nonlocal received
            if isinstance(each, hyper.DataFrame) and each.stream_id == stream:
                received += len(each.data)
                if received > size or "END_STREAM" in each.flags:
                    raise Failed(f"{received} bytes of DATA, the window was {size}")
            return received == size

        until(peer, filled, f"{size} bytes of DATA")
        nothing_more(stream)(peer)

    return verdict


def nothing_more(stream: int = 1) -> Verdict:
    """Expect no DATA with bytes in it before the next PING is acknowledged."""

    def verdict(peer: Connection) -> None:
        peer.send(frames.ping(b"no  more"))

        def acks(each: hyper.Frame) -> bool:
            if isinstance(each, hyper.DataFrame) and each.stream_id == stream and each.data:
                raise Failed(f"{len(each.data)} bytes of DATA beyond the window")
            return isinstance(each, hyper.PingFrame) and "ACK" in each.flags

        until(peer, acks, "the acknowledgement of a PING")

    return verdict


def all_of(*verdicts: Verdict) -> Verdict:
    """Expect several things, one after the other."""

    def verdict(peer: Connection) -> None:
        for each in verdicts:
            each(peer)

    return verdict

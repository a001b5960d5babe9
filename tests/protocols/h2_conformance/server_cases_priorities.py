"""Server cases, part six: what RFC 9218 demands of PRIORITY_UPDATE and its setting.

In which order responses come is no such demand, and tested with the server itself.

Read next: client_cases_streams.py
"""

from __future__ import annotations

from . import frames
from .cases import Act, Suite
from .frames import Error, Setting
from .verdicts import Verdict, alive, answered, connection_error
from .wire import Connection, Failed

__all__ = ["PRIORITIES"]

PRIORITIES = Suite("rfc9218")

case = PRIORITIES.case

PROTOCOL_ERROR = connection_error(Error.PROTOCOL_ERROR)

#: RFC 9218, sections 7.1 and 2.1.
PRIORITY_UPDATE = 0x10
NO_RFC7540_PRIORITIES = 0x9


def update(stream: int, value: bytes = b"u=1", *, on: int = 0) -> bytes:
    """Return a PRIORITY_UPDATE for a stream."""
    return frames.frame(PRIORITY_UPDATE, 0, on, stream.to_bytes(4, "big") + value)


def sending(says: str, *what: bytes) -> Act:
    """Return what sends frames, after a request on stream 1."""

    def act(peer: Connection) -> None:
        peer.post()
        peer.send(*what)

    act.__doc__ = says
    return act


def says_so(peer: Connection) -> None:
    """Expect the setting to be 1."""
    answered()(peer)
    if peer.peer.get(NO_RFC7540_PRIORITIES) != 1:
        raise Failed(f"its settings are {peer.peer}")


@case("2.1.1/1", "9218 2.1.1", says_so)
def setting_is_sent(peer: Connection) -> None:
    """A server that builds no tree of RFC 7540 says so in its SETTINGS."""
    peer.get()


def row(number: str, verdict: Verdict, says: str, *what: bytes) -> None:
    """Add a case to the table."""
    case(number, f"9218 {number.partition('/')[0]}", verdict)(sending(says, *what))


row(
    "2.1/1",
    PROTOCOL_ERROR,
    "SETTINGS_NO_RFC7540_PRIORITIES of 2.",
    frames.settings((NO_RFC7540_PRIORITIES, 2)),
)
row(
    "2.1/2",
    PROTOCOL_ERROR,
    "SETTINGS_NO_RFC7540_PRIORITIES that changes.",
    frames.settings((NO_RFC7540_PRIORITIES, 1)),
    frames.settings((NO_RFC7540_PRIORITIES, 0)),
)
row(
    "2.1/3",
    alive,
    "SETTINGS_NO_RFC7540_PRIORITIES that is repeated.",
    frames.settings((NO_RFC7540_PRIORITIES, 1)),
    frames.settings((NO_RFC7540_PRIORITIES, 1), (Setting.ENABLE_PUSH, 0)),
)
row("7.1/1", PROTOCOL_ERROR, "PRIORITY_UPDATE that is sent on a stream.", update(1, on=1))
row("7.1/2", PROTOCOL_ERROR, "PRIORITY_UPDATE of stream 0.", update(0))
row("7.1/3", PROTOCOL_ERROR, "PRIORITY_UPDATE of a push that was not promised.", update(2))
row(
    "7.1/4",
    connection_error(Error.FRAME_SIZE_ERROR),
    "PRIORITY_UPDATE of three bytes.",
    frames.frame(PRIORITY_UPDATE, 0, 0, b"u=1"),
)
row(
    "7.1/5",
    PROTOCOL_ERROR,
    "PRIORITY_UPDATE of more streams to come than there may be.",
    *(update(number) for number in range(3, 1003, 2)),
)
row("7.1/6", alive, "PRIORITY_UPDATE of a stream to come.", update(9))
row("7.1/7", alive, "PRIORITY_UPDATE whose value is none.", update(1, b"u=,;"))


@case("7.1/8", "9218 7.1", alive)
def update_of_closed(peer: Connection) -> None:
    """PRIORITY_UPDATE of a stream that has ended."""
    peer.get()
    answered()(peer)
    peer.send(update(1))

"""The client's h11 goes short ways, and comes to where h11 comes to by its own."""

from __future__ import annotations

import itertools
from types import FunctionType
from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.client.http1_parser import END, Http1Parser, Told

METHODS = st.sampled_from([b"GET", b"HEAD", b"POST", b"CONNECT"])
FRAMINGS = st.sampled_from(
    [
        (),
        ((b"connection", b"close"),),
        ((b"connection", b"keep-alive"),),
        ((b"upgrade", b"h2c"), (b"connection", b"upgrade")),
        ((b"expect", b"100-continue"),),
        ((b"content-length", b"0"),),
        ((b"content-length", b"5"),),
        ((b"transfer-encoding", b"chunked"),),
    ]
)
RESPONSES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n!",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nt: u\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n!",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n!",
        b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\nelse",
        b"HTTP/1.1 204 None\r\n\r\nHTTP/1.1 200 more than was asked for\r\n\r\n",
        b"SSH-2.0\r\n\r\n",
    ]
)


def request(method: bytes, framing: tuple[Any, ...] = ()) -> h11.Request:
    return h11.Request(method=method, target="/", headers=[("host", ""), *framing])


def inside(parser: h11.Connection) -> dict[str, Any]:
    """Return all that *parser* is made of, in a form that can be compared."""
    parts = vars(parser) | {"_cstate": vars(parser._cstate)}
    for name in ("_receive_buffer", "_reader", "_writer"):
        if parts[name] is not None and not isinstance(parts[name], FunctionType):
            parts[name] = type(parts[name]), vars(parts[name])
    return parts


def take(parser: h11.Connection) -> list[Any]:
    """Return what there is to be read, up to an error."""
    taken: list[Any] = []
    while not taken or taken[-1] not in (h11.NEED_DATA, h11.PAUSED):
        try:
            taken.append(parser.next_event())
        except h11.RemoteProtocolError as error:
            return [*taken, str(error), error.error_status_hint]
        if type(taken[-1]) is h11.ConnectionClosed:
            break
    return taken


@given(
    st.lists(st.tuples(METHODS, FRAMINGS, RESPONSES), min_size=1, max_size=4),
    st.lists(st.integers(1, 60), max_size=5),
    st.booleans(),
)
@example([(b"GET", (), b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n!")] * 3, [], False)
@example([(b"HEAD", (), b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")] * 2, [7], True)
def test_it_goes_where_h11_goes(
    cycles: list[tuple[bytes, Any, bytes]], cuts: list[int], ends: bool
) -> None:
    """Whatever is asked and answered, each step leaves both parsers alike, in every part."""
    ours, theirs = Http1Parser(16 * 1024), h11.Connection(h11.CLIENT)
    for method, framing, response in cycles:
        asked = request(method, framing)
        if theirs.states != {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}:
            return
        try:
            theirs.send(asked)
            theirs.send(END)
        except h11.LocalProtocolError as error:  # a body is missing
            with pytest.raises(h11.LocalProtocolError, match=str(error)):
                ours.send_whole(Told.of(asked))
            return
        ours.send_whole(Told.of(asked))
        assert inside(ours) == inside(theirs)
        places = [0, *sorted(cuts), len(response)]
        pieces = [response[a:b] for a, b in itertools.pairwise(places)]
        for piece in [each for each in pieces if each] + [b""] * ends:
            for parser in (ours, theirs):
                parser.receive_data(piece)
            assert take(ours) == take(theirs)
            assert inside(ours) == inside(theirs)
        if ends:
            return
        if theirs.our_state is theirs.their_state is h11.DONE:
            ours.start_next_cycle()
            theirs.start_next_cycle()
            assert inside(ours) == inside(theirs)


@given(METHODS, FRAMINGS)
def test_a_body_that_is_sent_later(method: bytes, framing: Any) -> None:
    ours, theirs = Http1Parser(16 * 1024), h11.Connection(h11.CLIENT)
    for parser in (ours, theirs):
        parser.send(request(method, framing))
    assert inside(ours) == inside(theirs)


def test_what_is_plain_is_known_beforehand() -> None:
    """Else nothing is gained: this fails if h11 comes to have a part that is not known here."""
    for method in (b"GET", b"HEAD", b"POST", b"DELETE"):
        assert Told.of(request(method)).sent is not None
    assert Told.of(request(b"GET", ((b"expect", b"100-continue"),))).sent is not None
    for framing in (
        ((b"connection", b"close"),),
        ((b"upgrade", b"h2c"),),
        ((b"content-length", b"5"),),
    ):
        assert Told.of(request(b"GET", framing)).sent is None
    assert Told.of(request(b"CONNECT")).sent is None


def test_a_request_out_of_turn_is_refused() -> None:
    parser = Http1Parser()
    parser.send_whole(Told.of(request(b"GET")))
    with pytest.raises(h11.LocalProtocolError):
        parser.send_whole(Told.of(request(b"GET")))

"""Heads of HTTP/1.1: requests are what h11 would send of the same fields, or nothing at all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.client.http1_heads import head_of
from protocols.client.http1_parser import Http1Parser
from protocols.client.messages import Field, Origin, Request

ORIGIN = Origin("http", "site", 8080)


async def pieces() -> AsyncIterator[bytes]:
    yield b"piece"


names = st.one_of(
    st.sampled_from([b"host", b"content-length", b"connection", b"expect", b"upgrade", b"x-a"]),
    st.binary(max_size=3),
)
values = st.one_of(
    st.sampled_from([b"0", b"5", b"05", b"-1", b"close", b"keep-alive", b"100-continue", b"h2c"]),
    st.binary(max_size=5),
)
fields = st.lists(st.tuples(names, values), max_size=4)
methods = st.sampled_from([b"GET", b"HEAD", b"POST", b"B AD", b""])
targets = st.one_of(st.sampled_from([b"/", b"/a?b=c", b"*"]), st.binary(max_size=4))
contents = st.sampled_from([b"", b"piece", pieces])


def by_h11(request: Request) -> bytes | None:
    """Return the head that h11 writes of what `head_of` is given, None if it refuses."""
    said = [each for each in request.fields if each[0] != b"transfer-encoding"]
    names = [name for name, _ in said]
    if b"host" not in names:
        said.insert(0, (b"host", b"site:8080"))
    if b"content-length" not in names:
        if not isinstance(request.content, bytes):
            said.append((b"transfer-encoding", b"chunked"))
        elif request.content or request.method == b"POST":
            said.append((b"content-length", b"%d" % len(request.content)))
    try:
        head = h11.Request(method=request.method, target=request.target, headers=said)
        return h11.Connection(h11.CLIENT).send(head)
    except h11.LocalProtocolError:
        return None


def lines(head: bytes) -> list[bytes]:
    """Return the lines, the fields in one order."""
    first, *others = head.split(b"\r\n")
    return [first, *sorted(others)]


@given(fields, methods, targets, contents)
@example([(b"content-length", b"5"), (b"content-length", b"5")], b"GET", b"/", b"piece")
@example([(b"x-a", b"a\nb: c")], b"GET", b"/", b"")
@example([(b"host", b"a"), (b"host", b"a")], b"GET", b"/", b"")
@example([], b"GET", b"/ HTTP/1.1\r\na:", b"")
def test_the_same_as_h11(said: list[Field], method: bytes, target: bytes, content: object) -> None:
    request = Request(method, ORIGIN, target, said, pieces() if content is pieces else content)  # type: ignore[arg-type]
    expected = by_h11(request)
    try:
        head = head_of(request).data
    except ValueError:
        assert expected is None
        return
    assert expected is not None
    assert lines(head) == lines(expected)
    assert head.split(b"\r\n")[1].startswith(b"host: ")


def test_a_server_reads_it() -> None:
    said = [(b"x-a", b"1"), (b"x-a", b"2")]
    head = head_of(Request(b"POST", ORIGIN, b"/a", said, b"body")).data
    server = h11.Connection(h11.SERVER)
    server.receive_data(head)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert event.target == b"/a"
    assert list(event.headers) == [
        (b"host", b"site:8080"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"content-length", b"4"),
    ]


def test_the_connection_ends_if_the_request_says_so() -> None:
    head = head_of(Request(b"GET", ORIGIN, b"/", [(b"connection", b"close")]))
    client = Http1Parser()
    client.send_whole(head.told)
    assert client.our_state is h11.MUST_CLOSE


def test_what_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="the request cannot be sent"):
        head_of(Request(b"GET", ORIGIN, b"/", [(b"x-a", b"a\r\nb: c")]))

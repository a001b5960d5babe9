"""A client's own streams of HTTP/2 say and see what h2's do, and find the same responses bad."""

from __future__ import annotations

import re
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from h2.utilities import HeaderValidationFlags, validate_headers
from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, RstStreamFrame, WindowUpdateFrame
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols.h2_rules import Http2Parser
from protocols.h2_streams import Http2Stream, StreamMalformed, flaw_of

HEAD = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")]
PLAIN = H2Configuration(
    header_encoding=None,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)
CAREFUL = H2Configuration(
    header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
)

# --- fields ------------------------------------------------------------------------------

letters = st.binary(max_size=3)
names = st.one_of(
    st.sampled_from([b":status", b":path", b"date", b"te", b"connection", b"x-a", b"X-A", b""]),
    letters,
)
values = st.one_of(st.sampled_from([b"200", b"trailers", b" a", b"a\n", b"\0", b""]), letters)
blocks = st.lists(st.tuples(names, values), max_size=4)


def flawed_for_h2(block: Any, *, trailers: bool) -> bool:
    """Tell what h2 makes of the fields of a response."""
    flags = HeaderValidationFlags(
        is_client=True, is_trailer=trailers, is_response_header=not trailers, is_push_promise=False
    )
    try:
        list(validate_headers(block, flags))
    except ProtocolError:
        return True
    return False


@given(blocks, st.booleans(), st.booleans())
@example([(b"te", b"TRAILERS")], True, False)
@example([(b":status", b"200")], False, True)
def test_the_same_fields_are_flawed(block: Any, begun: bool, trailers: bool) -> None:
    if begun:
        block = [(b":status", b"200"), *block]
    flawed = flawed_for_h2(block, trailers=trailers)
    if not trailers and not re.fullmatch(rb"[1-9]\d\d", block[0][1] if block else b""):
        flawed = True  # which h2 leaves to its user
    assert (flaw_of(block, trailers=trailers) is not None) == flawed


# --- what is sent, and what is seen of what is received ------------------------------------


def pair(config: H2Configuration, kind: Any, frame_size: int) -> tuple[Any, H2Connection]:
    """Return a client, and a server that takes frames of so many bytes, which have met."""
    client = kind(config)
    server = H2Connection(H2Configuration(client_side=False, header_encoding=None))
    client.initiate_connection()
    server.initiate_connection()
    server.update_settings({SettingCodes.MAX_FRAME_SIZE: frame_size})
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    server.receive_data(client.data_to_send())
    return client, server


class Both:
    """A client with streams of its own, and one of h2's, of which the same is asked."""

    def __init__(self) -> None:
        self.ends = [pair(PLAIN, Http2Parser, 16384), pair(CAREFUL, H2Connection, 16384)]

    def say(self, name: str, *args: Any, **options: Any) -> None:
        """Have both clients say something, which has to be the same."""
        said = []
        for client, server in self.ends:
            getattr(client, name)(*args, **options)
            said.append(client.data_to_send())
            server.receive_data(said[-1])
        assert said[0] == said[1]

    def hear(self, name: str, *args: Any, **options: Any) -> list[Any]:
        """Have both servers say something; return what came of it, which has to be the same."""
        seen = []
        for client, server in self.ends:
            getattr(server, name)(*args, **options)
            events = client.receive_data(server.data_to_send())
            left = [stream for stream in client.streams.values() if not stream.closed]
            machines = [vars(stream.state_machine) for stream in left]
            seen.append(([*map(repr, events)], machines, client.data_to_send()))
        assert seen[0] == seen[1]
        return seen[0][0]


long_ = st.sampled_from([0, 1, 5, 60])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.booleans(), long_),
        st.tuples(st.just("send"), st.booleans(), st.integers(0, 3)),
        st.tuples(st.sampled_from(["trail", "hint", "answer"]), st.booleans(), st.integers(0, 3)),
        st.tuples(st.just("data"), st.booleans(), st.integers(0, 3)),
        st.tuples(st.sampled_from(["reset", "refuse"]), st.booleans(), st.integers(0, 3)),
    ),
    max_size=20,
)


@settings(max_examples=20)
@given(steps)
@example([("ask", False, 20_000), ("trail", True, 0), ("hint", False, 0), ("answer", True, 0)])
@example([("ask", True, 0), ("answer", False, 0), ("data", True, 0)])
def test_the_same_is_said_and_seen(steps: list[Any]) -> None:
    both = Both()
    client, server = both.ends[1]
    asked: list[int] = []
    for what, ends, number in steps:
        if what == "ask":
            asked.append(client.get_next_available_stream_id())
            head = [*HEAD, (b"x-a", b"%d" % number * (number // 2))]
            both.say("send_headers", asked[-1], head, end_stream=ends)
            continue
        if number >= len(asked):
            continue
        stream = asked[number]
        mine, yours = (each.streams.get(stream) for each in (client, server))
        if mine is None or yours is None or mine.closed or yours.closed:
            continue
        ours, theirs = mine.state_machine, yours.state_machine
        if what in ("send", "trail", "reset"):
            if what == "reset":
                both.say("reset_stream", stream)
            elif ours.state.name == "HALF_CLOSED_LOCAL" or ours.trailers_sent:
                continue
            elif what == "send":
                both.say("send_data", stream, b"body", end_stream=ends)
            else:
                both.say("send_headers", stream, [(b"t", b"u")], end_stream=True)
        elif theirs.state.name == "HALF_CLOSED_REMOTE" or theirs.state.name == "OPEN":
            if what == "refuse":
                both.hear("reset_stream", stream, 7)
            elif what == "hint" and not theirs.headers_sent:
                both.hear("send_headers", stream, [(b":status", b"103"), (b"link", b"a")])
            elif what == "answer" and not theirs.headers_sent:
                both.hear("send_headers", stream, [(b":status", b"200")], end_stream=ends)
            elif what == "answer" and not theirs.trailers_sent:
                both.hear("send_headers", stream, [(b"t", b"u")], end_stream=True)
            elif what == "data" and theirs.headers_sent and not theirs.trailers_sent:
                both.hear("send_data", stream, b"body", end_stream=ends)


def test_the_streams_are_of_the_kind() -> None:
    for config, own in ((PLAIN, True), (CAREFUL, False)):
        client, _ = pair(config, Http2Parser, 16384)
        client.send_headers(1, HEAD, end_stream=True)
        assert isinstance(client.streams[1], Http2Stream) is own


@settings(max_examples=6)
@given(st.sampled_from([0, 1000, 9000, 30_000]), st.booleans())
@example(16384, True)
def test_a_long_head_goes_on_in_continuations(size: int, ends: bool) -> None:
    client, _ = pair(PLAIN, Http2Parser, 16384)
    client.send_headers(1, [*HEAD, (b"x-a", bytes([0]) * size)], end_stream=ends)
    data = memoryview(client.data_to_send())
    found: list[Frame] = []
    while data:
        frame, length = Frame.parse_frame_header(data[:9])
        frame.parse_body(data[9 : 9 + length])
        assert length <= 16384
        found.append(frame)
        data = data[9 + length :]
    assert [each.type for each in found] == [1] + [9] * (len(found) - 1)
    assert ("END_STREAM" in found[0].flags) is ends
    assert ["END_HEADERS" in each.flags for each in found] == [False] * (len(found) - 1) + [True]


# --- malformed responses -------------------------------------------------------------------

OK = (b":status", b"200")


def headers(client: Any, block: Any, *, end: bool = False) -> bytes:
    """Return a frame on stream 1, in words that are not kept."""
    data = Encoder().encode([(*field, True) for field in block])
    flags = ["END_HEADERS", *(["END_STREAM"] if end else [])]
    return HeadersFrame(1, data, flags=flags).serialize()


def body(data: bytes, *, end: bool = False) -> bytes:
    return DataFrame(1, data, flags=["END_STREAM"] if end else []).serialize()


MALFORMED = {
    "uppercase": [([OK, (b"X-A", b"b")], False)],
    "no status": [([(b"x-a", b"b")], False)],
    "nothing": [([], False)],
    "no number": [([(b":status", b"2xx")], False)],
    "status twice": [([OK, OK], False)],
    "of a connection": [([OK, (b"connection", b"close")], False)],
    "line feed": [([OK, (b"x-a", b"b\nc")], False)],
    "length is none": [([OK, (b"content-length", b"-1")], False)],
    "two lengths": [([OK, (b"content-length", b"1"), (b"content-length", b"2")], False)],
    "too short": [([OK, (b"content-length", b"5")], False), (b"abc", True)],
    "too long": [([OK, (b"content-length", b"2")], False), (b"abc", False)],
    "announced, not sent": [([OK, (b"content-length", b"5")], True)],
    "too short before trailers": [
        ([OK, (b"content-length", b"5")], False),
        (b"abc", False),
        ([(b"t", b"u")], True),
    ],
    "no content": [([(b":status", b"204")], False), (b"abc", True)],
    "body first": [(b"abc", True)],
    "trailers do not end": [([OK], False), ([(b"t", b"u")], False)],
    "status in trailers": [([OK], False), ([OK], True)],
    "hint ends": [([(b":status", b"103")], True)],
    "101": [([(b":status", b"101")], False)],
}


@pytest.mark.parametrize("frames", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_response_costs_its_stream_only(frames: Any) -> None:
    client, server = pair(PLAIN, Http2Parser, 16384)
    for stream in (1, 3):
        client.send_headers(stream, HEAD, end_stream=True)
    server.receive_data(client.data_to_send())
    events = []
    for said, end in frames:
        events = client.receive_data(
            (body if isinstance(said, bytes) else headers)(
                *((said,) if isinstance(said, bytes) else (client, said)), end=end
            )
        )
    assert [type(event) for event in events] == [StreamMalformed]
    assert events[0].stream_id == 1
    found = server.receive_data(client.data_to_send())
    assert [(each.stream_id, each.error_code) for each in found] == [  # type: ignore[attr-defined]
        (1, ErrorCodes.PROTOCOL_ERROR)
    ]
    server.send_headers(3, [OK], end_stream=True)
    assert len(client.receive_data(server.data_to_send())) == 2


GOOD = {
    "head, with the length of a body": (b"HEAD", [([OK, (b"content-length", b"5")], True)]),
    "not modified, as it was": (
        b"GET",
        [([(b":status", b"304"), (b"content-length", b"5")], False), (b"", True)],
    ),
    "a tunnel has no length": (
        b"CONNECT",
        [([OK, (b"content-length", b"0")], False), (b"abc", False)],
    ),
    "hints, body, trailers": (
        b"GET",
        [
            ([(b":status", b"103")], False),
            ([OK, (b"content-length", b"3")], False),
            (b"abc", False),
            ([(b"t", b"u")], True),
        ],
    ),
}


@pytest.mark.parametrize(("method", "frames"), GOOD.values(), ids=GOOD.keys())
def test_a_response_that_is_well_formed(method: bytes, frames: Any) -> None:
    client, _ = pair(PLAIN, Http2Parser, 16384)
    client.send_headers(1, [(b":method", method), *HEAD[1:]], end_stream=method != b"CONNECT")
    client.data_to_send()
    for said, end in frames:
        data = body(said, end=end) if isinstance(said, bytes) else headers(client, said, end=end)
        events = client.receive_data(data)
        assert not [event for event in events if isinstance(event, StreamMalformed)]
    assert client.data_to_send() == b""


def test_credit_of_the_connection_comes_back_for_what_was_malformed() -> None:
    client, server = pair(PLAIN, Http2Parser, 16384)
    before = client.inbound_flow_control_window
    for number in range(200):
        stream = 2 * number + 1
        client.send_headers(stream, HEAD, end_stream=True)
        server.receive_data(client.data_to_send())
        server.send_headers(stream, [OK, (b"content-length", b"3")])
        client.receive_data(server.data_to_send())
        frame = DataFrame(stream, bytes(16000), flags=["END_STREAM"])
        assert isinstance(client.receive_data(frame.serialize())[0], StreamMalformed)
    assert client.inbound_flow_control_window > before // 4


# --- whatever comes --------------------------------------------------------------------------

flags_ = st.sets(st.sampled_from(["END_STREAM", "END_HEADERS"]))
stream_ids = st.sampled_from([1, 3, 5, 7])
said = st.lists(
    st.sampled_from(
        [OK, (b":status", b"103"), (b"content-length", b"3"), (b"A", b""), (b"b", b"c")]
    ),
    max_size=3,
)
frames_ = st.one_of(
    st.builds(
        lambda stream, block, flags: HeadersFrame(
            stream, Encoder().encode([(*field, True) for field in block]), flags=flags
        ),
        stream_ids,
        said,
        flags_.map(lambda flags: flags | {"END_HEADERS"}),
    ),
    st.builds(
        lambda stream, data, flags: DataFrame(stream, data, flags=flags - {"END_HEADERS"}),
        stream_ids,
        st.sampled_from([b"", b"abc", b"abcdef"]),
        flags_,
    ),
    st.builds(RstStreamFrame, stream_ids, st.integers(0, 13)),
    st.builds(WindowUpdateFrame, stream_ids, st.integers(1, 2**31 - 1)),
)


@given(st.lists(frames_, max_size=12))
@example([HeadersFrame(1, b"", flags=["END_HEADERS"]), DataFrame(1, b"abc")])
def test_whatever_comes_is_an_event_or_an_error_of_the_protocol(frames: list[Frame]) -> None:
    """A stream that was malformed says nothing more, and every one of them says it once."""
    client, _ = pair(PLAIN, Http2Parser, 16384)
    for stream in (1, 3, 5):
        client.send_headers(stream, HEAD, end_stream=stream != 3)
    over: set[int] = set()
    for frame in frames:
        try:
            events = client.receive_data(frame.serialize())
        except ProtocolError:
            return
        for event in events:
            assert getattr(event, "stream_id", None) not in over
            if isinstance(event, StreamMalformed):
                assert client.streams[event.stream_id].closed
                over.add(event.stream_id)

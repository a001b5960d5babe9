"""Heads of HTTP/1.1 responses: h11 reads in them what was meant, whatever an application says."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.http.events import Headers, Response
from protocols.http.fields import clean, promised
from protocols.http.framing import special_fields
from protocols.http.http1_heads import fields, keeps_alive, response_head, status_line, upgrade_of

BODY = b"four bytes, and more"
DATE = b"Fri, 20 Nov 2026 18:00:00 GMT"

names = st.sampled_from([b"content-type", b"x-a", b"vary", b"set-cookie", b"priority"])
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=8).map(str.encode)
special = st.sampled_from(
    [
        (b"content-length", b"%d" % len(BODY)),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"connection", b"keep-alive"),
        (b"connection", b"Close, x-a"),
        (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
    ]
)
headers = st.lists(st.one_of(st.tuples(names, values), special), max_size=6)


def read(said: bytes, method: bytes, ended: bool) -> tuple[h11.Response, bytes, h11.Connection]:
    """Return what h11 reads as a client that asked with *method*."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target=b"/", headers=[(b"host", b"site")]))
    client.send(h11.EndOfMessage())
    client.receive_data(said)
    if ended:
        client.receive_data(b"")
    head = client.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    return head, body, client


@given(headers, st.booleans(), st.booleans(), st.booleans(), st.booleans())
@example([(b"transfer-encoding", b"chunked")], False, True, False, False)
@example([(b"content-length", b"20"), (b"transfer-encoding", b"chunked")], True, False, False, True)
@example([(b"connection", b"keep-alive"), (b"connection", b"x-a")], True, False, False, True)
def test_a_client_reads_what_was_meant(
    said: Headers, whole: bool, old: bool, bodyless: bool, last: bool
) -> None:
    meant = clean(said)
    promised(meant)
    length = len(BODY) if whole else None
    head, chunked, ends = response_head(Response(200, meant), DATE, length, old, bodyless, last)
    body = b"" if bodyless else BODY
    data = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    found, got, client = read(head + data, b"HEAD" if bodyless else b"GET", ends)
    assert got == body
    assert not (old and chunked)
    ours = (b"connection", b"content-length", b"transfer-encoding", b"date")
    kept = [field for field in found.headers if field[0] not in ours]
    assert kept == [field for field in meant if field[0] not in ours]
    dates = [value for name, value in found.headers if name == b"date"]
    assert len(dates) == 1
    assert dates[0] == DATE or (b"date", dates[0]) in meant
    assert client.their_state is (h11.MUST_CLOSE if ends else h11.DONE) or ends
    closing = [value for name, value in found.headers if name == b"connection"]
    assert ends == any(b"close" in value for value in closing)
    assert ends or not last


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ([(b"content-length", b"-1")], "length"),
        ([(b"content-length", b"1_0")], "length"),
        ([(b"content-length", b"")], "length"),
        ([(b"content-length", b"1"), (b"content-length", b"2")], "length"),
        ([(b"transfer-encoding", b"gzip, chunked")], "transfer coding"),
        ([(b"x-a", b"a\x0bb")], "x-a"),
        ([(b"x-a", b"a\r\nb: c")], "x-a"),
        ([(b"x a", b"")], "not the name"),
        ([(b"", b"")], "not the name"),
        ([(b"x-a\n", b"")], "not the name"),
    ],
)
def test_what_cannot_be_sent(bad: Headers, why: str) -> None:
    for _ in range(2):  # names are remembered
        with pytest.raises(ValueError, match=why):
            promised(clean(bad))


def test_names_are_in_lower_case_however_often_they_are_seen() -> None:
    for _ in range(2):
        assert clean([(b"X-Mixed", b" a\t")]) == [(b"x-mixed", b"a")]


def test_lines_and_fields() -> None:
    assert status_line(404) == b"HTTP/1.1 404 Not Found\r\n"
    assert status_line(799) == b"HTTP/1.1 799 \r\n"
    assert fields([(b"link", b"</a>"), (b"link", b"</b>")]) == b"link: </a>\r\nlink: </b>\r\n\r\n"
    assert fields([]) == b"\r\n"


def test_who_waits_for_more() -> None:
    assert keeps_alive(b"1.1", [])
    assert keeps_alive(b"1.1", [b"keep-alive"])
    assert not keeps_alive(b"1.1", [b"upgrade, Close"])
    assert not keeps_alive(b"1.1", [b"upgrade", b"close"])
    assert not keeps_alive(b"1.0", [b"keep-alive"])


@pytest.mark.parametrize(
    ("method", "version", "said", "protocol"),
    [
        (
            b"GET",
            b"1.1",
            [(b"upgrade", b"WebSocket"), (b"connection", b"a, Upgrade")],
            b"websocket",
        ),
        (b"GET", b"1.1", [(b"upgrade", b"websocket")], None),
        (b"GET", b"1.1", [(b"connection", b"upgrade")], None),
        (b"GET", b"1.0", [(b"upgrade", b"websocket"), (b"connection", b"upgrade")], None),
        (b"POST", b"1.1", [(b"upgrade", b"websocket"), (b"connection", b"upgrade")], None),
        (b"GET", b"1.1", [(b"upgrade", b"h2c, websocket"), (b"connection", b"upgrade")], None),
    ],
)
def test_upgrades(method: bytes, version: bytes, said: Headers, protocol: bytes | None) -> None:
    assert upgrade_of(method, version, special_fields(said)) == protocol

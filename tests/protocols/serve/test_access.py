"""Lines of the access log."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.http.serve.access import FIELDS, FORMATS, Record, escape, formatter

RECORD = Record(
    datetime(2026, 3, 4, 5, 6, 7, 890_000, timezone(timedelta(hours=-2))),
    0.1234567,
    "192.0.2.1",
    b"GET",
    b"/a?b=c",
    "2",
    "https",
    200,
    1234,
    [(b"user-agent", b"curl/8"), (b"x-id", b"1"), (b"x-id", b"2")],
    [(b"Content-Type", b"text/plain")],
)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            "common",
            '192.0.2.1 - - [04/Mar/2026:05:06:07 -0200] "GET /a?b=c HTTP/2" 200 1234',
        ),
        (
            "combined",
            '192.0.2.1 - - [04/Mar/2026:05:06:07 -0200] "GET /a?b=c HTTP/2" 200 1234 "-" "curl/8"',
        ),
        ("short", "192.0.2.1 GET /a 200 1234B 0.123s"),
        ("{time} {scheme} {end} {{x}}", "2026-03-04T05:06:07.890-02:00 https complete {x}"),
        ("{in:X-Id}/{out:content-type}/{in:none}", "1, 2/text/plain/-"),
        ("{status:>5}|{bytes:,}", "  200|1,234"),
    ],
)
def test_formats(form: str, expected: str) -> None:
    assert formatter(form)(RECORD) == expected


def test_what_is_not_known_is_a_dash() -> None:
    record = replace(RECORD, client=None, status=None, complete=False)
    assert formatter("{client} {status:03d} {end}")(record) == "- - broken"


def test_json_is_json() -> None:
    line = formatter("json")(RECORD)
    assert json.loads(line) == {
        "time": "2026-03-04T05:06:07.890-02:00",
        "client": "192.0.2.1",
        "method": "GET",
        "target": "/a?b=c",
        "version": "2",
        "scheme": "https",
        "status": 200,
        "bytes": 1234,
        "seconds": 0.123457,
        "user_agent": "curl/8",
        "complete": True,
    }


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("{nothing}", "there is no field {nothing}"),
        ("{in}", "there is no field {in}"),
        ("{status", "cannot be read"),
        ("{seconds:d}", "cannot be written"),
        ("{status!r}", "takes no !r"),
    ],
)
def test_a_format_without_sense_is_refused_before_it_is_used(form: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        formatter(form)


@given(st.binary(), st.sampled_from([name for name in FORMATS if name != "json"]))
def test_nothing_from_outside_leaves_its_line_or_its_quotes(data: bytes, form: str) -> None:
    record = replace(RECORD, target=data, method=data, request_headers=[(b"referer", data)])
    line = formatter(form)(record)
    plain = formatter(form)(replace(RECORD, target=b"", method=b"", request_headers=[]))
    assert line.isascii()
    assert line.isprintable()
    assert line.count('"') == plain.count('"')
    json.loads(formatter("json")(record))


@given(st.binary())
def test_what_is_escaped_can_be_read_back(data: bytes) -> None:
    assert escape(data).encode().decode("unicode_escape").encode("latin-1") == data


def test_each_field_can_be_written() -> None:
    for name in FIELDS:
        assert formatter(f"<{{{name}}}>")(RECORD) != "<>"

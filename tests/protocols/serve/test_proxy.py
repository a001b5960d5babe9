"""Whose word counts about where a request came from."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.http.serve.proxy import (
    Seen,
    Trusted,
    parse_forwarded,
    parse_node,
    seen_through,
)

PROXIES = Trusted(["10.0.0.0/8", "::1"])


def headers(**values: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), text.encode()) for name, text in values.items()]


# --- grammar -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('for="_gazonk"', [{"for": "_gazonk"}]),
        ('For="[2001:db8:cafe::17]:4711"', [{"for": "[2001:db8:cafe::17]:4711"}]),
        (
            "for=192.0.2.60;proto=http;by=203.0.113.43",
            [{"for": "192.0.2.60", "proto": "http", "by": "203.0.113.43"}],
        ),
        ("for=192.0.2.43, for=198.51.100.17", [{"for": "192.0.2.43"}, {"for": "198.51.100.17"}]),
        (r'host="a\"b"', [{"host": 'a"b'}]),
        ("for=a;;proto=http;", [{"for": "a", "proto": "http"}]),
        (", for=a,,", [{"for": "a"}]),
    ],
)
def test_forwarded_as_rfc_7239_writes_it(text: str, expected: list[dict[str, str]]) -> None:
    assert parse_forwarded(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "for",
        "for=",
        "for = a",
        "for=a b",
        'for="a',
        "for=a:80",
        "for=[::1]",
        "for=a;for=b",
        'for="a"b',
        "for=a/b",
        'for="a\nb"',
    ],
    ids=repr,
)
def test_what_breaks_the_grammar_is_worth_nothing(text: str) -> None:
    assert parse_forwarded(text) is None


names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=5)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)


@given(st.lists(st.dictionaries(names, values, min_size=1), min_size=1))
def test_whatever_is_quoted_comes_back(elements: list[dict[str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    written = [";".join(f"{name}={quoted(text)}" for name, text in e.items()) for e in elements]
    assert parse_forwarded(", ".join(written)) == elements


@given(st.text(st.sampled_from('for=";,\\[]:1 \tx'), max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    parse_forwarded(text)
    parse_node(text)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_nodes_are_addresses_with_and_without_ports(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    bracketed = f"[{address}]" if address.version == 6 else str(address)
    plain = str(mapped or address)
    assert parse_node(str(address)) == (plain, 0)
    assert parse_node(bracketed) == (plain, 0)
    assert parse_node(f"{bracketed}:{port}") == (plain, port)
    assert parse_node(f"{bracketed}:_obfuscated") == (plain, 0)


@pytest.mark.parametrize("text", ["unknown", "_hidden", "", "1.2.3", "1.2.3.4:99999", "host:1"])
def test_other_nodes_are_no_address(text: str) -> None:
    assert parse_node(text) is None


# --- trust ---------------------------------------------------------------------------------------


def test_who_is_trusted() -> None:
    assert "10.1.2.3" in PROXIES
    assert "::ffff:10.1.2.3" in PROXIES
    assert "11.0.0.1" not in PROXIES
    assert "nonsense" not in PROXIES
    assert None not in PROXIES
    assert None in Trusted(["unix"])
    assert "8.8.8.8" in Trusted(["*"])
    with pytest.raises(ValueError, match="no address, no network"):
        Trusted(["localhost"])


forwarding = st.fixed_dictionaries(
    {},
    optional={
        "forwarded": st.text(max_size=30),
        "x_forwarded_for": st.text(max_size=30),
        "x_forwarded_proto": st.sampled_from(["http", "https", "x"]),
        "x_forwarded_host": st.text(max_size=10),
    },
)


@given(forwarding)
def test_a_peer_that_is_not_trusted_says_nothing(said: dict[str, str]) -> None:
    assert seen_through("192.0.2.1", headers(**said), PROXIES) == Seen()


addresses = st.sampled_from(["10.0.0.1", "10.9.9.9", "192.0.2.1", "192.0.2.2", "2001:db8::1"])


@given(st.lists(addresses, min_size=1, max_size=6), st.text(max_size=10))
def test_the_client_is_the_last_who_is_not_trusted(chain: list[str], forged: str) -> None:
    """Whatever a client writes in front of what proxies write changes nothing."""
    outside = [address for address in chain if address not in PROXIES]
    expected = outside[-1] if outside else chain[0]
    seen = seen_through("10.0.0.1", headers(x_forwarded_for=", ".join(chain)), PROXIES)
    assert seen.client == (expected, 0)
    written = ", ".join(f'for="{a}"' if ":" not in a else f'for="[{a}]"' for a in chain)
    assert seen_through("10.0.0.1", headers(forwarded=written), PROXIES) == seen
    if outside:
        more = headers(x_forwarded_for=", ".join([forged, *chain]))
        assert seen_through("10.0.0.1", more, PROXIES) == seen


def test_forwarded_goes_before_x_forwarded() -> None:
    both = headers(forwarded="for=192.0.2.1;proto=https", x_forwarded_for="192.0.2.9")
    assert seen_through("::1", both, PROXIES) == Seen(("192.0.2.1", 0), "https")
    broken = headers(forwarded="for=;", x_forwarded_for="192.0.2.9")
    assert seen_through("::1", broken, PROXIES) == Seen()


def test_several_headers_are_one_list() -> None:
    twice = headers(x_forwarded_for="192.0.2.1") + headers(x_forwarded_for="192.0.2.2")
    assert seen_through("::1", twice, PROXIES).client == ("192.0.2.2", 0)


def test_what_is_no_address_ends_the_chain() -> None:
    hidden = headers(x_forwarded_for="192.0.2.1, unknown, 10.0.0.2")
    assert seen_through("::1", hidden, PROXIES).client == ("10.0.0.2", 0)
    assert seen_through("::1", headers(forwarded="for=unknown"), PROXIES).client is None


def test_scheme_and_host_stand_beside_the_client() -> None:
    said = headers(
        x_forwarded_for="192.0.2.6, 192.0.2.7, 10.0.0.2",
        x_forwarded_proto="http, https, http",
        x_forwarded_host="forged.example, shop.example:8443, inner",
    )
    expected = Seen(("192.0.2.7", 0), "https", "shop.example:8443")
    assert seen_through("::1", said, PROXIES) == expected
    one = headers(x_forwarded_for="192.0.2.7", x_forwarded_proto="http, wss")
    assert seen_through("::1", one, PROXIES).scheme == "https"


@pytest.mark.parametrize("host", ["a/b", "a?b", "a b", "a@b", "a#b", "", "a:b", "[::1"])
def test_a_host_that_could_be_read_as_more_than_a_host_is_not_believed(host: str) -> None:
    assert seen_through("::1", headers(x_forwarded_host=host), PROXIES).host is None

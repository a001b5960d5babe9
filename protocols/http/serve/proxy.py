"""Who the client is when a proxy stands between: Forwarded (RFC 7239) and X-Forwarded-*.

Everybody can send these headers, so they count only as far as the chain of *trusted* peers
reaches: the connection's other end has to be one, and then each entry is believed from the
last to the first until one names an address that is not.  That address is the client; what
stands before it was written by whoever it is.

Rules where proxies differ
    Forwarded goes before X-Forwarded-*: where both are there, the others are not looked at.
    Several headers of one name are one list (RFC 9110, 5.3), in order.
    A Forwarded that breaks RFC 7239's grammar is worth nothing, as a whole.
    ``unknown`` and obfuscated names (``_x``) end the chain: the client is not known, and
    stays the last proxy that is.
    X-Forwarded-Proto and -Host have one value, or as many as X-Forwarded-For; then the one
    beside the client's counts, and else the last.

Read next: access.py
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Seen", "Trusted", "parse_forwarded", "parse_node", "seen_through"]

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
_PAIR = re.compile(rf"[ \t]*({_TOKEN})=({_TOKEN}|{_QUOTED})")
_END = re.compile(r"[ \t]*(?:([,;])|\Z)")
_NODE = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d{1,5}|_[A-Za-z0-9._-]+))?")
#: What a host may look like: no character that could end a URL's authority.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:\d{1,5})?")


@dataclass(frozen=True)
class Seen:
    """What is believed of a request; None where the headers say nothing to be believed.

    Args:
        client: address and port (0 where the proxy does not say).
        scheme: ``http`` or ``https``.
        host: what the client put into Host.
    """

    client: tuple[str, int] | None = None
    scheme: str | None = None
    host: str | None = None


class Trusted:
    """The peers whose word counts: addresses, networks (``10.0.0.0/8``), ``unix``, or ``*``.

    Raises ValueError for a word that is none of these.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._all = self._unix = False
        self._networks: list[Network] = []
        for word in words:
            if word == "*":
                self._all = True
            elif word == "unix":
                self._unix = True
            else:
                try:
                    self._networks.append(ipaddress.ip_network(word))
                except ValueError:
                    why = "is no address, no network, and neither unix nor *"
                    raise ValueError(f"{word!r} {why}") from None

    def __contains__(self, address: str | None) -> bool:
        """Tell whether *address* is trusted; None is the other end of a Unix socket."""
        if self._all or address is None:
            return self._all or self._unix
        parsed = _address(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, an IPv4 one where it is mapped into IPv6; None for anything else."""
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def parse_forwarded(value: str) -> list[dict[str, str]] | None:
    """Return the elements of a Forwarded header, or None when it breaks RFC 7239's grammar.

    The names of parameters are in lower case, values without quotes.  A parameter that is
    there twice in one element breaks the grammar, too.
    """
    elements: list[dict[str, str]] = []
    element: dict[str, str] = {}
    place = 0
    while True:
        pair = _PAIR.match(value, place)  # none is one left out, which the grammar allows
        if pair is not None:
            if pair[1].lower() in element:
                return None
            element[pair[1].lower()] = _unquoted(pair[2])
            place = pair.end()
        end = _END.match(value, place)
        if end is None:
            return None
        if end[1] != ";" and element:
            elements.append(element)
            element = {}
        if not end[1]:
            return elements or None
        place = end.end()


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def parse_node(text: str) -> tuple[str, int] | None:
    """Return the address and port (0 without one) of a node, or None where it is no address.

    Takes what both kinds of header have: ``192.0.2.1:80``, ``[2001:db8::1]:80`` and, as many
    proxies write it, an IPv6 address without brackets.
    """
    bare = _address(text)
    if bare is not None:
        return (str(bare), 0)
    node = _NODE.fullmatch(text)
    if node is None:
        return None
    address = _address(node[1].removeprefix("[").removesuffix("]"))
    number = int(node[2]) if node[2] and node[2].isdigit() else 0
    if address is None or number > 65535:
        return None
    return (str(address), number)


def seen_through(peer: str | None, headers: Headers, trusted: Trusted) -> Seen:
    """Return what *headers* say of the client, as far as *trusted* peers say it.

    *peer* is the address of the connection's other end, None over a Unix socket.
    """
    if peer not in trusted:
        return Seen()
    forwarded = _list(headers, b"forwarded")
    if forwarded is not None:
        elements = parse_forwarded(forwarded)
        if elements is None:
            return Seen()
        chain = [element.get("for") for element in elements]
        place, client = _first_untrusted(chain, trusted)
        believed = elements[place]
        return Seen(client, _scheme(believed.get("proto")), _host(believed.get("host")))
    return _seen_by_x(headers, trusted)


def _seen_by_x(headers: Headers, trusted: Trusted) -> Seen:
    addresses = _words(_list(headers, b"x-forwarded-for"))
    place, client = _first_untrusted(addresses, trusted) if addresses else (-1, None)

    def beside(name: bytes) -> str | None:
        values = _words(_list(headers, name))
        if not values:
            return None
        return values[place] if len(values) == len(addresses) else values[-1]

    scheme, host = beside(b"x-forwarded-proto"), beside(b"x-forwarded-host")
    return Seen(client, _scheme(scheme), _host(host))


def _first_untrusted(
    chain: Sequence[str | None], trusted: Trusted
) -> tuple[int, tuple[str, int] | None]:
    """Return where in *chain* the client is, and its address; the first if all are trusted."""
    client = None
    for place in range(len(chain) - 1, -1, -1):
        text = chain[place]
        node = None if text is None else parse_node(text)
        if node is None:
            return min(place + 1, len(chain) - 1), client
        client = node
        if node[0] not in trusted:
            return place, client
    return 0, client


def _list(headers: Headers, name: bytes) -> str | None:
    """Return all values of *name* as one list, or None when there is none."""
    values = [value for key, value in headers if key.lower() == name]
    if not values:
        return None
    return b", ".join(values).decode("latin-1")


def _words(text: str | None) -> list[str]:
    return [word.strip(" \t") for word in text.split(",")] if text else []


def _scheme(text: str | None) -> str | None:
    lower = (text or "").lower()
    return {"http": "http", "https": "https", "ws": "http", "wss": "https"}.get(lower)


def _host(text: str | None) -> str | None:
    return text if text is not None and _HOST.fullmatch(text) else None

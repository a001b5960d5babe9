"""Heads of HTTP/2 requests: what h2 is set up to give, and what is refused of it.

Read next: http2.py
"""

from __future__ import annotations

from typing import Any

from h2.config import H2Configuration
from h2.settings import SettingCodes, Settings

from ..h2_rules import Http2Parser
from .events import Headers, Request
from .framing import Refused, check_fields, special_fields
from .priorities import NO_RFC7540_PRIORITIES

__all__ = ["CONNECTION_HEADERS", "new_parser", "read_request"]

# RFC 9113, section 8.2.2.
CONNECTION_HEADERS = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)


def new_parser(streams: int, header_block: int) -> Http2Parser:
    """Return h2's connection, with what the server says of itself ready to be sent."""
    # What is sent was checked and put into lower case by the exchange; crumbs of cookies are
    # to be counted before they are joined.
    config = H2Configuration(
        client_side=False,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        normalize_inbound_headers=False,
    )
    parser = Http2Parser(config)
    values: dict[Any, int] = {
        SettingCodes.MAX_CONCURRENT_STREAMS: streams,
        SettingCodes.MAX_HEADER_LIST_SIZE: 2 * header_block,
        SettingCodes.ENABLE_CONNECT_PROTOCOL: 1,
        NO_RFC7540_PRIORITIES: 1,
    }
    parser.local_settings = Settings(client=False, initial_values=values)
    parser.decoder.max_header_list_size = 2 * header_block
    parser.initiate_connection()
    return parser


def read_request(headers: Headers, scheme: str, most: int) -> tuple[Request, Refused | None]:
    """Return the request, and why it is refused, if it is."""
    pseudo: dict[bytes, bytes] = {}
    fields: Headers = []
    for field in headers:
        if field[0][:1] == b":":
            pseudo[field[0]] = field[1]
        else:
            fields.append(field)
    refused = None
    if len(fields) > most:
        refused = Refused(431, "too many header fields")
        fields = fields[:most]  # a byte of the head may be a field: no more of them is kept
    special = special_fields(fields)
    crumbs = special.get(b"cookie", ())
    if len(crumbs) > 1:  # RFC 9113, section 8.2.3
        fields = [field for field in fields if field[0] != b"cookie"]
        fields.append((b"cookie", b"; ".join(crumbs)))
    hosts = special.get(b"host", ())
    authority = pseudo.get(b":authority")
    if authority is not None and any(host != authority for host in hosts):
        refused = Refused(400, "Host is not the authority")
    if authority is not None and not hosts:
        fields.insert(0, (b"host", authority))
        special[b"host"] = [authority]
    try:
        check_fields(special, b"2")
    except Refused as why:
        refused = why
    method = pseudo.get(b":method", b"")
    protocol = pseudo.get(b":protocol")
    if method == b"CONNECT" and protocol != b"websocket":
        refused = Refused(501, "this is no proxy")
    expects = any(value.lower() == b"100-continue" for value in special.get(b"expect", ()))
    target = pseudo.get(b":path", authority or b"")
    if b":path" in pseudo and target[:1] != b"/" and (method, target) != (b"OPTIONS", b"*"):
        refused = Refused(400, "the path does not begin with a slash")
    return Request(method, target, fields, "2", scheme, protocol, expects), refused

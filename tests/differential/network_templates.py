"""What a random program can do with connections: as `templates`, over socket pairs and pipes.

A program opens some *links*, each with two *ends*; an operation names the kind of
end that it needs and a number, which is taken modulo how many there are.  What
opens links, and what the words here mean, is in ``network_stage.py``.
"""

from __future__ import annotations

_DATA = ("b'a'", "b'one\\n'", "b'one\\ntwo;3'", "b''")

#: What a hole can be filled with, equally likely each; beside those of `templates`.
DOMAINS: dict[str, tuple[str, ...]] = {
    "end": ("0", "0", "1", "1", "2", "3"),
    "data": (
        *(*_DATA, *_DATA[:3], "blob(70)"),
        *("blob(3000)", "blob(9000)", "blob(40000)", "blob(90000)"),
    ),
    # not empty: asyncio's loop would turn for ever to get rid of nothing
    "piece": (*_DATA[:3], "blob(70)", "blob(3000)", "blob(40000)"),
    "datagram": (
        "bytes()",
        "b'a'",
        "b'bcd'",
        "blob(700)",
        "blob(700)",
        "blob(30000)",
        "bytearray(3)",
    ),
    "junk": ("None", "'text'", "3", "memoryview(b'view')", "bytearray(b'array')", "[]"),
    "size": ("0", "1", "3", "3", "4", "100", "5000", "-1"),
    "room": ("1", "3", "100", "5000", "200000"),
    "separator": ("b';'", "b'\\n'", "b'ne\\nt'", "b''", "b'zz'"),
    "separators": (
        "(b';', b'\\n')",
        "(b'ne\\nt', b'e')",
        "(b'o\\nt', b'one\\ntwo')",
        "()",
        "(b'', b'a')",
    ),
    "limit": ("1", "4", "16", "16", "1000", "65536", "65536"),
    # SO_SNDBUF: the first is below what the kernel allows, and so that
    "sending": ("None", "1", "1", "8192"),
    "high": ("None", "None", "0", "0", "10", "5000"),
    "gram_high": ("None", "5000", "5000"),
    "low": ("None", "None", "0", "3", "-1"),
    "reaction": (
        *["''"] * 4,
        *("'data:echo'", "'data:write'", "'data:much'", "'data:pause'", "'data:hold'"),
        *("'data:close'", "'data:abort'", "'data:raise'", "'data:write_eof'", "'data:stop'"),
        *("'eof:keep'", "'eof:keep'", "'eof:raise'", "'eof:close'", "'eof:abort'", "'eof:write'"),
        *("'made:write'", "'made:much'", "'made:raise'", "'made:close'", "'made:hold'"),
        *("'pause:raise'", "'pause:close'", "'resume:write'", "'resume:raise'", "'pause:abort'"),
        *("'lost:raise'", "'lost:write'", "'error:raise'", "'error:close'"),
        *("'data:pause eof:keep'", "'data:echo eof:keep'", "'made:much resume:much'"),
        *("'data:swap'", "'made:limits'", "'buffer:raise'", "'buffer:empty'"),
    ),
    "tls_reaction": (
        *["''"] * 4,
        *("'data:echo'", "'data:write'", "'data:much'", "'data:pause'", "'data:hold'"),
        *("'data:close'", "'data:abort'", "'data:raise'", "'data:stop'", "'lost:raise'"),
        *("'eof:keep'", "'eof:raise'", "'eof:close'", "'eof:abort'", "'eof:write'"),
        *("'made:write'", "'made:much'", "'made:raise'", "'made:close'", "'made:limits'"),
        *("'pause:raise'", "'pause:close'", "'resume:write'", "'pause:abort'", "'data:swap'"),
        "'buffer:raise'",
    ),
    "drain_reaction": (
        *("''", "''", "'data:pause'", "'data:hold'", "'data:close'", "'data:raise'"),
        *(
            "'eof:keep'",
            "'eof:raise'",
            "'eof:close'",
            "'made:raise'",
            "'made:close'",
            "'made:hold'",
        ),
    ),
    "tap_reaction": (
        *("''", "''", "'made:write'", "'made:much'", "'made:raise'", "'pause:raise'"),
        *("'pause:close'", "'resume:write'", "'pause:abort'", "'lost:raise'", "'resume:much'"),
    ),
    "secure": (
        *["'good'"] * 7,
        *("'old'", "'old'", "'tokens'", "'stranger'", "'other name'", "'versions'", "'no client'"),
    ),
    "request": (*_DATA, "blob(70)"),
    # of a conversation: no sum of a few is the sum of some delays
    "moment": ("0.3", "0.3", "1.3", "2.3"),
    "letter": ("b'a'", "blob(70)", "blob(700)", "blob(1700)"),
    "turns": ("None", "None", "4", "6"),
    "patience": ("None", "None", "None", "1", "3"),
    "shut": ("SHUT_RD", "SHUT_WR", "SHUT_WR", "SHUT_RDWR"),
}

#: What opens links, and which families of operations are about them.
LINKS: dict[str, tuple[str, ...]] = {
    "open_streams": ("reading", "reading", "writing", "wire"),
    "open_mixed": ("reading", "writing", "wire", "wire"),
    "open_protocols": ("wire", "wire"),
    "open_buffered": ("wire", "wire"),
    "open_half": ("reading", "writing", "bare", "wire"),
    "open_watched": ("wire", "bare"),
    "open_bare": ("bare", "bare", "watching"),
    "open_listening": ("bare", "listening", "listening"),
    "open_datagrams": ("datagram", "datagram", "wire"),
    "open_letters": ("letters", "letters"),
    "open_pipe": ("piping", "piping"),
    "open_pipe_streams": ("reading", "writing", "piping"),
    "open_tls_streams": ("reading", "reading", "writing", "wire", "secure"),
    "open_tls_protocols": ("wire", "wire", "secure"),
    "open_tls_half": ("reading", "bare", "secure"),
    "open_upgraded": ("reading", "writing", "wire", "secure"),
}

#: What operations of a network program can be about besides.
FAMILIES = ("spawn", "spawn", "wait_for", "wait_for", "event", "callback", "self", "shield")

#: Operations whose value is noted, by family and kind.
EXPRESSIONS: dict[str, dict[str, str]] = {
    "opening": {
        "open_streams": "await streams({sending}, {limit}, {high})",
        "open_mixed": "await mixed({sending}, {limit}, {high}, {reaction})",
        "open_protocols": "await protocols({sending}, {high}, {reaction}, {reaction2})",
        "open_buffered": "await buffered({sending}, {room}, {reaction}, {reaction2})",
        "open_half": "await half({sending}, {limit}, {high})",
        "open_watched": "await watched({sending}, {high}, {reaction})",
        "open_bare": "sockets({sending})",
        "open_listening": "listening()",
        "open_datagrams": (
            "await datagrams({sending}, {gram_high}, {reaction}, {reaction2}, {flag})"
        ),
        "open_letters": "letters({sending})",
        "open_pipe": "await pipe({high}, {drain_reaction}, {tap_reaction})",
        "open_pipe_streams": "await pipe_streams({limit}, {high})",
        "open_tls_streams": (
            "await streams({sending}, {limit}, {high}, tls({secure}, {patience}, {patience2}))"
        ),
        "open_tls_protocols": (
            "await protocols({sending}, {high}, {tls_reaction}, {tls_reaction2}, "
            "tls({secure}, {patience}, {patience2}), room={room})"
        ),
        "open_tls_half": (
            "await half(None, {limit}, {high}, tls({secure}, {patience}, {patience2}))"
        ),
        "open_upgraded": (
            "await upgraded({sending}, {limit}, tls({secure}, {patience}, {patience2}), "
            "{request}, {turns})"
        ),
    },
    "reading": {
        "read": "await reader({end}).read({size})",
        "read_some": "await reader({end}).read(100)",
        "read_all": "await reader({end}).read()",
        "readline": "await reader({end}).readline()",
        "read_next": "await anext(reader({end}))",
        "readuntil": "await reader({end}).readuntil({separator})",
        "readuntil_first": "await reader({end}).readuntil({separators})",
        "readexactly": "await reader({end}).readexactly({size})",
        "read_twice": "crowd({few}, reader({end}).read, {size})",
        "at_eof": "(reader({end}).at_eof(), reader({end}).exception())",
    },
    "writing": {
        "write": "writer({end}).write({data})",
        "write_again": "writer({end}).write({data})",
        "writelines": "writer({end}).writelines([{piece}, {piece2}, {piece3}])",
        "drain": "await writer({end}).drain()",
        "drain_crowd": "crowd({few}, writer({end}).drain)",
        "write_eof": "writer({end}).write_eof()",
        "writer_close": "close(writer({end}))",
        "wait_closed": "await writer({end}).wait_closed()",
        "closed_crowd": "crowd({few}, writer({end}).wait_closed)",
        "writer_looks": "(writer({end}).is_closing(), writer({end}).can_write_eof())",
    },
    "wire": {
        "wire_write": "wire({end}).write({data})",
        "wire_write_again": "wire({end}).write({data})",
        "wire_write_junk": "wire({end}).write({junk})",
        "wire_writelines": "wire({end}).writelines([{piece}, {piece2}])",
        "wire_write_eof": "wire({end}).write_eof()",
        "wire_close": "close(wire({end}))",
        "wire_abort": "wire({end}).abort()",
        "wire_pause": "wire({end}).pause_reading()",
        "wire_resume": "wire({end}).resume_reading()",
        "wire_limits": "wire({end}).set_write_buffer_limits({high}, {low})",
        "wire_size": "(wire({end}).get_write_buffer_size(), wire({end}).get_write_buffer_limits())",
        "wire_state": "(wire({end}).is_reading(), wire({end}).is_closing())",
        "wire_forgotten": "wire({end}).set_protocol(recorder('late', {reaction}))",
    },
    "datagram": {
        "sendto": "gram({end}).sendto({datagram})",
        "sendto_again": "gram({end}).sendto({datagram})",
        "sendto_whom": "loose({end}).sendto({datagram}, address({end2}))",
        "sendto_many": "[gram({end}).sendto(blob(700)) for _ in range(14)] and None",
        "sendto_junk": "gram({end}).sendto({junk})",
        "gram_close": "gram({end}).close()",
        "gram_abort": "gram({end}).abort()",
        "gram_pause": "gram({end}).pause_reading()",
        "gram_resume": "gram({end}).resume_reading()",
        "gram_limits": "gram({end}).set_write_buffer_limits({gram_high})",
        "gram_looks": "(gram({end}).is_reading(), gram({end}).is_closing())",
    },
    "bare": {
        "recv": "await loop.sock_recv(sock({end}), {room})",
        "recv_again": "await loop.sock_recv(sock({end}), {room})",
        "recv_crowd": "crowd({few}, loop.sock_recv, sock({end}), {room})",
        "recv_into": "await loop.sock_recv_into(sock({end}), bytearray({room}))",
        "recvfrom": "await loop.sock_recvfrom(sock({end}), {room})",
        "recvfrom_into": "await loop.sock_recvfrom_into(sock({end}), bytearray({room}))",
        "sendall": "await loop.sock_sendall(mouth({end}), {data})",
        "sendall_junk": "await loop.sock_sendall(mouth({end}), {junk})",
        "sendall_much": "await loop.sock_sendall(mouth({end}), blob(40000))",
        "send_now": "mouth({end}).send({data})",
        "shutdown_half": "mouth({end}).shutdown(socket.{shut})",
        "sock_close": "shut(mouth({end}))",
    },
    "watching": {
        "add_reader": "loop.add_reader(sock({end}), drained, sock({end}), {callback})",
        "add_reader_once": "loop.add_reader(sock({end}), once, sock({end}), {callback})",
        "add_writer_once": "loop.add_writer(sock({end}), once, sock({end}), {callback})",
        "remove_reader": "loop.remove_reader(sock({end}))",
        "remove_writer": "loop.remove_writer(sock({end}))",
    },
    "listening": {
        "accept": "accepted(await loop.sock_accept(listener({end})))",
        "accept_crowd": "crowd({few}, loop.sock_accept, listener({end}))",
        "connect": "await connect_to(listener({end}))",
        "connect_now": "connect_now(listener({end}))",
    },
    "letters": {
        "letter_recv": "await loop.sock_recv(letter({end}), {room})",
        "letter_recvfrom": "await received(loop.sock_recvfrom(letter({end}), {room}))",
        "letter_into": "await received(loop.sock_recvfrom_into(letter({end}), bytearray({room})))",
        "letter_into_part": (
            "await received(loop.sock_recvfrom_into(letter({end}), bytearray({room}), 2))"
        ),
        "letter_sendto": "await loop.sock_sendto(letter({end}), {datagram}, address({end2}))",
        "letter_send_many": "await send_many(letter({end}))",
        "letter_close": "shut(letter({end}))",
    },
    "piping": {
        "pipe_write": "tap({end}).write({data})",
        "pipe_write_again": "tap({end}).write({data})",
        "pipe_write_eof": "tap({end}).write_eof()",
        "pipe_close": "tap({end}).close()",
        "pipe_abort": "tap({end}).abort()",
        "pipe_limits": "tap({end}).set_write_buffer_limits({high}, {low})",
        "pipe_looks": "(tap({end}).get_write_buffer_size(), tap({end}).is_closing())",
        "drain_close": "sink({end}).close()",
        "drain_pause": "sink({end}).pause_reading()",
        "drain_resume": "sink({end}).resume_reading()",
        "drain_looks": "(sink({end}).is_closing(), sink({end}).is_reading())",
    },
    "secure": {
        "tls_looks": "secrets(secure({end}))",
        "tls_read_limits": "secure({end}).set_read_buffer_limits({high}, {low})",
        "tls_read_size": "secure({end}).get_read_buffer_size()",
        "tls_again": "await on_top({end}, tls({secure}, {patience}, {patience2}))",
        "tls_open": "await streams(None, {limit}, None, tls({secure}, {patience}, {patience2}))",
    },
}

#: For conversations: what of them has the same result whatever comes first.
DOMAINS["total"] = ("0",)
EXPRESSIONS["conversation"] = {
    "read_rest": "await rest(reader({end}), {total})",
    "recv_rest": "await received_in_all(sock({end}), {total})",
    "letter_rest": "await letters_in_all(letter({end}), {total})",
    "letter_next": "await loop.sock_recv(letter({end}), 40000)",
    "letter_send": "await loop.sock_sendto(letter({end}), {letter}, letter({end}).getpeername())",
}

#: Operations that are more than an expression, by family and kind.
STATEMENTS: dict[str, dict[str, str]] = {
    "reading": {
        "read_lines": (
            "for _ in range(4):\n    s(line := await anext(reader({end}), b''))\n"
            "    if not line:\n        break\n    {body}"
        ),
        "read_to_end": (
            "for _ in range(20):\n    s(chunk := await reader({end}).read({room}))\n"
            "    if not chunk:\n        break"
        ),
        "read_in_time": (
            "async with asyncio.timeout({timeout}):\n    s(await reader({end}).read({size}))"
        ),
    },
    "writing": {
        "write_drain": (
            "for _ in range({few}):\n    writer({end}).write({data})\n"
            "    await writer({end}).drain()\n    s('drained')"
        ),
        "write_close": (
            "writer({end}).write({data})\nclose(writer({end}))\nawait writer({end}).wait_closed()"
        ),
        "drain_in_time": (
            "writer({end}).write({data})\nasync with asyncio.timeout({timeout}):\n"
            "    await writer({end}).drain()"
        ),
    },
    "bare": {
        "recv_in_time": (
            "async with asyncio.timeout({timeout}):\n"
            "    s(await loop.sock_recv(sock({end}), {room}))"
        ),
        "recv_to_end": (
            "for _ in range(4):\n    s(chunk := await loop.sock_recv(sock({end}), {room}))\n"
            "    if not chunk:\n        break\n    {body}"
        ),
        "sendall_in_time": (
            "async with asyncio.timeout({timeout}):\n"
            "    s(await loop.sock_sendall(mouth({end}), blob(40000)))"
        ),
    },
    "opening": {
        "open_in_time": (
            "async with asyncio.timeout({timeout}):\n    s(await {opening})\n    {body}"
        ),
    },
}

STATEMENTS["conversation"] = {
    "exactly_in_time": (
        "async with asyncio.timeout({moment}):\n    s(await reader({end}).readexactly({size}))"
    ),
    "line_in_time": (
        "async with asyncio.timeout({moment}):\n    s(await reader({end}).readline())"
    ),
}

DOMAINS["opening"] = tuple(
    text.removeprefix("await ")
    for text in EXPRESSIONS["opening"].values()
    if text.startswith("await ")
)

"""Requests and answers over UDP: each is executed at most once, and is answered or times out.

    server = await serve(handler, "127.0.0.1", 0)      # async def handler(body: bytes) -> bytes
    client = await connect(*server.address)
    answer = await client.request(b"...", timeout=10.0)

UDP loses datagrams, delivers them twice, late and out of order.  To send again what may be
lost is easy; the rest of this package is about not doing twice what was sent twice:

    wire.py    what a datagram says; the sizes; the delays between attempts
    server.py  sessions and slots: which request is new, which is an old one again
    client.py  sends, waits, sends again

How at most once is kept
    A client first asks for a session, whose number only the server makes.  A session has a
    few *slots*, and each slot counts its requests: the server executes a request only if
    its count is above that of the slot's last one.  An equal count is a duplicate and gets
    the remembered answer, a lower one is late and is dropped.  So the memory is one answer
    per slot however long a datagram is under way; and since a session that was forgotten,
    in a restart too, is unknown and never made again, to forget executes nothing twice.
    (NFS does it so: RFC 8881, section 2.10.6.)

What it does not do
    An answer that never came says nothing about the execution: `NoAnswer` may mean either.
    Nothing is encrypted or signed; whoever reads the datagrams can forge them.

Read next: wire.py
"""

from .client import Client, connect
from .server import Server, serve
from .wire import MAX_BODY, NoAnswer, RequestFailed, SessionLost

__all__ = [
    "MAX_BODY",
    "Client",
    "NoAnswer",
    "RequestFailed",
    "Server",
    "SessionLost",
    "connect",
    "serve",
]

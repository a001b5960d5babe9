"""Unix sockets: connections and servers on a path instead of a host and port.

A path that begins with a zero is abstract: it is no file, so there is nothing to
clean up.

Read next: udp.py
"""

from __future__ import annotations

import errno
import functools
import os
import socket
from collections.abc import Callable
from typing import Any

from ..support import describe
from .listening import check_server_tls, remove_stale, serve
from .opening import Tls, open_transport
from .server import Server

__all__ = ["create_unix_connection", "create_unix_server"]


async def create_unix_connection(
    loop: Any,
    protocol_factory: Callable[[], Any],
    path: Any = None,
    *,
    ssl: Any = None,
    sock: Any = None,
    server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> tuple[Any, Any]:
    """Connect to *path*, or use *sock*; return the transport and its protocol.

    *ssl* is a context, timeouts are in seconds.  Raises ValueError for arguments
    that do not go together and OSError when there is nobody at *path*.
    """
    assert server_hostname is None or isinstance(server_hostname, str)
    if ssl and server_hostname is None:
        raise ValueError("you have to pass server_hostname when using ssl")
    if not ssl and server_hostname is not None:
        raise ValueError("server_hostname is only meaningful with ssl")
    tls = Tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout).check()
    if path is None:
        if sock is None:
            raise ValueError("no path and sock were specified")
        _check_unix(sock)
        sock.setblocking(False)
    else:
        if sock is not None:
            raise ValueError("path and sock can not be specified at the same time")
        path = os.fspath(path)
        sock = loop._make_socket(socket.AF_UNIX, socket.SOCK_STREAM, 0)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, path)
        except BaseException:
            sock.close()
            raise
    return await open_transport(loop, sock, protocol_factory, tls)


async def create_unix_server(
    loop: Any,
    protocol_factory: Callable[[], Any],
    path: Any = None,
    *,
    sock: Any = None,
    backlog: int = 100,
    ssl: Any = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    start_serving: bool = True,
    cleanup_socket: bool = True,
) -> Server:
    """Return a server at *path*, or on *sock*, which is bound already.

    A socket that an earlier process left at *path* is removed.  *cleanup_socket*
    removes this one when the server is closed, unless another has replaced it.
    The other arguments are `create_server`'s.
    """
    tls = check_server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    if path is None:
        if sock is None:
            raise ValueError("path was not specified, and no sock specified")
        _check_unix(sock)
    else:
        if sock is not None:
            raise ValueError("path and sock can not be specified at the same time")
        sock = _bind(loop, os.fspath(path))
    on_close = _cleaner(sock) if cleanup_socket else None
    server = Server(loop, [sock], protocol_factory, tls, backlog, on_close)
    return await serve(server, start_serving)


def _check_unix(sock: Any) -> None:
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")


def _bind(loop: Any, path: Any) -> Any:
    """Return a socket bound to *path*, where nobody may be left over."""
    sock = loop._make_socket(socket.AF_UNIX, socket.SOCK_STREAM, 0)
    remove_stale(path)
    try:
        sock.bind(path)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            text = f"Address {path!r} is already in use"
            raise OSError(errno.EADDRINUSE, text) from None
        raise
    except BaseException:
        sock.close()
        raise
    return sock


def _cleaner(sock: Any) -> Callable[[], object] | None:
    """Return what removes the file of *sock* if it is still the same one; None if it has none."""
    path = sock.getsockname()
    if not path or path[0] in (0, "\0"):
        return None
    try:
        inode = os.stat(path).st_ino
    except FileNotFoundError:
        return None
    return functools.partial(_remove, path, inode)


def _remove(path: Any, inode: int) -> None:
    try:
        if os.stat(path).st_ino == inode:
            os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        describe.logger.error("Unable to clean up listening UNIX socket %r: %r", path, error)

"""A certificate for tests, and the ways in which two sides can agree or not.

It is an Ed25519 one, because signatures of that kind have all the same length: how
many bytes a handshake takes is then the same in each run.
"""

from __future__ import annotations

import functools
import ssl
import tempfile
from pathlib import Path
from typing import Any

#: Signed by itself, for ``localhost``, valid from 2020 to 2120.
PEM = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIMQf9NWBTC72Ant3cv6FT4eBKZ05EZxqn/lfyh+pAlsJ
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBATCBtKADAgECAgEBMAUGAytlcDAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcN
MjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMMCWxvY2Fs
aG9zdDAqMAUGAytlcAMhABz+yCUViA1iYG5lGSv6nfOAasVo/xVDNTbpR3C5aZyv
oykwJzAUBgNVHREEDTALgglsb2NhbGhvc3QwDwYDVR0TAQH/BAUwAwEB/zAFBgMr
ZXADQQC5bMCSsVW71JbDhf049c1UXlXp07qqT86fuEkRIXJHMyUwFElhMZsII/r7
gW7yYMsvmLxrqlQWqzUgz5IkZrMK
-----END CERTIFICATE-----
"""


@functools.cache
def server_context(how: str) -> ssl.SSLContext:
    """Return the context of a server; *how* is a key of `sides`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "both.pem")
        path.write_text(PEM)
        context.load_cert_chain(path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if how == "versions":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    elif how == "tokens":
        context.num_tickets = 5
    elif how == "no client":
        context.load_verify_locations(cadata=PEM)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@functools.cache
def client_context(how: str) -> ssl.SSLContext:
    """Return the context of a client; *how* is a key of `sides`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if how != "stranger":
        context.load_verify_locations(cadata=PEM)
    context.set_alpn_protocols(["http/1.1", "h3"])
    if how in ("versions", "old"):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def sides(
    how: str, handshake: float | None, shutdown: float | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a client and a server are given for TLS, and after how many seconds they give up.

    *how*: ``"good"``, ``"old"`` (TLS 1.2) and ``"tokens"`` (more of them than usual) work;
    a ``"stranger"`` is not trusted, the ``"other name"`` is not the certificate's, the two
    have no one of the ``"versions"`` in common, and ``"no client"`` has a certificate.
    """
    times = {"ssl_handshake_timeout": handshake, "ssl_shutdown_timeout": shutdown}
    name = "elsewhere" if how == "other name" else "localhost"
    client = {"ssl": client_context(how), "server_hostname": name, **times}
    return client, {"ssl": server_context(how), **times}

"""Fixtures: an authority that signs for localhost, and the TLS contexts of both ends."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import pytest
import trustme

from .wire import over_tls


@dataclass(frozen=True)
class Secured:
    """What TLS needs: a file with certificate and key, and a context for each end."""

    file: str
    client: ssl.SSLContext
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    """Return what TLS needs, for localhost and 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.set_alpn_protocols(["h2"])
    certificate.configure_cert(server)
    return Secured(str(folder / "server.pem"), over_tls(str(folder / "authority.pem")), server)

"""What an application is told of its connection's TLS: ASGI's extension ``tls``.

Python's ssl tells the version, the cipher and the client's certificates, of which before
Python 3.13 only the first.  It does not tell the server's own: that is learnt as every
client learns it, in one handshake with a client in memory for each context; not if a
callback chooses the certificate by the name that is asked for, as the choice is its own.
A certificate that is not accepted ends the handshake, so that nobody is told of its fault.

Read next: asgi.py
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["certificate_of", "describe", "subject"]

_VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}

# The names that RFC 4514, section 3, has for parts of a subject.
_SHORT = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_ESCAPED = re.compile(r'[\\",+;<>]|^[# ]| $')


@dataclass(frozen=True)
class _Context:
    """What is the same for all connections of a context."""

    certificate: str | None
    ciphers: dict[str, int]


_known: WeakKeyDictionary[ssl.SSLContext, _Context] = WeakKeyDictionary()


def describe(tls: ssl.SSLObject) -> dict[str, Any]:
    """Return the contents of the extension for a connection that *tls* secures."""
    context = _known.get(tls.context)
    if context is None:
        ciphers = {each["name"]: each["id"] & 0xFFFF for each in tls.context.get_ciphers()}
        context = _known[tls.context] = _Context(certificate_of(tls.context), ciphers)
    chain = [ssl.DER_cert_to_PEM_cert(certificate) for certificate in _chain(tls)]
    cipher = tls.cipher()
    return {
        "server_cert": context.certificate,
        "client_cert_chain": chain,
        "client_cert_name": subject(tls.getpeercert() or {}) if chain else None,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(tls.version() or ""),
        "cipher_suite": context.ciphers.get(cipher[0]) if cipher else None,
    }


def _chain(tls: ssl.SSLObject) -> list[bytes]:
    """Return the client's certificates, its own first."""
    own = tls.getpeercert(binary_form=True)
    if own is None:
        return []
    sent = getattr(tls, "get_unverified_chain", None)  # since Python 3.13
    return list(sent()) if sent is not None else [own]


def certificate_of(context: ssl.SSLContext) -> str | None:
    """Return the certificate that a server with *context* sends, as PEM; None if unknown."""
    if context.sni_callback is not None:
        return None
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server)
    sides = [client, context.wrap_bio(to_server, to_client, server_side=True)]
    for side in sides * 4:  # there and back, and once more at most
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            break  # as it wants a client's certificate; its own it may have said before
    try:
        certificate = client.getpeercert(binary_form=True)
    except ValueError:
        return None
    return ssl.DER_cert_to_PEM_cert(certificate) if certificate else None


def subject(certificate: dict[str, Any]) -> str:
    """Return the subject as RFC 4514 writes it, the last part first."""
    groups = [[_part(*part) for part in group] for group in certificate.get("subject", ())]
    return ",".join("+".join(group) for group in reversed(groups))


def _part(key: str, value: str) -> str:
    escaped = _ESCAPED.sub(r"\\\g<0>", value)
    return f"{_SHORT.get(key, key)}={escaped}"

"""What an application is told of TLS, and of the client's certificate; with real ones."""

from __future__ import annotations

import asyncio
import functools
import gc
import ssl
import sys
import weakref
from typing import Any

import httpx
import pytest
import trustme

from miniloop.testing import World
from protocols.http.handlers import Request, Response
from protocols.http.server import serve
from protocols.http.tls import certificate_of, subject

from ..loops import Run, on_every_loop
from .attacks.target import contexts
from .support import in_world

HOST = "127.0.0.1"
ECDSA_AES128 = "ECDHE-ECDSA-AES128-GCM-SHA256"


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def certificate() -> trustme.LeafCert:
    return authority().issue_cert(HOST)


def server_context(wanted: ssl.VerifyMode = ssl.CERT_NONE) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate().configure_cert(context)
    authority().configure_trust(context)
    context.verify_mode = wanted
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def pem(certificate: trustme.LeafCert) -> list[str]:
    return [blob.bytes().decode() for blob in certificate.cert_chain_pems]


def ask(run: Run, server: ssl.SSLContext | None, client: ssl.SSLContext, **options: Any) -> Any:
    """Ask twice; return the scopes."""
    scopes = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scopes.append(scope)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})

    async def main() -> None:
        async with await serve(application, HOST, ssl=server) as serving:
            scheme = "http" if server is None else "https"
            url = "{}://{}:{}/".format(scheme, *serving.sockets[0].getsockname())
            async with httpx.AsyncClient(verify=client, **options) as asking:
                for _ in range(2):
                    assert (await asking.get(url)).status_code == 204

    run(main())
    return scopes


@on_every_loop
@pytest.mark.parametrize("http2", [True, False])
def test_all_that_is_known_is_in_the_scope(run: Run, http2: bool) -> None:
    between = authority().create_child_ca()
    own = between.issue_cert("me@example.org", common_name="me", organization_name="a, b")
    client = client_context()
    own.configure_cert(client)
    client.set_ciphers("DEFAULT")
    scope, again = ask(run, server_context(ssl.CERT_REQUIRED), client, http2=http2)
    tls = scope["extensions"]["tls"]
    assert tls["server_cert"] == pem(certificate())[0]
    # Before Python 3.13 there is no way to learn more than the first.
    sent = pem(own) if sys.version_info >= (3, 13) else pem(own)[:1]
    assert tls["client_cert_chain"] == sent
    name = tls["client_cert_name"].split(",OU=")
    assert name[0] == "CN=me"
    assert name[1].endswith(r",O=a\, b")
    assert tls["client_cert_error"] is None
    assert tls["tls_version"] == 0x0304
    assert tls["cipher_suite"] in (0x1301, 0x1302, 0x1303)
    assert again["extensions"]["tls"] == tls
    assert again["extensions"]["tls"] is not tls
    assert set(tls) == {
        "server_cert",
        "client_cert_chain",
        "client_cert_name",
        "client_cert_error",
        "tls_version",
        "cipher_suite",
    }


@on_every_loop
def test_who_has_no_certificate_has_no_name(run: Run) -> None:
    client = client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(ECDSA_AES128)
    scope, _ = ask(run, server_context(ssl.CERT_OPTIONAL), client)
    tls = scope["extensions"]["tls"]
    assert (tls["client_cert_chain"], tls["client_cert_name"]) == ([], None)
    assert (tls["tls_version"], tls["cipher_suite"]) == (0x0303, 0xC02B)


@on_every_loop
def test_a_certificate_of_somebody_else_gets_nowhere(run: Run) -> None:
    client = client_context()
    trustme.CA().issue_cert("me@example.org").configure_cert(client)
    with pytest.raises(httpx.TransportError):
        ask(run, server_context(ssl.CERT_OPTIONAL), client)


@on_every_loop
def test_in_clear_text_there_is_no_such_extension(run: Run) -> None:
    for scope in ask(run, None, client_context()):
        assert "tls" not in scope["extensions"]


def tls12(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def wanting(context: ssl.SSLContext) -> None:
    context.verify_mode = ssl.CERT_REQUIRED


def with_alpn(context: ssl.SSLContext) -> None:
    context.set_alpn_protocols(["h2"])


@pytest.mark.parametrize("changed", [lambda context: None, tls12, wanting, with_alpn])
def test_the_servers_own_certificate_is_learnt_in_a_handshake(changed: Any) -> None:
    context = server_context()
    changed(context)
    assert certificate_of(context) == pem(certificate())[0]


def choosing(context: ssl.SSLContext) -> None:
    context.sni_callback = lambda sock, name, context: None


def wanting_before_tls13(context: ssl.SSLContext) -> None:
    tls12(context)
    wanting(context)


@pytest.mark.parametrize("changed", [choosing, wanting_before_tls13])
def test_where_it_cannot_be_learnt_it_is_unknown(changed: Any) -> None:
    context = server_context()
    changed(context)
    assert certificate_of(context) is None


@on_every_loop
def test_a_context_is_not_kept_for_what_is_known_of_it(run: Run) -> None:
    context = server_context()
    gone = weakref.ref(context)
    ask(run, context, client_context())
    del context
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        ([[("countryName", "DE")], [("commonName", "a b")]], "CN=a b,C=DE"),
        ([[("commonName", "a"), ("userId", "b")]], "CN=a+UID=b"),
        ([[("commonName", 'a,b+c"d\\e<f>;')]], r"CN=a\,b\+c\"d\\e\<f\>\;"),
        ([[("commonName", "#a ")]], r"CN=\#a\ "),
        ([[("commonName", " a#")]], r"CN=\ a#"),
        ([[("emailAddress", "a@b")]], "emailAddress=a@b"),
    ],
)
def test_a_name_is_written_as_rfc_4514_wants(names: Any, text: str) -> None:
    assert subject({"subject": names}) == text


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
@pytest.mark.parametrize("completes", [True, False])
def test_a_handshake_that_ends_too_late_gets_nowhere(library: str, completes: bool) -> None:
    """The server is closed while a client is about to say hello: it is served no more."""
    server_tls, client_tls, _ = contexts()
    calls = []

    async def handler(request: Request) -> Response:
        calls.append(request)
        return Response("too late")

    async def scenario(world: World) -> tuple[bytes, float]:
        server = await serve(handler, "localhost", 8000, ssl=server_tls)
        reader, writer = await asyncio.open_connection("localhost", 8000)
        await asyncio.sleep(1)
        began = world.now
        draining = asyncio.create_task(server.drain(30))
        await asyncio.sleep(1)
        answer = b""
        if completes:
            try:
                await writer.start_tls(client_tls, server_hostname="localhost")
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = await reader.read(-1)
            except OSError:
                pass
        await draining
        ended = world.now - began
        writer.transport.abort()
        await asyncio.sleep(15)  # before Python 3.12 asyncio itself waits for the handshake
        return answer, ended

    answer, seconds = in_world(scenario, library)
    assert (answer, calls) == (b"", [])
    assert seconds < 2

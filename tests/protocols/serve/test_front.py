"""What stands before an application: whom it takes for the client, what the log says."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from protocols.http.handlers import Request, Response
from protocols.http.serve.access import formatter
from protocols.http.serve.front import Front
from protocols.http.serve.loading import CannotServe, load_application, server_context
from protocols.http.serve.proxy import Trusted
from protocols.http.serve.worker import line_writer, where
from protocols.http.server import hosted, serve

from ..loops import Run, on_every_loop

FORM = formatter("{client} {method} {target} {scheme} {status} {bytes} {end}")
FORWARDED = b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: h\r\n"


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the client, the scheme and the host of the scope; raise if asked to."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["path"] == "/raise":
        raise ValueError("as asked")
    hosts = [value.decode() for name, value in scope["headers"] if name == b"host"]
    body = f"{scope['client'][0]} {scope['scheme']} {hosts}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def handler(request: Request) -> Response:
    assert request.client is not None
    hosts = [value.decode() for name, value in request.headers if name == b"host"]
    return Response(f"{request.client[0]} {request.exchange.request.scheme} {hosts}")


async def ask(target: bytes, more: bytes, application: Any, trusted: Trusted | None) -> Any:
    """Return the response's body, and the lines of the log."""
    lines: list[str] = []
    front = Front(hosted(application), trusted, FORM, lines.append)
    async with await serve(front, "127.0.0.1", 0, finished=front.finished) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        writer.write(more + b"\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer.partition(b"\r\n\r\n")[2].decode(), lines


@on_every_loop
@pytest.mark.parametrize("application", [asgi, handler])
def test_a_trusted_proxy_is_believed(run: Run, application: Callable[..., Awaitable[Any]]) -> None:
    body, lines = run(ask(b"/?q", FORWARDED, application, Trusted(["127.0.0.1"])))
    assert "192.0.2.1 https ['h']" in body
    assert lines == [f"192.0.2.1 GET /?q https 200 {len(b'192.0.2.1 https [_h_]')} complete"]


@on_every_loop
@pytest.mark.parametrize("trusted", [None, Trusted(["10.0.0.1"])], ids=["nobody", "another"])
def test_anybody_else_is_not(run: Run, trusted: Trusted | None) -> None:
    body, lines = run(ask(b"/", FORWARDED, asgi, trusted))
    assert "127.0.0.1 http ['x']" in body
    assert lines[0].startswith("127.0.0.1 GET / http 200 ")


@on_every_loop
def test_an_application_that_raises_is_a_line_with_500(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    _, lines = run(ask(b"/raise", b"", asgi, None))
    assert lines == [f"127.0.0.1 GET /raise http 500 {len('Internal Server Error')} complete"]
    assert "the application raised: GET /raise" in caplog.text


@on_every_loop
def test_a_client_that_leaves_is_a_broken_line(run: Run) -> None:
    lines: list[str] = []
    written = asyncio.Event()

    def write(line: str) -> None:
        lines.append(line)
        written.set()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0)

    async def main() -> None:
        front = Front(hosted(endless), None, formatter("{status} {end}"), write)
        async with await serve(front, "127.0.0.1", 0, finished=front.finished) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.read(10)
            writer.transport.abort()
            await written.wait()

    run(main())
    assert lines == ["200 broken"]


def test_lines_of_the_log_are_whole_and_a_lost_reader_is_no_error() -> None:
    reading, writing = os.pipe()
    write = line_writer(writing)
    write("ä")
    assert os.read(reading, 100) == "ä\n".encode()
    os.close(reading)
    write("nobody reads this")
    os.close(writing)


@on_every_loop
def test_where_it_listens_is_told_as_urls(run: Run, tmp_path: Path) -> None:
    async def main() -> list[str]:
        found = []
        for host in ("127.0.0.1", "::1"):
            async with await serve(handler, host, 0) as server:
                port = server.sockets[0].getsockname()[1]
                found += [url.replace(str(port), "1") for url in where(server, host == "::1")]
        async with await serve(handler, path=str(tmp_path / "s")) as server:
            found += where(server, False)
        return found

    assert run(main()) == ["http://127.0.0.1:1", "https://[::1]:1", f"unix:{tmp_path / 's'}"]


# --- loading -------------------------------------------------------------------------------------


def test_an_application_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "found_here.py").write_text(
        "class A:\n    def app(self): ...\na = A()\nx = 1\ndef make(): return a.app\n"
    )
    (tmp_path / "lacking.py").write_text("import there_is_no_such_module\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), *__import__("sys").path])
    assert load_application("found_here:a.app") == load_application("found_here:make", True)
    for target, said in (
        ("found_here", "write MODULE:NAME"),
        ("found_here:a b", "write MODULE:NAME"),
        ("found_here:b", "there is no b in found_here"),
        ("found_here:x", "cannot be called"),
        ("no_such_module_here:x", "there is no module no_such_module_here"),
    ):
        with pytest.raises(CannotServe, match=said):
            load_application(target)
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        load_application("lacking:app")


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for path in (tmp_path / "no.pem", tmp_path / "none.pem"):
        with pytest.raises(CannotServe, match=f"{path.name} cannot be used for TLS"):
            server_context(str(path))


def test_what_is_wrong_with_a_certificate_is_said(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    for name in ("own", "other"):
        issued = authority.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(str(tmp_path / name))
        issued.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
    (tmp_path / "text").write_text("no certificate")

    def why(*names: str | None) -> str:
        with pytest.raises(CannotServe) as raised:
            server_context(*(name and str(tmp_path / name) for name in names))  # type: ignore[arg-type]
        return str(raised.value).replace(f"{tmp_path}/", "")

    for_tls = "cannot be used for TLS:"
    assert why("text") == f"text {for_tls} there is no certificate in it"
    assert why("own.key") == f"own.key {for_tls} there is no certificate in it"
    assert why("own") == f"own {for_tls} there is no key in it, and none beside it"
    assert why("own", "text") == f"own {for_tls} there is no key in text"
    assert why("own", "other.key") == f"own {for_tls} the key in other.key is another one's"
    assert why("own", "own.key", "text") == f"text {for_tls} there is no certificate in it"


def test_with_a_client_ca_clients_need_a_certificate(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain, root = tmp_path / "chain.pem", tmp_path / "ca.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(chain))
    authority.cert_pem.write_to_path(str(root))
    assert server_context(str(chain)).verify_mode == ssl.CERT_NONE
    context = server_context(str(chain), None, str(root))
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2

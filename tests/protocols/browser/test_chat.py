"""Two pages of a real browser chat with each other through our server, over TLS.

Chromium opens a WebSocket inside an HTTP/2 connection (RFC 8441) if there is one to the server
whose settings allow it, and else with an Upgrade of HTTP/1.1.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from miniloop import EventLoop
from protocols.http.connection import Connection
from protocols.http.exchange import Exchange
from protocols.http.limits import Limits
from protocols.http.server import Server, serve

from ...browser import Browser, Page
from ..loops import Run, on_every_loop
from .chat import Room, asgi_chat, handler_chat

HOST = "127.0.0.1"
#: More than one frame of HTTP/2, and more than the stream's first window.
LONG = "Lorem ipsum dolor sit amet. " * 5000


class Context(ssl.SSLContext):
    """A server's context that offers only what it is told to: no HTTP/2 if that is not wanted."""

    offered: tuple[str, ...] = ()

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols([name for name in alpn_protocols if name in self.offered])


@dataclass
class Log:
    """What the server saw: how it was asked for each page and each WebSocket, and on what."""

    pages: list[tuple[Connection, str, str]] = field(default_factory=list)
    sockets: list[tuple[Connection, str, str]] = field(default_factory=list)

    def note(self, connection: Connection, exchange: Exchange) -> None:
        asked = exchange.request
        told = connection, asked.http_version, asked.method.decode()
        if asked.target.startswith(b"/chat"):
            assert asked.protocol == b"websocket"
            self.sockets.append(told)
        elif asked.target.startswith(b"/?"):
            self.pages.append(told)

    def check(self, version: str) -> None:
        """Fail unless two pages came, and each its WebSocket, as the *version* has it."""
        assert [asked[1:] for asked in self.pages] == [(version, "GET")] * 2
        method = "CONNECT" if version == "2" else "GET"
        assert [asked[1:] for asked in self.sockets] == [(version, method)] * 2
        connections = {asked[0] for asked in self.pages}
        assert len(connections) == 2
        same = {asked[0] for asked in self.sockets} == connections
        assert same == (version == "2")


def lines(page: Page) -> list[str]:
    found: list[str] = page.evaluate("[...said.children].map((each) => each.textContent)")
    return found


def until_said(page: Page, text: str) -> None:
    page.wait(f"said.lastChild && said.lastChild.textContent === {json.dumps(text)}")


def say(page: Page, text: str) -> None:
    page.click("input")
    page.type(text)
    page.press("Enter")


def converse(ada: Page, bob: Page, shots: Path) -> None:
    """Have two pages talk, and look at what both show."""
    empty = ada.screenshot()
    say(ada, "Hello, Bob! Здравствуй ☺ 𝔸")
    until_said(bob, "Ada: Hello, Bob! Здравствуй ☺ 𝔸")
    bob.click("input")
    bob.type("Hello, Ada!")
    bob.click("button")
    bob.wait("document.querySelector('input').value === ''")
    until_said(ada, "Bob: Hello, Ada!")
    until_said(bob, "Bob: Hello, Ada!")
    both = ["Bob is here", "Ada: Hello, Bob! Здравствуй ☺ 𝔸", "Bob: Hello, Ada!"]
    assert lines(ada) == ["Ada is here", *both]
    assert lines(bob) == both
    for name, page in (("ada", ada), ("bob", bob)):
        assert page.screenshot(shots / f"{name}.png") != empty
        assert page.text("#name").lower() == name
    say(bob, LONG)
    until_said(ada, f"Bob: {LONG}")


def meet(browser: Browser, server: Server, pages: ExitStack, shots: Path) -> Page:
    """Let Ada and Bob come, talk, and Bob leave; return Ada's page."""
    url = "https://{}:{}/?name=".format(*server.sockets[0].getsockname())
    ada = pages.enter_context(browser.page(url + "Ada", size=(640, 420)))
    until_said(ada, "Ada is here")
    with browser.page(url + "Bob", size=(640, 420)) as bob:
        until_said(ada, "Bob is here")
        converse(ada, bob, shots)
        assert bob.problems() == []
    until_said(ada, "Bob has left")
    assert ada.text("#state") == "connected"
    return ada


@on_every_loop
@pytest.mark.parametrize("version", ["1.1", "2"])
def test_two_pages_chat(run: Run, browser: Browser, version: str, tmp_path: Path) -> None:
    chat(run, browser, asgi_chat(Room()), version, tmp_path)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_two_pages_chat_by_a_handler(browser: Browser, version: str, tmp_path: Path) -> None:
    chat(Run(EventLoop), browser, handler_chat(Room()), version, tmp_path)


def chat(run: Run, browser: Browser, application: Any, version: str, shots: Path) -> None:
    """Serve the chat, have Ada and Bob use it, and end the server while Ada is there."""
    tls = Context(ssl.PROTOCOL_TLS_SERVER)
    tls.offered = ("h2", "http/1.1") if version == "2" else ("http/1.1",)
    trustme.CA().issue_cert(HOST).configure_cert(tls)
    log = Log()
    # Chromium does not answer the end of TLS on a connection that it keeps for later.
    options: dict[str, Any] = {"finished": log.note, "limits": Limits(linger=0.1)}

    async def main(pages: ExitStack) -> None:
        async with await serve(application, HOST, ssl=tls, **options) as server:
            ada = await asyncio.to_thread(meet, browser, server, pages, shots)
            await server.drain(60)
        await asyncio.to_thread(ada.wait, "state.textContent === 'disconnected (1012)'")
        assert ada.problems() == []

    with ExitStack() as pages:
        run(main(pages), 300)
    log.check(version)

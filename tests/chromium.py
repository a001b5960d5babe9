"""A Chromium that is spoken to over a pipe: started, asked, listened to, ended.

https://chromedevtools.github.io/devtools-protocol/

Read next: browser_keys.py
"""

from __future__ import annotations

import itertools
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self

from .tools import tool

__all__ = ["PATIENCE", "BrowserError", "Chromium", "Listener"]

#: Seconds that anything may take, on a very busy machine.
PATIENCE = 60.0

SWITCHES = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # root has to
    "--disable-gpu",
    "--disable-dev-shm-usage",  # it is small in containers
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-domain-reliability",
    "--metrics-recording-only",
    "--password-store=basic",
    "--use-mock-keychain",
    "--ignore-certificate-errors",
    "--proxy-server=direct://",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)
#: Chromium speaks on descriptors 3 and 4; what it says otherwise goes to standard error.
SHELL = 'exec "$@" 3<&0 4>&1 </dev/null >&2'


class BrowserError(Exception):
    """What was asked of the browser failed; says what and why."""


class Listener(Protocol):
    """Whoever is told what happens in a page."""

    def note(self, method: str, words: dict[str, Any]) -> None:
        """Take an event."""


class Chromium:
    """A Chromium that runs while the context is entered.  Not for two threads at a time."""

    def __enter__(self) -> Self:
        """Start it.  Skips the test, or fails it in CI, where there is no Chromium."""
        program = tool("chromium")
        self._folder = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        folder = self._folder.name
        self._words = Path(folder, "errors")
        command = [program, *SWITCHES, f"--user-data-dir={folder}/user", "about:blank"]
        with self._words.open("wb") as errors:
            self._process = subprocess.Popen(
                ["sh", "-c", SHELL, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "HOME": folder},
                bufsize=0,
            )
        self._numbers = itertools.count(1)
        self._rest = b""
        self.listeners: dict[str, Listener] = {}
        try:
            version: str = self.send("Browser.getVersion")["product"]
        except BaseException:
            self.__exit__()
            raise
        self.version = version
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and remove its files."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrowserError):
            self.send("Browser.close")
        self._process.stdin.close()  # without which it ends, too
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def send(self, method: str, session: str = "", /, **words: Any) -> dict[str, Any]:
        """Ask for something, of a page if a *session* is given, and return the answer.

        Raises BrowserError when Chromium refuses, has ended, or does not answer in time.
        """
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": words}
        if session:
            message["sessionId"] = session
        assert self._process.stdin is not None
        data = memoryview(json.dumps(message).encode() + b"\0")
        try:
            while data:
                data = data[self._process.stdin.write(data) :]
        except OSError:
            raise BrowserError(f"Chromium has ended: {self._last_words()}") from None
        answer = self.read(lambda message: message.get("id") == number, method)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def read(self, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Read messages up to the one that is wanted and return it; others go to the listeners.

        Raises BrowserError, which says *what* was waited for, if it does not come in time.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            head, found, rest = self._rest.partition(b"\0")
            if found:
                self._rest = rest
                message: dict[str, Any] = json.loads(head)
                listener = self.listeners.get(message.get("sessionId", ""))
                if listener is not None and "method" in message:
                    listener.note(message["method"], message["params"])
                if wanted(message):
                    return message
            else:
                self._rest += self._more(deadline, what)

    def _more(self, deadline: float, what: str) -> bytes:
        """Return the next bytes that Chromium says."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))[
            0
        ]:
            raise BrowserError(f"{what}: no answer in {PATIENCE:.0f} s; {self._last_words()}")
        data = os.read(self._process.stdout.fileno(), 1 << 20)
        if not data:
            raise BrowserError(f"{what}: Chromium has ended: {self._last_words()}")
        return data

    def _last_words(self) -> str:
        return self._words.read_text(errors="replace")[-1000:]

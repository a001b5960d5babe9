"""A headless Chromium for tests, driven over a pipe with the DevTools protocol.

    def test_the_page(browser: Browser, tmp_path: Path) -> None:
        with browser.page(f"file://{tmp_path}/page.html", size=(1000, 700)) as page:
            page.click("button.next")                    # what a mouse does, at its middle
            page.press("ArrowRight", "Shift")            # what a key does
            page.type("some text")                       # into what has the focus
            page.wait("document.title === 'done'")       # a condition in JavaScript
            assert page.text("#step") == "3"
            assert page.evaluate("[...document.links].map((each) => each.href)") == []
            page.media(prefers_color_scheme="dark")      # or prefers_reduced_motion="reduce", ...
            page.resize(400, 800)
            page.offline(True)
            page.goto("https://127.0.0.1:1234/")         # certificates are not checked
            assert page.problems() == []                 # exceptions, console.error, failed loads
            assert page.requests() == ["file:///..."]    # everything that was asked for
            page.screenshot(tmp_path / "page.png")

The `browser` fixture (tests/conftest.py) is one Chromium for all tests of a worker, started by the
first that asks for it; in CI only on the newest interpreter.  Every page has its own cookies,
storage and cache, and is closed at the end of its `with`.  All of this waits where it stands: a
test with a server on a loop of its own calls it with `asyncio.to_thread`.

Nothing is said to the network by Chromium itself: what it does in the background is turned off.

Read next: chromium.py
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any, Self

from .browser_keys import ALTERING, key_event
from .chromium import PATIENCE, BrowserError, Chromium

__all__ = ["Browser", "BrowserError", "Page"]

#: Seconds between two looks at a condition.
TICK = 0.02
#: Letters of JavaScript that an error repeats.
LONGEST = 200


class Browser(Chromium):
    """A Chromium with pages, which runs while the context is entered."""

    def page(self, url: str | None = None, *, size: tuple[int, int] = (1280, 800)) -> Page:
        """Open a page of its own, *size* pixels wide and high, and load the *url*.

        Raises BrowserError when it cannot be loaded.
        """
        context = self.send("Target.createBrowserContext")["browserContextId"]
        words = {"url": "about:blank", "browserContextId": context}
        target = self.send("Target.createTarget", **words)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.listeners[session] = Page(self, session, context)
        try:
            page.prepare(*size)
            if url is not None:
                page.goto(url)
        except BaseException:
            page.close()
            raise
        return page


class Page:
    """A page of a browser; open while the context is entered.

    sockets: the answers to WebSocket handshakes that were made so far, as the protocol gives them.
    """

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self._browser, self._session, self._context = browser, session, context
        self._console: list[tuple[str, str]] = []
        self._problems: list[str] = []
        self._requests: list[str] = []
        self._protocols: dict[str, str] = {}
        self._loaded: set[str] = set()
        self.sockets: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the page and forget its cookies, storage and cache."""
        self._browser.listeners.pop(self._session, None)
        self._browser.send("Target.disposeBrowserContext", browserContextId=self._context)

    def prepare(self, width: int, height: int) -> None:
        """Have its events told, and give it a size; `Browser.page` does this."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.setLifecycleEventsEnabled", enabled=True)
        self.resize(width, height)

    def send(self, method: str, /, **words: Any) -> dict[str, Any]:
        """Ask anything of the page that the DevTools protocol offers; return the answer.

        Raises BrowserError when it is refused.
        """
        return self._browser.send(method, self._session, **words)

    # --- what it shows

    def goto(self, url: str) -> None:
        """Load the *url* and wait until all of it is there.  Raises BrowserError if it fails."""
        answer = self.send("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(f"{url}: {answer['errorText']}")
        loader = answer.get("loaderId")  # none if only the fragment changed
        if loader is not None and loader not in self._loaded:
            self._browser.read(lambda _message: loader in self._loaded, f"loading {url}")

    def resize(self, width: int, height: int, *, scale: float = 1) -> None:
        """Give the page a size in pixels of its own, *scale* of the screen's for each."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def media(self, **features: str) -> None:
        """Set media features, as `prefers_color_scheme="dark"`; those not named are as usual."""
        named = [{"name": key.replace("_", "-"), "value": features[key]} for key in features]
        self.send("Emulation.setEmulatedMedia", features=named)

    def offline(self, on: bool) -> None:
        """Cut the page off from every network, or connect it again."""
        speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.send("Network.emulateNetworkConditions", offline=on, **speed)

    def screenshot(self, path: Path | None = None) -> bytes:
        """Return a PNG of what is to be seen, written to *path* as well if that is given."""
        data = base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.write_bytes(data)
        return data

    # --- what it holds

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript *expression*; one of a promise when that is kept.

        Raises BrowserError for what it throws.
        """
        words = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.send("Runtime.evaluate", expression=expression, **words)
        if "exceptionDetails" in answer:
            code = expression if len(expression) < LONGEST else f"{expression[:LONGEST]}..."
            raise BrowserError(f"{exception_text(answer['exceptionDetails'])}\nof: {code}")
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Wait until a JavaScript *expression* is true, and return its value.

        Raises BrowserError when it is not for too long, or what it throws at the end.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            trouble = None
            try:
                value = self.evaluate(expression)
                if value:
                    return value
            except BrowserError as error:
                trouble = error
            if time.monotonic() > deadline:
                problems = "; ".join(self._problems)
                raise BrowserError(f"never true: {expression} ({problems})") from trouble
            time.sleep(TICK)

    def text(self, selector: str) -> str:
        """Return the text to be seen in the first element that a CSS *selector* matches."""
        text: str = self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")
        return text

    # --- what a person does

    def click(self, selector: str, *modifiers: str) -> None:
        """Click at the middle of the first element that a CSS *selector* matches.

        Raises BrowserError when there is none, or something else lies upon it.
        """
        x, y = self.hover(selector)
        for what in ("mousePressed", "mouseReleased"):
            self.mouse(what, x, y, *modifiers, button="left", clickCount=1)

    def hover(self, selector: str) -> tuple[float, float]:
        """Move the mouse to the middle of the first element that a CSS *selector* matches.

        Returns where that is.  Raises BrowserError when there is none, or it cannot be seen.
        """
        x, y = self.evaluate(f"({MIDDLE})({json.dumps(selector)})")
        self.mouse("mouseMoved", x, y)
        return x, y

    def mouse(self, what: str, x: float, y: float, *modifiers: str, **more: Any) -> None:
        """Do *what* ("mouseMoved", "mousePressed", "mouseReleased", "mouseWheel") with the mouse.

        *more* is what the protocol's Input.dispatchMouseEvent takes besides.
        """
        held = sum(ALTERING[name] for name in modifiers)
        self.send("Input.dispatchMouseEvent", type=what, x=x, y=y, modifiers=held, **more)

    def press(self, key: str, *modifiers: str) -> None:
        """Press and release a *key*, by its name in the DOM ("a", "Enter", "ArrowLeft").

        *modifiers* are "Alt", "Control", "Meta" and "Shift".
        """
        for event in key_event(key, modifiers):
            self.send("Input.dispatchKeyEvent", **event)

    def type(self, text: str) -> None:
        """Put text into what has the focus, at once."""
        self.send("Input.insertText", text=text)

    # --- what came of it

    def problems(self) -> list[str]:
        """Return what went wrong so far: exceptions, console.error, what could not be loaded."""
        self.evaluate("0")  # what was said before comes before the answer
        return list(self._problems)

    def console(self) -> list[tuple[str, str]]:
        """Return what was written to the console so far, as kinds ("log", "error") and texts."""
        self.evaluate("0")
        return list(self._console)

    def requests(self) -> list[str]:
        """Return the URLs asked for so far, WebSockets among them, in their order."""
        self.evaluate("0")
        return list(self._requests)

    def protocols(self) -> dict[str, str]:
        """Return what was spoken for each URL that was answered: "h2", "http/1.1", "file", ..."""
        self.evaluate("0")
        return dict(self._protocols)

    def note(self, method: str, words: dict[str, Any]) -> None:
        """Take an event; `Browser.read` calls this."""
        match method:
            case "Page.lifecycleEvent" if words["name"] == "load":
                self._loaded.add(words["loaderId"])
            case "Runtime.exceptionThrown":
                self._problems.append(exception_text(words["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                text = " ".join(shown(each) for each in words["args"])
                self._console.append((words["type"], text))
                if words["type"] in ("error", "assert"):
                    self._problems.append(text)
            case "Log.entryAdded" if words["entry"]["level"] == "error":
                entry = words["entry"]
                self._problems.append(f"{entry['text']} ({entry.get('url', '')})")
            case "Network.requestWillBeSent":
                self._requests.append(words["request"]["url"])
            case "Network.webSocketCreated":
                self._requests.append(words["url"])
            case "Network.responseReceived":
                response = words["response"]
                self._protocols[response["url"]] = response.get("protocol", "")
            case "Network.webSocketHandshakeResponseReceived":
                self.sockets.append(words["response"])


#: Where the middle of an element is; for what a person could not click there is an exception.
MIDDLE = """(selector) => {
    const element = document.querySelector(selector);
    if (!element) throw new Error("there is no " + selector);
    element.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
    const box = element.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const top = document.elementFromPoint(x, y);
    if (!top || !(element.contains(top) || top.contains(element)))
        throw new Error(selector + " is not to be seen: " + (top ? top.outerHTML : "outside"));
    return [x, y];
}"""


def exception_text(details: dict[str, Any]) -> str:
    """Return what an exception of the page says."""
    exception = details.get("exception", {})
    text = exception.get("description") or exception.get("value") or details["text"]
    return str(text)


def shown(argument: dict[str, Any]) -> str:
    """Return an argument of console.log as text."""
    return str(argument.get("value", argument.get("description", argument["type"])))

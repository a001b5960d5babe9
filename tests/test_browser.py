"""The browser that other tests look at pages with: it does what is asked, and sees what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from .browser import Browser, BrowserError, Page

PAGE = """<!doctype html><meta charset="utf-8"><title>Page</title>
<style>
    @media (prefers-color-scheme: dark) { body { background: rgb(1, 2, 3) } }
    #under, #over { position: absolute; left: 0; top: 90px; width: 50px; height: 50px }
    #far { position: absolute; top: 5000px }
</style>
<h1>Hällo</h1><button>+</button> <input id="field">
<b id="far" onclick="this.innerText = 'hit'">b</b>
<p id="under">under</p><p id="over">over</p>
<script>
    const keys = [];
    document.querySelector("button").onclick = (event) => keys.push(["click", event.shiftKey]);
    addEventListener("keydown", (event) => keys.push([event.key, event.code, event.shiftKey]));
</script>
"""


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Page:
    (tmp_path / "page.html").write_text(PAGE)
    return browser.page(f"file://{tmp_path}/page.html", size=(640, 480))


def test_what_a_person_does_arrives(page: Page) -> None:
    with page:
        page.click("button", "Shift")
        page.click("#field")
        page.type("ab")
        for key, *modifiers in (("C", "Shift"), ("d",), ("Backspace",), ("7",), (" ",), ("Enter",)):
            page.press(key, *modifiers)
        page.press("ArrowLeft", "Control")
        page.click("#far")
        assert page.evaluate("field.value") == "abC7 "
        assert page.text("#far") == "hit"
        assert page.evaluate("keys") == [
            ["click", True],
            ["C", "KeyC", True],
            ["d", "KeyD", False],
            ["Backspace", "Backspace", False],
            ["7", "Digit7", False],
            [" ", "Space", False],
            ["Enter", "Enter", False],
            ["ArrowLeft", "ArrowLeft", False],
        ]
        assert page.problems() == []


def test_nobody_can_click_what_is_covered_or_missing(page: Page) -> None:
    with page:
        page.click("#over")
        with pytest.raises(BrowserError, match=r"#under is not to be seen: <p id=.over"):
            page.click("#under")
        with pytest.raises(BrowserError, match=r"there is no #none"):
            page.click("#none")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("setTimeout(() => { throw new Error('thrown') }, 0)", "Error: thrown"),
        ("Promise.reject(new Error('rejected')); 0", "Error: rejected"),
        ("console.error('said', 3)", "said 3"),
        ("document.body.append(new Image()); document.images[0].src = 'gone.png'", "gone.png"),
    ],
    ids=["exception", "rejection", "console", "load"],
)
def test_what_goes_wrong_is_noticed(page: Page, script: str, told: str) -> None:
    with page:
        page.evaluate(script)
        while not page.problems():
            page.evaluate("new Promise((done) => setTimeout(done, 20))")
        assert told in page.problems()[0]


def test_the_console_and_what_was_asked_for_are_kept(page: Page) -> None:
    with page:
        page.evaluate("console.log('one', 2); console.warn({a: 1})")
        assert page.console() == [("log", "one 2"), ("warning", "Object")]
        assert [url.rpartition("/")[2] for url in page.requests()] == ["page.html"]
        assert set(page.protocols().values()) == {"file"}
        assert page.problems() == []


def test_the_look_of_a_page(page: Page, tmp_path: Path) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    with page:
        assert page.evaluate("[innerWidth, innerHeight]") == [640, 480]
        page.resize(320, 200, scale=2)
        assert page.evaluate("[innerWidth, innerHeight, devicePixelRatio]") == [320, 200, 2]
        light = page.screenshot()
        page.media(prefers_color_scheme="dark")
        assert page.evaluate(colour) == "rgb(1, 2, 3)"
        dark = page.screenshot(tmp_path / "dark.png")
        page.media()
        assert page.evaluate(colour) == "rgba(0, 0, 0, 0)"
        assert (tmp_path / "dark.png").read_bytes() == dark != light
        assert dark[:8] == b"\x89PNG\r\n\x1a\n"
        assert [int.from_bytes(dark[at : at + 4]) for at in (16, 20)] == [640, 400]


def test_a_page_that_cannot_be_loaded_is_told(page: Page, tmp_path: Path) -> None:
    with page:
        with pytest.raises(BrowserError, match="ERR_FILE_NOT_FOUND"):
            page.goto(f"file://{tmp_path}/none.html")
        page.offline(True)
        with pytest.raises(BrowserError, match="ERR_INTERNET_DISCONNECTED"):
            page.goto("https://127.0.0.1:1/")
        page.offline(False)
        with pytest.raises(BrowserError, match=r"ERR_(UNSAFE_PORT|CONNECTION_REFUSED)"):
            page.goto("https://127.0.0.1:1/")


def test_pages_share_nothing(browser: Browser, page: Page) -> None:
    with page, browser.page(page.requests()[0]) as other:
        page.evaluate("localStorage.setItem('key', 'value')")
        assert page.evaluate("localStorage.getItem('key')") == "value"
        assert other.evaluate("localStorage.getItem('key')") is None
        with pytest.raises(BrowserError, match="thrown here"):
            other.evaluate("(() => { throw new Error('thrown here') })()")
        assert page.problems() == []

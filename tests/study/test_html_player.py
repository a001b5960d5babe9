"""The page that plays a recording, in a real browser without a network.

Read next: test_html_model.py
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from miniloop.study import html
from miniloop.study.lints import Finding
from miniloop.study.recording import Recording
from tests.browser import Browser, Page

from .synthetic import Program, Toy, chat, long, record

CHAT = record(chat())
SOURCES = {"chat.py": "\n".join(f"    await something({k})" for k in range(1, 80))}


def put(folder: Path, recording: Recording, **options: Any) -> str:
    """Write the page of *recording* and return its address."""
    path = folder / "page.html"
    path.write_text(html.page(recording, title="chat.py", **options), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Give a function that opens the page of a recording; there is no network and no error."""
    pages: list[Page] = []

    def open_page(
        recording: Recording = CHAT, place: str = "", size: tuple[int, int] = (1280, 800)
    ) -> Page:
        page = browser.page(size=size)
        pages.append(page)
        page.offline(True)
        page.goto(put(tmp_path, recording, sources=SOURCES) + place)
        return page

    yield open_page
    try:
        for page in pages:
            assert page.problems() == []
            assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []
    finally:
        for page in pages:
            page.close()


def where(page: Page) -> tuple[int, int]:
    """Return iteration and step that *page* shows; what it was told to do is drawn by then."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    texts = page.evaluate("[...document.querySelectorAll('#where span')].map((s) => s.innerText)")
    iteration, step = (int(text.split()[1].split("/")[0]) for text in texts[:2])
    return iteration, step


def press(page: Page, *keys: str) -> tuple[int, int]:
    """Press *keys* one after the other; return where that leads."""
    for key in keys:
        page.press(key, *(["Shift"] if len(key) == 1 and key.isupper() else []))
    return where(page)


def test_keys_walk_by_steps_iterations_and_events(opened: Callable[..., Page]) -> None:
    page = opened()
    assert where(page) == (1, 1)
    assert press(page, "n", "n", "ArrowRight") == (2, 4)
    assert press(page, "b") == (2, 3)
    assert press(page, "ArrowLeft", "ArrowLeft", "ArrowLeft") == (0, 0)
    assert press(page, "i", "i") == (2, 1)
    assert page.text("#sentence").startswith("Iteration 2 begins with 5 entries")
    assert page.text("#phases .here").split() == ["1", "timeout"]
    assert press(page, "e") == (2, 1)
    assert page.text("#phases .here").split() == ["2", "select"]
    assert page.text("#sentence").endswith("does not wait: entries are ready.")
    assert press(page, "E", "I") == (1, 0)
    assert press(page, "End") == (24, 32)
    assert press(page, "Home") == (0, 0)


def test_back_is_forward_reversed(opened: Callable[..., Page]) -> None:
    page = opened(place="#event=0")
    for forward, back in (("n", "b"), ("e", "E"), ("i", "I")):
        shown = []
        for _ in range(8):
            shown.append((where(page), page.text("main")))
            page.press(forward)
        for before in reversed(shown):
            assert (press(page, back), page.text("main")) == before
        assert page.evaluate("player.place") == 0


def test_the_queue_has_a_line_that_nothing_crosses(opened: Callable[..., Page]) -> None:
    page = opened(place="#step=6")  # turns, which asks for one more turn
    assert page.text(".zone.this .running") == "▶turns"
    press(page, "e", "e")
    assert "next iteration: 1" in page.text(".zone.next")
    assert page.text(".zone.next .chip") == "▷turns"
    press(page, "i")
    assert page.text(".zone.this .chip") == "▷turns"
    assert "empty" in page.text(".zone.next")


def test_panels_show_what_the_loop_holds(opened: Callable[..., Page]) -> None:
    page = opened(place="#step=10")
    assert "sleep(0.1) → ticker" in page.text("#timers")
    assert page.evaluate("document.querySelectorAll('#selector li').length") == 3
    assert "conn 2 -> reader#2" in page.text("#selector")
    assert "waits for descriptor 3: conn 3 -> reader#3" in page.text("#tasks")
    assert page.text("#source .here").startswith("→")
    press(page, "End")
    assert page.text("#timers li") == "no timer is set"
    assert page.text("#output pre").splitlines()[-1] == "all lines are in"


def test_jumps_and_undo(opened: Callable[..., Page]) -> None:
    page = opened(place="#step=18")
    assert page.text("#chosen h3 + p").startswith("step 16 · reader#1")
    assert "which set future 1" in page.text("#chosen")
    page.click("#chosen .jump")
    assert where(page)[1] == 16
    page.click("#chosen .woke .jump")
    assert where(page)[1] == 18
    page.press("z", "Control")
    assert where(page)[1] == 16
    page.press("z", "Control")
    assert where(page)[1] == 18


def test_the_address_holds_step_and_selection(opened: Callable[..., Page]) -> None:
    page = opened(place="#step=14&sel=task:ticker")
    assert where(page)[1] == 14
    assert page.text("#chosen-title").lower() == "task ticker"
    press(page, "n")
    assert page.evaluate("location.hash") == "#step=15&sel=task:ticker"
    press(page, "Escape", "x")
    assert page.evaluate("location.hash") == "#step=15&axis=time"
    page.evaluate("location.hash = '#step=3'")
    page.wait("document.getElementById('where').innerText.includes('step 3/')")


def test_search_goes_round(opened: Callable[..., Page]) -> None:
    page = opened()
    page.press("/")
    page.type("got line 2")
    seen = []
    for _ in range(4):
        page.press("Enter")
        seen.append((where(page), page.text("#matches")))
    assert [text for _, text in seen] == ["1 of 3", "2 of 3", "3 of 3", "1 of 3"]
    assert seen[0][0] == seen[3][0] < seen[1][0] < seen[2][0]
    page.press("Enter", "Shift")
    assert page.text("#matches") == "3 of 3"
    press(page, "Escape", "n")
    page.press("/")
    page.evaluate("document.activeElement.value = ''")
    page.type("nowhere to be found")
    page.press("Enter")
    assert page.text("#matches") == "nothing found"


def test_before_after_and_concurrent(opened: Callable[..., Page]) -> None:
    page = opened(place="#step=16")  # reader#1 sets what main waits for
    press(page, "r")
    assert "concurrent" in page.text("#legend")
    found = page.evaluate(
        "[...player.relation].map(([k, how]) => [player.model.steps[k].number, how])"
    )
    relation = dict(found)
    assert {step for step, how in relation.items() if how == "before"} == {1, 2, 11, 12}
    assert relation[16] == "this"
    assert relation[18] == "after"
    assert 14 not in relation  # the ticker's
    assert press(page, "r")[1] == 16
    assert page.evaluate("player.relation") is None


def test_prediction_asks_counts_and_reveals(opened: Callable[..., Page]) -> None:
    page = opened()
    press(page, "p", "n")
    assert page.text("#quiz .question") == "Who runs next?"
    choices = page.evaluate("[...document.querySelectorAll('#quiz .chip')].map((c) => c.innerText)")
    press(page, next(choice for choice in choices if "reader#1" in choice)[0])
    assert "Right" in page.text("#quiz")
    assert "1 of 1 right" in page.text("#quiz")
    assert where(page) == (2, 2)
    press(page, "n")
    page.click("#quiz .chip")  # main, which waits
    assert "No." in page.text("#quiz")
    assert "reader#2 is next: it was created" in page.text("#quiz")
    assert "1 of 2 right" in page.text("#quiz")
    press(page, "n", "Escape")
    assert "Not answered" in page.text("#quiz")
    press(page, "p")
    assert page.evaluate("document.getElementById('quiz').hidden")


def test_nobody_is_an_answer(opened: Callable[..., Page]) -> None:
    page = opened(place="#step=10")
    press(page, "p", "n")
    last = page.evaluate("document.querySelectorAll('#quiz .chip').length")
    press(page, str(last))
    assert "1 of 1 right" in page.text("#quiz")
    assert "descriptor 1 was readable" in page.text("#quiz")


def test_the_window_on_the_lanes(opened: Callable[..., Page]) -> None:
    page = opened()
    view = "JSON.stringify(player.lanes.view)"
    whole = page.evaluate(view)
    press(page, "w", "w", "d")
    assert page.evaluate(view) != whole
    press(page, "f")
    assert page.evaluate(view) == whole
    x, y = page.hover("#lanes")
    page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200)
    page.wait(f"{view} !== '{whole}'")
    under = page.evaluate("player.lanes.unpx(600)")
    page.mouse("mousePressed", x, y, button="left", clickCount=1)
    page.mouse("mouseMoved", x - 80, y, button="left", buttons=1)
    page.mouse("mouseReleased", x - 80, y, button="left", clickCount=1)
    page.wait(f"Math.abs(player.lanes.unpx(600 - 80) - {under}) < 0.05")
    press(page, "x")
    assert page.text("#tools button") == "axis: time"


def test_the_pointer_on_a_bar(opened: Callable[..., Page]) -> None:
    page = opened()
    page.hover("#lanes")
    box = page.evaluate(
        """(() => {
            const { lanes, model } = player, task = model.tasks.get("main");
            const [, step] = task.slices, box = lanes.canvas.getBoundingClientRect();
            const middle = (lanes.at(step.from) + lanes.at(step.to)) / 2;
            return [box.left + lanes.px(middle), box.top + lanes.rowY(lanes.rowFor(task)) + 9];
        })()"""
    )
    page.mouse("mouseMoved", *box)
    page.wait("!document.getElementById('tip').hidden")
    assert "main ▶ running for" in page.text("#tip")
    assert "chat.py:13" in page.text("#tip")
    for what in ("mousePressed", "mouseReleased"):
        page.mouse(what, *box, button="left", clickCount=1)
    page.wait("document.getElementById('chosen-title').innerText.toLowerCase() === 'selected step'")
    assert page.evaluate("location.hash").endswith("sel=step:1")


def test_lanes_can_be_chosen_filtered_and_collapsed(opened: Callable[..., Page]) -> None:
    page = opened()
    rows = "player.lanes.rows.length"
    assert page.evaluate(rows) == 7
    press(page, "j", "j")
    assert page.text("#chosen-title").lower() == "task reader#2"
    press(page, ".", ".")
    assert where(page)[1] == 13
    press(page, ",")
    assert where(page)[1] == 3
    page.click("#filter")
    page.type("reader")
    assert page.evaluate(rows) == 4
    page.press("Escape")
    press(page, "k", "k", "c")
    assert page.evaluate(rows) == 2
    press(page, "c")
    assert page.evaluate(rows) == 7


def test_play_and_pause(opened: Callable[..., Page]) -> None:
    page = opened()
    press(page, "+", "+", "+", "+", "+", " ")
    page.wait("document.getElementById('where').innerText.includes('step 32/')")
    page.wait("!player.playing")
    page.press("Home")
    press(page, " ", " ")
    assert page.evaluate("player.playing") is False


def test_themes_follow_the_system_until_one_is_chosen(opened: Callable[..., Page]) -> None:
    page = opened()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.media(prefers_color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    press(page, "t")
    assert page.evaluate(ground) == light
    press(page, "t")
    assert page.evaluate(ground) == dark


def test_on_a_phone_nothing_is_wider_than_the_screen(opened: Callable[..., Page]) -> None:
    page = opened(size=(390, 844))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#controls button[aria-label^='Next step']")
    assert where(page)[1] == 2
    page.click("#extras button[aria-label^='Keys']")
    assert page.evaluate("document.getElementById('help').open")


def test_it_can_be_used_without_seeing_it(opened: Callable[..., Page]) -> None:
    page = opened()
    nameless = """[...document.querySelectorAll("button, input, select, canvas, section, aside")]
        .filter((each) => !each.innerText?.trim() && !each.ariaLabel)
        .filter((each) => !each.getAttribute("aria-labelledby")).length"""
    assert page.evaluate(nameless) == 0
    assert page.evaluate("document.getElementById('sentence').ariaLive") == "polite"
    press(page, "?")
    assert "next step" in page.text("#help")
    press(page, "?")
    assert page.evaluate("document.getElementById('help').open") is False


def test_names_are_text_whatever_they_are(opened: Callable[..., Page]) -> None:
    name = "</script><b>größe ☃</b> {{data}}"
    page = opened(record(chat(name=name)))
    press(page, "n", "n")
    assert f"{name}#2" in page.text("#tasks")
    assert f"{name}#2 runs" in page.text("#sentence")
    assert page.evaluate("document.querySelectorAll('#main b.x, #tasks b').length") == 0


def test_what_is_missing_is_said(opened: Callable[..., Page]) -> None:
    recording = record(chat(), cut=60)
    recording.dropped = 7
    page = opened(recording)
    assert "cut short" in page.text("#banner")
    assert "7 events" in page.text("#banner")
    press(page, "End", "b", "n")
    assert page.evaluate("document.getElementById('banner').hidden") is False
    assert opened().evaluate("document.getElementById('banner').hidden") is True


def test_findings_are_jumps(browser: Browser, tmp_path: Path) -> None:
    found = [
        Finding("slow step", "<b>turns</b> took 2 s", "chat.py:7", 60),
        Finding("orphan", "nobody looked", "", 14),
    ]
    with browser.page(put(tmp_path, CHAT, findings=found)) as page:
        assert page.text("#findings summary") == "2 findings: slow step, orphan"
        assert page.evaluate("document.getElementById('findings').open")
        assert page.text("#findings li button") == "<b>turns</b> took 2 s"
        page.click("#findings li:last-child button")
        where(page)
        assert page.evaluate("location.hash") == "#event=14"
        assert page.problems() == []


def test_of_many_tasks_those_that_live_in_the_window_have_lanes(
    opened: Callable[..., Page],
) -> None:
    def start(toy: Toy) -> None:
        def short() -> Program:
            yield ("turn",)

        def mother() -> Program:
            for number in range(60):
                toy.spawn(f"child {number}", short())
                for _ in range(5):
                    yield ("turn",)

        toy.spawn("mother", mother())

    page = opened(record(start))
    press(page, "End")
    names = page.evaluate("player.lanes.rows.slice(1).map((row) => row.task.name)")
    assert {"mother", "child 59"} <= set(names)
    assert len(names) < 20
    page.click("#alive")
    assert page.evaluate("player.lanes.rows.length") == 62
    page.click("#alive")
    assert page.evaluate("player.lanes.rows.length") == len(names) + 1
    assert page.problems() == []


def test_tasks_that_wait_in_a_circle_are_told(opened: Callable[..., Page]) -> None:
    def waits(other: str) -> Program:
        yield ("turn",)
        yield ("join", other)

    def start(toy: Toy) -> None:
        toy.spawn("ann", waits("bob"))
        toy.spawn("bob", waits("ann"))

    page = opened(record(start))
    assert "Deadlock" not in page.text("#tasks")
    press(page, "End")
    assert "Deadlock: ann waits for bob waits for ann" in page.text("#tasks")


@pytest.mark.parametrize("cut", [0, 1, 9, 12])
def test_the_beginning_of_a_recording_is_one(opened: Callable[..., Page], cut: int) -> None:
    page = opened(record(chat(), cut=cut))
    press(page, "n", "n", "b", "i", "I", "x", "r", "f", "End")
    page.press("/")
    page.type("main")
    page.press("Enter")
    where(page)


def test_the_end_of_a_recording_is_one(browser: Browser, tmp_path: Path) -> None:
    with browser.page(put(tmp_path, CHAT, most=150)) as page:
        press(page, "n", "b", "b", "Home", "i", "End", "b", "b")
        assert page.problems() == []
        assert "Only the last 150 events of 300" in page.text("#banner")


def test_a_frame_of_100_000_events_draws_what_can_be_seen(opened: Callable[..., Page]) -> None:
    page = opened(record(long(600, 28)))
    assert page.evaluate("player.model.last") > 90_000
    count = """(() => {
        let rectangles = 0;
        const { draws } = player.lanes, real = draws.fillRect;
        draws.fillRect = function (...box) { rectangles++; return real.apply(this, box); };
        player.drawNow();
        draws.fillRect = real;
        return rectangles;
    })()"""
    seen = page.evaluate("player.lanes.width * (player.lanes.height / player.lanes.tall + 3)")
    assert 100 < page.evaluate(count) < seen
    press(page, "f")
    assert 100 < page.evaluate(count) < seen
    press(page, "End", "b", "I")
    assert page.text("#sentence") != ""
    lengths = page.evaluate("player.model.ready.marks.map((mark) => mark.live.length)")
    assert sum(lengths) < 4 * 100_000
    assert json.loads(page.evaluate("JSON.stringify(player.model.last)")) > 0

"""`miniloop learn`: what there is, a page that opens where it clicks, and the same as text."""

from __future__ import annotations

import re
import webbrowser
from pathlib import Path

import pytest

from compat.__main__ import status_of
from compat.commands import learn, parse_target
from compat.commands.learn import address_of, lesson_page
from compat.examples import EXAMPLES
from compat.examples.learning import MISCONCEPTIONS, STEPS, Misconception, program
from tests.browser import Browser
from tests.study.lessons import record
from tests.study.test_html import decoded, embedded

EVERY = (*STEPS, *MISCONCEPTIONS)
GOLDEN = Path(__file__).parents[1] / "study" / "golden"


def misconception(name: str) -> Misconception:
    """Return the misconception of that name."""
    found = program(name)
    assert isinstance(found, Misconception)
    return found


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record without another process."""
    recording = record(misconception("cancel_kills"), "miniloop", monkeypatch)
    monkeypatch.setattr(learn, "recorded", lambda *_: recording)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the addresses that a browser was told to open."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    return addresses


def test_everything_is_listed_with_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["learn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    assert [(name, words) for name, words in listed] == [
        (each.name, each.summary) for each in EVERY
    ]
    assert all(words.endswith(".") for _, words in listed)


def test_a_name_that_is_none_gets_a_sentence_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status_of(["learn", "nonsense"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("miniloop: there is nothing called 'nonsense' to learn from; there are ")
    assert all(each.name in line for each in EVERY)


def test_the_page_has_the_lessons_words_and_its_address_the_moment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], opened: list[str]
) -> None:
    path = tmp_path / "page.html"
    assert status_of(["learn", "calling_runs", "-o", str(path), "--open"]) == 0
    said, address = capsys.readouterr().out.splitlines()
    assert said == f"{path}: coroutine greet() was never awaited"
    assert opened == [address]
    page = path.read_text("utf-8")
    place = re.fullmatch(re.escape(path.as_uri()) + r"#event=(\d+)&sel=step:1", address)
    assert place
    [event] = [each for each in decoded(embedded(page)) if each["n"] == int(place[1])]
    assert (event["kind"], event["coro"]) == ("never_awaited", "greet")
    words = page[page.index('<details id="lesson"') : page.index('<p id="banner"')]
    assert "calling an async function runs it." in words
    assert "nothing of it runs until it is awaited" in words
    assert "called = greet()" in str(embedded(page)["sources"])


def test_without_open_no_browser_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    opened: list[str],
    in_process: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of(["learn", "cancel_kills"]) == 0
    assert capsys.readouterr().out.startswith("cancel_kills.html: CancelledError is thrown into")
    page = (tmp_path / "cancel_kills.html").read_text("utf-8")
    assert "where it waits, and <code>finally</code> runs." in page
    assert opened == []


def test_as_text_it_is_the_same_story_as_in_the_tests_on_the_other_loop_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of(["learn", "create_task_starts", "--text", "--loop", "asyncio"]) == 0
    said, expected = capsys.readouterr().out, (GOLDEN / "create_task_starts.txt").read_text("utf-8")
    assert said.partition("iteration 1\n")[2] == expected.partition("iteration 1\n")[2]
    assert said.startswith("Belief: create_task() starts the task.\n")
    assert re.search(r'^ +\d+  +print\("main goes on', said, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_a_step_is_shown_and_run(capfd: pytest.CaptureFixture[str]) -> None:
    assert status_of(["learn", "one_generators"]) == 0
    assert capfd.readouterr().out.endswith(
        "# one_generators.py prints:\n\na 1\nb 1\na 2\nb 2\none has ended\nb 3\none has ended\n"
    )


def test_a_page_that_cannot_be_written_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], in_process: None
) -> None:
    assert status_of(["learn", "cancel_kills", "-o", str(tmp_path / "none" / "page.html")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("miniloop: cannot write ")


def test_run_and_record_find_them_by_name() -> None:
    assert {each.name for each in EXAMPLES}.isdisjoint(each.name for each in EVERY)
    for each in EVERY:
        assert parse_target([each.name, "word"], as_module=False).name == str(each.path)


def test_the_page_opens_where_it_clicks_with_the_words_in_sight(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = misconception("create_task_starts")
    recording = record(lesson, "miniloop", monkeypatch)
    path = tmp_path / "page.html"
    path.write_text(lesson_page(lesson, recording), "utf-8")
    with browser.page() as page:
        page.offline(True)
        page.goto(path.as_uri() + address_of(lesson, recording))
        page.wait("document.querySelector('#sentence').innerText.includes('main goes on')")
        assert page.text("#lesson").splitlines()[0] == f"Belief: {lesson.summary}"
        assert "child" in page.text("#queue-body").partition("next iteration")[2]
        assert page.problems() == []

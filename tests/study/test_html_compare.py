"""Two recordings on one page: what belongs together, and how it looks in a real browser.

Read next: test_perfetto.py
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.commands.html import html as command
from miniloop.study.html_compare import alignment, all_steps, both, compare_page, only
from miniloop.study.recording import Recording, write
from tests.browser import Browser, Page
from tests.effort import effort

from . import programs
from .synthetic import Program, Toy, chat, record

PASSING = record(chat())
FAILING = record(chat(), picks={4: 2})


def check(left: Recording, right: Recording) -> None:
    """Raise AssertionError unless the blocks say of every step, once, what is true of it."""
    mine, theirs = (told.keys for told in both(left, right))
    at, at_there = 0, 0
    for kind, a, b, c, d in alignment(mine, theirs):
        assert (a, c) == (at, at_there)
        assert b > a or d > c
        at, at_there = b, d
        match kind:
            case "equal":
                assert mine[a:b] == theirs[c:d]
            case "moved":
                assert sorted(map(str, mine[a:b])) == sorted(map(str, theirs[c:d]))
                assert mine[a:b] != theirs[c:d]
            case _:
                assert kind == "differs"
    assert (at, at_there) == (len(mine), len(theirs))
    lone = only(mine, theirs)
    rest = [step for place, step in enumerate(mine) if place not in lone["left"]]
    rest_there = [step for place, step in enumerate(theirs) if place not in lone["right"]]
    assert sorted(map(str, rest)) == sorted(map(str, rest_there))


def test_a_run_is_its_own_likeness() -> None:
    run = all_steps(PASSING).keys
    assert alignment(run, run) == [("equal", 0, len(run), 0, len(run))]
    assert only(run, run) == {"left": [], "right": []}


def test_another_pick_moves_steps_until_both_have_made_them() -> None:
    mine, theirs = (told.keys for told in both(PASSING, FAILING))
    blocks = alignment(mine, theirs)
    assert blocks[:2] == [("equal", 0, 3, 0, 3), ("moved", 3, 6, 3, 6)]
    assert {kind for kind, *_ in blocks} == {"equal", "moved"}
    assert only(mine, theirs) == {"left": [], "right": []}


@settings(max_examples=effort(100, 25))
@given(st.dictionaries(st.integers(1, 30), st.integers(0, 4)), st.integers(1, 4))
def test_blocks_tell_the_truth(picks: dict[int, int], readers: int) -> None:
    check(PASSING, record(chat(readers), picks=picks))
    check(record(chat(readers), picks=picks), PASSING)


def race(toy: Toy) -> None:
    """Start two tasks; what the second prints depends on who was first."""
    seen: list[str] = []

    def withdraw() -> Program:
        yield ("turn",)
        yield ("print", f"withdraw sees {len(seen)}")
        seen.append("withdraw")

    def deposit() -> Program:
        yield ("turn",)
        yield ("print", f"deposit sees {len(seen)}")
        seen.append("deposit")

    def patience() -> Program:
        for _ in range(40):
            yield ("turn",)

    toy.spawn("patience", patience())
    toy.spawn("deposit", deposit())
    toy.spawn("withdraw", withdraw())


RACE, LOST = record(race), record(race, picks={5: 1})


def test_what_only_one_run_did_is_told_apart() -> None:
    check(RACE, LOST)
    mine, theirs = (told.keys for told in both(RACE, LOST))
    lone = only(mine, theirs)
    assert [mine[place][0] for place in lone["left"]] == ["deposit", "withdraw"]
    assert len(lone["right"]) == 2


async def busy() -> None:
    """Wait for this and that."""

    async def turns(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await asyncio.gather(*(turns(number) for number in range(4)))


def test_between_two_loops_only_the_programs_own_steps_count() -> None:
    ours, theirs = programs.record(busy, "miniloop"), programs.record(busy, "asyncio")
    assert both(ours, ours)[0] == all_steps(ours)
    ours.header["loop"], theirs.header["loop"] = "miniloop", "asyncio"
    mine, others = both(ours, theirs)
    assert {key[0] for key in mine.keys} == {"busy", "turns", "turns#2", "turns#3", "turns#4"}
    assert [kind for kind, *_ in alignment(mine.keys, others.keys)] == ["equal"]
    assert all_steps(ours).keys != all_steps(theirs).keys
    runs = [event for event in theirs.events if event["kind"] == "run"]
    added = {event["n"]: event for event in theirs.events if event["kind"] == "add"}
    who = [added[runs[place]["entry"]]["task"] for place in others.places]
    assert who == [key[0] for key in others.keys]


def opened(browser: Browser, folder: Path, *, size: tuple[int, int] = (1280, 860)) -> Page:
    text = compare_page(
        RACE,
        LOST,
        title="race",
        heads=("fifo", "lost"),
        sentence="</script><b>☃",
        again=[(5, "let deposit run instead", "miniloop replay race:main 'fifo'"), (7, "x", "")],
    )
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    page = browser.page(size=size)
    page.offline(True)
    page.goto(path.as_uri())
    return page


def test_the_page_tells_where_the_runs_part(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path) as page:
        story = page.text("#story")
        assert story.startswith("</script><b>☃ The runs agree for 4 steps.")
        assert "“fifo” ran deposit (ready as well: withdraw)" in story
        assert "“lost” ran withdraw, number 2 in the queue (ready as well: deposit)" in story
        boards = page.text(".board"), page.text(".board:last-child")
        assert "deposit runs in step 5" in boards[0]
        assert "withdraw runs in step 5" in boards[1]
        assert "deposit sees 0" in boards[0]
        assert "withdraw sees 0" in boards[1]
        loud = page.evaluate("pair.columns.filter((each) => each.loud).length")
        ghosts = page.evaluate("pair.columns[pair.at].ghosts.right.map(entryName)")
        assert (loud, ghosts) == (1, ["deposit"])
        page.click("#again summary")
        assert page.text("#again ul").splitlines() == [
            "let deposit run instead:",
            "miniloop replay race:main 'fifo'",
        ]
        assert page.problems() == []
        assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []


def test_what_is_alike_is_folded_until_it_is_opened(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path) as page:
        columns = page.evaluate("pair.columns.length")
        assert columns < 20 < len(all_steps(RACE).keys)
        page.press("End")
        assert "steps that are alike" in page.text("#sentence")
        page.press("Enter")
        assert page.evaluate("pair.columns.length") == len(all_steps(RACE).keys)
        assert page.text("#sentence").startswith("Both run patience.")
        page.press("Enter")
        assert page.evaluate("pair.columns.length") == columns


def test_keys_go_from_column_to_column(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path) as page:
        at = page.evaluate("pair.at")
        assert page.evaluate("location.hash") == f"#column={at}"
        page.press("ArrowRight")
        assert page.evaluate("pair.at") == at + 1
        assert page.text("#sentence").startswith("Fifo: withdraw. Lost: deposit.")
        page.press("Home")
        page.press("d")
        assert page.evaluate("pair.at") == at
        page.press("r")
        assert "concurrent" in page.text("#legend")
        assert page.text("#controls") == "‹‹\n‹\n›\n››"
        page.click(".board .jump")
        assert page.evaluate("pair.at") < at
        page.press("?")
        assert page.evaluate("document.getElementById('help').open")
        assert page.problems() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    browser: Browser, tmp_path: Path, theme: str
) -> None:
    with opened(browser, tmp_path, size=(390, 844)) as page:
        page.media(prefers_color_scheme=theme)
        page.evaluate("new Promise(requestAnimationFrame)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.problems() == []


def test_the_command_shows_two_recordings(tmp_path: Path) -> None:
    write(tmp_path / "one.mlt", RACE)
    write(tmp_path / "two.mlt", LOST)
    names = [str(tmp_path / "one.mlt"), "--against", str(tmp_path / "two.mlt")]
    result = CliRunner().invoke(command, names)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert '"heads":["one","two"]' in text


def test_runs_that_are_alike_or_empty_make_a_page(browser: Browser, tmp_path: Path) -> None:
    empty = Recording({"program": "x"})
    for left, right in ((RACE, RACE), (empty, empty), (empty, RACE), (RACE, empty)):
        path = tmp_path / "page.html"
        path.write_text(compare_page(left, right, title="x"), encoding="utf-8")
        with browser.page(path.as_uri()) as page:
            for key in ("ArrowRight", "d", "D", "Enter", "End", "r", "w", "Home"):
                page.press(key)
            assert page.problems() == []
            alike = left is right
            assert ("same steps in the same order" in page.text("#story")) is alike

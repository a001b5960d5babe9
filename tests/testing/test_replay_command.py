"""`miniloop replay` and `miniloop explore`: what they print, and with which status they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.cells import Done, miniloop, write

PROGRAM = {
    "shop.py": """
        import asyncio

        async def lost(world):
            queue, got = asyncio.Queue(), []

            async def take():
                item = await queue.get()
                await asyncio.sleep(0)
                got.append(item)

            task = asyncio.create_task(take())
            queue.put_nowait("item")
            world.sometime(task.cancel)
            await asyncio.wait([task])
            assert len(got) + queue.qsize() == 1, "the item is lost"

        async def fine():
            await asyncio.sleep(3600)

        async def use(slots):
            await slots.acquire()
            await asyncio.sleep(0)
            slots.release()

        async def keeps():
            slots = asyncio.Semaphore(1)
            await asyncio.wait([asyncio.create_task(use(slots)) for _ in range(2)])

        def plain():
            pass

        class Inner:
            fine = staticmethod(fine)
        """,
    "broken.py": "import nothing_of_that_name",
    "odd.py": "def",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write(tmp_path, PROGRAM)
    return tmp_path


def run(shop: Path, *words: str) -> Done:
    return miniloop(*words, cwd=shop)


def test_a_schedule_that_holds_ends_with_0_and_one_that_fails_with_1(shop: Path) -> None:
    plain = run(shop, "replay", "shop:fine")
    assert (plain.returncode, plain.stdout) == (0, "shop:fine holds under fifo\n")
    failing = run(shop, "replay", "shop:lost", "fifo:event0=0")
    assert (failing.returncode, failing.stderr) == (1, "")
    assert failing.stdout == "exception: AssertionError: the item is lost\n"


@pytest.mark.parametrize("library", ["miniloop", "asyncio"])
def test_it_runs_on_either_library_and_traces_alike(shop: Path, library: str) -> None:
    done = run(shop, "replay", "shop.py:lost", "--library", library, "--trace")
    assert done.returncode == 1
    assert "Task-1 (take) shop.py:6" in done.stdout.splitlines()
    assert "from outside: cancel of Task-1 (take) at shop.py:8" in done.stdout.splitlines()


def test_what_explore_prints_can_be_replayed(shop: Path) -> None:
    found = run(shop, "explore", "shop:keeps", "--cancel", "everywhere", "--runs", "200")
    assert found.returncode == 1
    command, page = found.stdout.splitlines()[-2:]
    assert command == "Again: miniloop replay shop:keeps 'fifo:cancel1=1' --cancel everywhere"
    assert page == "As a page: the same with --html page.html"
    again = run(shop, "replay", "shop:keeps", "fifo:cancel1=1", "--cancel", "everywhere")
    assert again.returncode == 1
    assert "nobody can wake it" in again.stdout


def test_explore_ends_with_0_when_nothing_is_found(shop: Path) -> None:
    done = run(shop, "explore", "shop:Inner.fine", "--level", "any", "--jobs", "2", "--seed", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no failure in ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay", "shop"), "MODULE:FUNCTION"),
        (("replay", "shop:nothing"), "there is no nothing in shop"),
        (("replay", "shop:plain"), "plain in shop is no async def"),
        (("replay", "nowhere:main"), "nowhere cannot be imported"),
        (("replay", "nowhere.py:main"), "there is no file nowhere.py"),
        (("replay", "broken:main"), "broken cannot be imported"),
        (("replay", "odd:main"), "odd cannot be imported"),
        (("replay", "shop:fine", "fifo:bla"), "is no deviation; one looks like pick17=2"),
        (("replay", "shop:fine", "wild"), "the level is one of fifo, tasks, any"),
        (("replay", "shop:fine", "any", "--library", "asyncio"), "schedules of level fifo"),
        (("explore", "shop:fine", "--strategy", "luck"), "--strategy"),
        (("explore", "shop:fine", "--runs", "0"), "--runs"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(
    shop: Path, words: tuple[str, ...], said: str
) -> None:
    done = run(shop, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1

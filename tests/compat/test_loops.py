"""Every loop that a program makes is the cell's, however it makes it."""

from pathlib import Path

import pytest

from compat.options import Cell

from .cells import INSTALLED, MODULE_OF_LOOP, PLAIN, every_cell, in_cell, printed, write

WAYS = {
    "run": "asyncio.run(running())",
    "runner": "with asyncio.Runner() as runner: runner.run(running())",
    "new_event_loop": "loop = asyncio.new_event_loop(); loop.run_until_complete(running())",
    "SelectorEventLoop": "loop = asyncio.SelectorEventLoop(); loop.run_until_complete(running())",
    "with a selector": """
        import selectors
        loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        loop.run_until_complete(running())
        """,
    "subclass": """
        class Loop(asyncio.SelectorEventLoop):
            pass
        Loop.__module__ = Loop.__base__.__module__
        loop = Loop()
        loop.run_until_complete(running())
        """,
    "loop_factory": """
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(running())
        """,
    "thread": """
        import threading
        thread = threading.Thread(target=lambda: asyncio.run(running()))
        thread.start()
        thread.join()
        """,
    "set_event_loop": """
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        asyncio.get_event_loop().run_until_complete(running())
        """,
}
ONLY_ASYNCIO = {
    "policy": """
        loop = asyncio.get_event_loop_policy().new_event_loop()
        loop.run_until_complete(running())
        """,
    "default policy put back": """
        asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
        asyncio.run(running())
        """,
    "get_event_loop": "loop = asyncio.get_event_loop(); loop.run_until_complete(running())",
    "unittest": """
        import unittest
        class T(unittest.IsolatedAsyncioTestCase):
            async def test(self):
                await running()
        unittest.TextTestRunner(open('/dev/null', 'w')).run(T('test'))
        """,
}
HEAD = """
import asyncio

async def running():
    await asyncio.sleep(0)
    module = type(asyncio.get_running_loop()).__mro__[0].__module__
    print("asyncio.unix_events" if module == "_UnixSelectorEventLoop" else module)

loop = None
"""


@every_cell
@pytest.mark.parametrize("way", WAYS)
def test_loops_are_the_cells(tmp_path: Path, cell: Cell, way: str) -> None:
    check(tmp_path, cell, WAYS[way])


@pytest.mark.parametrize("cell", [c for c in INSTALLED if c.names == "asyncio"], ids=str)
@pytest.mark.parametrize("way", ONLY_ASYNCIO)
def test_loops_made_by_asyncio_itself_are_the_cells(tmp_path: Path, cell: Cell, way: str) -> None:
    check(tmp_path, cell, ONLY_ASYNCIO[way])


def check(tmp_path: Path, cell: Cell, way: str) -> None:
    """Check that the way of making a loop makes the cell's."""
    import textwrap

    text = HEAD + textwrap.dedent(way).strip() + "\nif loop: loop.close()\n"
    done = in_cell(cell, write(tmp_path, {"program.py": text}), flags=("-Wignore",))
    assert printed(done) == [MODULE_OF_LOOP[cell.loop]]


@every_cell
def test_a_policy_of_the_programs_own_makes_its_loops(tmp_path: Path, cell: Cell) -> None:
    text = (
        HEAD
        + """
class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        print("asked")
        return super().new_event_loop()

asyncio.set_event_loop_policy(Policy())
asyncio.run(running())
asyncio.set_event_loop_policy(None)
print(isinstance(asyncio.get_event_loop_policy(), asyncio.AbstractEventLoopPolicy))
asyncio.run(running())
"""
    )
    done = in_cell(cell, write(tmp_path, {"program.py": text}), flags=("-Wignore",))
    assert printed(done) == ["asked", MODULE_OF_LOOP[cell.loop], "True", MODULE_OF_LOOP[cell.loop]]


@every_cell
def test_uvloop_can_be_installed(tmp_path: Path, cell: Cell) -> None:
    pytest.importorskip("uvloop")
    text = HEAD + "import uvloop; uvloop.install(); asyncio.run(running())"
    done = in_cell(cell, write(tmp_path, {"program.py": text}), flags=("-Wignore",))
    assert printed(done) == ["uvloop"]


@every_cell
def test_a_program_that_asks_for_uvloop_gets_it(tmp_path: Path, cell: Cell) -> None:
    pytest.importorskip("uvloop")
    text = HEAD + "import uvloop; asyncio.Runner(loop_factory=uvloop.new_event_loop).run(running())"
    done = in_cell(cell, write(tmp_path, {"program.py": text}))
    assert "uvloop" in done.stdout
    assert PLAIN in INSTALLED

"""A cell must be invisible: asyncio on asyncio is exactly what `python program.py` does."""

import re
import sys
from pathlib import Path

import pytest

from compat.options import Cell

from .cells import PLAIN, Done, every_cell, finish, in_cell, printed, write

PROGRAMS = {
    "exit status": "import sys; print('a'); sys.exit(3)",
    "exit message": "import sys; sys.exit('no such thing')",
    "exception": """
        import asyncio

        async def inner():
            raise ValueError("oh")

        async def main():
            try:
                await inner()
            except ValueError as error:
                raise KeyError("worse") from error

        asyncio.run(main())
        """,
    "exception group": """
        import asyncio

        async def fail():
            1 / 0

        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())

        asyncio.run(main())
        """,
    "syntax error": "x = (1,\ny = 2\n",
    "never awaited": """
        import asyncio

        async def nobody():
            pass

        nobody()
        """,
    "deprecation in main": "import warnings; warnings.warn('old', DeprecationWarning)",
    "interrupted": "raise KeyboardInterrupt",
    "own excepthook": """
        import sys
        sys.excepthook = lambda kind, error, trace: print(kind.__name__, trace.tb_lineno)
        raise OSError
        """,
    "fails in a callback": """
        import asyncio
        loop = asyncio.new_event_loop()
        loop.call_soon(lambda: 1 / 0)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        """,
    "stack": "def f(): return 1 / 0\nf()",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "prints at exit": "import atexit; atexit.register(print, 'bye'); print('hello')",
    "reads": "print(input().upper())",
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("flags", [(), ("-Werror",)], ids=["", "errors"])
def test_plain_cell_is_python_itself(tmp_path: Path, name: str, flags: tuple[str, ...]) -> None:
    program = write(tmp_path, {"program.py": PROGRAMS[name]})
    plain = finish([sys.executable, *flags, str(program)], stdin="word\n")
    ours = in_cell(PLAIN, program, flags=flags, stdin="word\n")
    assert outcome(ours) == outcome(plain)


def outcome(done: Done) -> tuple[str, str, int]:
    """Return all that a process did, addresses in memory removed."""
    return done.stdout, re.sub("0x[0-9a-f]+", "0x", done.stderr), done.returncode


FACTS = """
    import sys
    here = sys.modules["__main__"]
    print(__name__, __file__, __package__, __spec__, __doc__, type(__builtins__).__name__)
    print(sys.argv, sys.path[0], here.__dict__ is globals(), sorted(globals()))
    print(type(__loader__).__name__, __loader__.name, __loader__.path)
    print(sys.flags.dont_write_bytecode, sys.warnoptions)
    """


@every_cell
def test_main_module_is_as_python_makes_it(tmp_path: Path, cell: Cell) -> None:

    program = write(tmp_path, {"program.py": FACTS})
    plain = finish([sys.executable, "program.py", "a", "-b"], cwd=tmp_path)
    ours = in_cell(cell, "program.py", "a", "-b", cwd=tmp_path)
    assert program.exists()
    assert printed(ours) == printed(plain)


@every_cell
def test_script_reached_through_a_link(tmp_path: Path, cell: Cell) -> None:

    real = write(tmp_path, {"real/program.py": "import friend", "real/friend.py": "print('hi')"})
    link = tmp_path / "link.py"
    link.symlink_to(real)
    assert printed(in_cell(cell, link)) == ["hi"]


@every_cell
def test_directory_with_a_main(tmp_path: Path, cell: Cell) -> None:

    files = {
        "app/__main__.py": "import asyncio, friend; print(__name__, asyncio.__name__)",
        "app/friend.py": "import asyncio; print(asyncio.__name__)",
    }
    write(tmp_path, files)
    lines = printed(in_cell(cell, tmp_path / "app"))
    assert lines == [cell.names, f"__main__ {cell.names}"]

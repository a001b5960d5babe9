"""Nothing of ours is in a program's way, and its processes are in the same cell."""

from pathlib import Path

import pytest

from compat.options import Cell

from .cells import MODULE_OF_LOOP, every_cell, in_cell, miniloop, printed, renamed_cells, write

OWN = ["compat", "protocols", "tests", "names", "loops", "report", "launch", "json",
       "ast", "string", "copy", "click", "heapq", "bisect"]  # fmt: skip


@every_cell
def test_the_programs_own_modules_win(tmp_path: Path, cell: Cell) -> None:
    files = {"program.py": "import asyncio\n" + "".join(f"import {name}\n" for name in OWN)}
    files |= {f"{name}.py": "print('own', __name__)" for name in OWN[1:]}
    files |= {"compat/__init__.py": "from . import cell; print('own', __name__)",
              "compat/cell.py": "import asyncio; print(asyncio.__name__)"}  # fmt: skip
    # Modules that asyncio itself needs are loaded with it, own or not, before the program's line.
    lines = in_cell(cell, write(tmp_path, files)).stdout.splitlines()
    assert lines[0] == cell.names
    assert set(lines[1:]) == {f"own {name}" for name in OWN}


@every_cell
def test_none_of_our_modules_is_loaded(tmp_path: Path, cell: Cell) -> None:
    text = """
        import sys
        ours = ("compat", "protocols", "tests", "click", "rich")
        print([name for name in sys.modules if name.split(".")[0] in ours])
        print([path for path in sys.path if "compat" in path])
        """
    assert printed(in_cell(cell, write(tmp_path, {"program.py": text}))) == ["[]", "[]"]


def test_command_line_runs_a_program_with_modules_called_as_ours(tmp_path: Path) -> None:
    files = {
        "program.py": "import compat, protocols, tests; print(compat.x, protocols.x, tests.x)",
        "compat.py": "x = 1", "protocols/__init__.py": "x = 2", "tests/__init__.py": "x = 3",
    }  # fmt: skip
    program = write(tmp_path, files)
    assert printed(miniloop("run", str(program))) == ["1 2 3"]
    done = miniloop("compare", "--cells", "asyncio/asyncio,miniloop/miniloop", str(program))
    assert done.returncode == 0, done.stdout


POOL = """
    import asyncio, multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    import own

    def facts(number):
        import own
        async def kind():
            return type(asyncio.get_running_loop()).__module__
        return number, asyncio.__name__, own.asyncio.__name__, asyncio.run(kind()), __name__

    async def main():
        context = multiprocessing.get_context(sys.argv[1])
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            print(*await loop.run_in_executor(pool, facts, 7))
            print(*await loop.run_in_executor(pool, own.facts))

    if __name__ == "__main__":
        asyncio.run(main())
    """


@every_cell
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_are_in_the_same_cell(tmp_path: Path, cell: Cell, method: str) -> None:
    files = {"program.py": POOL, "own.py": "import asyncio\ndef facts(): return [asyncio.__name__]"}
    program = write(tmp_path, files)
    done = in_cell(cell, program, method, flags=("-Wignore::DeprecationWarning",))
    name = "__main__" if method == "fork" else "__mp_main__"
    kind = MODULE_OF_LOOP[cell.loop]
    assert printed(done) == [f"7 {cell.names} {cell.names} {kind} {name}", cell.names]


@every_cell
def test_a_process_pool_of_a_module(tmp_path: Path, cell: Cell) -> None:
    files = {"package/__init__.py": "", "package/begin.py": POOL.replace("import own", "from "
             "package import own"), "package/own.py": "import asyncio\n"
             "def facts(): return [asyncio.__name__]"}  # fmt: skip
    write(tmp_path, files)
    done = in_cell(cell, "package.begin", "spawn", kind="module", cwd=tmp_path)
    kind = MODULE_OF_LOOP[cell.loop]
    assert printed(done) == [f"7 {cell.names} {cell.names} {kind} __mp_main__", cell.names]


@every_cell
def test_objects_of_main_can_be_pickled(tmp_path: Path, cell: Cell) -> None:
    text = """
        import asyncio, dataclasses, pickle
        @dataclasses.dataclass
        class Job:
            number: int
        def work(): return asyncio
        assert pickle.loads(pickle.dumps(Job(3))) == Job(3)
        assert pickle.loads(pickle.dumps(work)) is work
        """
    assert printed(in_cell(cell, write(tmp_path, {"program.py": text}))) == []


@renamed_cells
def test_warnings_as_errors_disturb_nothing(tmp_path: Path, cell: Cell) -> None:
    text = "import asyncio; asyncio.run(asyncio.sleep(0)); print('done')"
    done = in_cell(cell, write(tmp_path, {"program.py": text}), flags=("-Werror", "-Xdev"))
    assert printed(done) == ["done"]

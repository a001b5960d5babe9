"""What `import asyncio` means in a cell: the cell's names in the program's own modules only."""

from pathlib import Path

import pytest

from compat.cell.names import ProgramFinder
from compat.options import Cell

from .cells import OURS, PLAIN, every_cell, in_cell, printed, renamed_cells, write

FORMS = {
    "import": "import asyncio; print(asyncio.__name__)",
    "import as": "import asyncio as a; print(a.__name__)",
    "import among others": "import os, asyncio, sys; print(asyncio.__name__, os, sys)",
    "from": "from asyncio import Queue; print(Queue.__module__)",
    "from as": "from asyncio import Queue as Q; print(Q.__module__)",
    "star": "from asyncio import *; print(Queue.__module__)",
    "submodule": "import asyncio.queues; print(asyncio.__name__, asyncio.queues.Queue.__module__)",
    "submodule as": "import asyncio.queues as q; print(q.Queue.__module__)",
    "from submodule": "from asyncio.queues import Queue; print(Queue.__module__)",
    "from submodule star": "from asyncio.locks import *; print(Lock.__module__)",
    "module by from": "from asyncio import locks; print(locks.Lock.__module__)",
    "attribute": "import asyncio; print(asyncio.locks.Lock.__module__)",
    "import_module": "import importlib; print(importlib.import_module('asyncio').__name__)",
    "import_module sub": """
        from importlib import import_module
        print(import_module('asyncio.locks').Lock.__module__)
        """,
    "__import__": "print(__import__('asyncio.locks').__name__)",
    "in a function": """
        def f():
            global asyncio
            import asyncio
            from asyncio import Lock
            return Lock
        print(f().__module__, asyncio.__name__)
        """,
    "in a class": """
        class C:
            import asyncio.locks
            name = asyncio.__name__
        print(C.name, C.asyncio.__name__)
        """,
    "with a future": """
        '''The docstring stays the first statement.'''
        from __future__ import annotations
        import asyncio
        def f(x: nonsense) -> None: ...
        print(asyncio.__name__, __doc__[:3], f.__annotations__)
        """,
    "if main": """
        import asyncio
        if __name__ == "__main__":
            print(asyncio.__name__)
        """,
}


@every_cell
def test_every_form_of_import(tmp_path: Path, cell: Cell) -> None:
    files = {"program.py": "".join(f"import m{number}\n" for number in range(len(FORMS)))}
    files |= {f"m{number}.py": form for number, form in enumerate(FORMS.values())}
    lines = printed(in_cell(cell, write(tmp_path, files)))
    # The form "if main" prints nothing when it is imported.
    assert len(lines) == len(FORMS) - 1
    for form, line in zip(FORMS, lines, strict=False):
        assert line.split()[0].split(".")[0] == cell.names, form


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_import_in_main(tmp_path: Path, form: str) -> None:
    (line,) = printed(in_cell(OURS, write(tmp_path, {"alone.py": FORMS[form]})))
    assert line.split()[0].split(".")[0] == "miniloop"


SUBMODULES = {
    "base_events": ["BaseEventLoop"],
    "coroutines": ["iscoroutine", "iscoroutinefunction"],
    "events": ["AbstractEventLoop", "Handle", "TimerHandle", "get_running_loop", "new_event_loop"],
    "exceptions": ["CancelledError", "InvalidStateError", "TimeoutError", "LimitOverrunError"],
    "futures": ["Future", "isfuture", "wrap_future"],
    "locks": ["Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier"],
    "protocols": ["Protocol", "DatagramProtocol"],
    "queues": ["Queue", "LifoQueue", "QueueEmpty", "QueueFull"],
    "runners": ["Runner", "run"],
    "taskgroups": ["TaskGroup"],
    "tasks": ["Task", "gather", "wait", "wait_for", "sleep", "shield", "as_completed", "all_tasks"],
    "threads": ["to_thread"],
    "timeouts": ["Timeout", "timeout", "timeout_at"],
    "transports": ["Transport", "BaseTransport"],
}


@every_cell
def test_submodules_have_their_names(tmp_path: Path, cell: Cell) -> None:
    text = "import asyncio\n"
    for module, names in SUBMODULES.items():
        text += f"from asyncio.{module} import {', '.join(names)}\n"
        for name in names:
            text += f"assert asyncio.{module}.{name} is {name}\n"
            if module != "base_events":
                text += f"assert asyncio.{name} is {name}, {name!r}\n"
    assert printed(in_cell(cell, write(tmp_path, {"program.py": text}))) == []


@every_cell
def test_what_is_kept_elsewhere_is_found_too(tmp_path: Path, cell: Cell) -> None:
    text = """
import asyncio
from asyncio.constants import LOG_THRESHOLD_FOR_CONNLOST_WRITES
from asyncio.log import logger
from asyncio.trsock import TransportSocket
print(LOG_THRESHOLD_FOR_CONNLOST_WRITES, logger.name, TransportSocket.__name__)
print(asyncio.log.logger is logger)
"""
    done = printed(in_cell(cell, write(tmp_path, {"program.py": text})))
    assert done == ["5 asyncio TransportSocket", "True"]


@every_cell
def test_tasks_and_futures_are_instances_of_the_names(tmp_path: Path, cell: Cell) -> None:
    text = """
import asyncio
from asyncio.tasks import Task
class Special(asyncio.Future): pass
async def main():
    future, task = asyncio.get_running_loop().create_future(), asyncio.current_task()
    print(isinstance(task, asyncio.Task), isinstance(task, asyncio.Future), isinstance(task, Task))
    print(isinstance(future, asyncio.Future), isinstance(future, asyncio.Task))
    own = Special()
    print(isinstance(own, asyncio.Future), isinstance(future, Special), isinstance(own, Special))
    print(issubclass(asyncio.Task, asyncio.Future), type(asyncio.Future()) is asyncio.Future)
asyncio.run(main())
"""
    done = printed(in_cell(cell, write(tmp_path, {"program.py": text})))
    assert done == ["True True True", "True False", "True False True", "True True"]


@renamed_cells
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import asyncio; asyncio.no_such", "AttributeError: module 'miniloop' has no attribute"),
        (
            "from asyncio import no_such",
            "cannot import name 'no_such' from 'miniloop'",
        ),
        ("import asyncio.no_such", "ModuleNotFoundError: No module named 'miniloop.no_such'"),
        ("import asyncio; asyncio.queues.sleep", "AttributeError: module 'miniloop.queues' has no"),
        (
            "from asyncio.locks import Queue",
            "cannot import name 'Queue' from 'miniloop.",
        ),
    ],
)
def test_a_name_that_is_not_there_names_miniloop(
    tmp_path: Path, cell: Cell, text: str, error: str
) -> None:
    done = in_cell(cell, write(tmp_path, {"program.py": text}))
    assert done.returncode == 1
    assert error in done.stderr
    assert "/compat/cell/" not in done.stderr


LIBRARY = {
    "library/__init__.py": "import asyncio; from . import part",
    "library/part.py": "from asyncio import Queue, sleep",
}


@every_cell
def test_libraries_keep_asyncio(tmp_path: Path, cell: Cell) -> None:
    files = {
        "app/program.py": """
            import asyncio, library, own, unittest.async_case
            print(asyncio.__name__, own.asyncio.__name__)
            print(library.asyncio.__name__, library.part.Queue.__module__)
            print(unittest.async_case.asyncio.__name__)

            async def main():
                queue = library.part.Queue(1)
                async with asyncio.TaskGroup() as group:
                    group.create_task(queue.put("theirs"))
                    task = group.create_task(queue.get())
                    group.create_task(library.part.sleep(0.01))
                print(task.result())

            asyncio.run(main())
            """,
        "app/own.py": "import asyncio",
        "app/venv/lib/python3.11/site-packages/inside.py": "import asyncio",
    }
    files |= {f"lib/python3.11/site-packages/{name}": text for name, text in LIBRARY.items()}
    program = write(tmp_path, files)
    path = str(tmp_path / "lib/python3.11/site-packages")
    lines = printed(in_cell(cell, program, PYTHONPATH=path))
    assert lines == [
        f"{cell.names} {cell.names}",
        "asyncio asyncio.queues",
        "asyncio",
        "theirs",
    ]
    inside = write(
        tmp_path / "app", {"second.py": "import sys; sys.path.append(sys.argv[1]); import inside; "
                           "print(inside.asyncio.__name__)"}
    )  # fmt: skip
    nested = str(tmp_path / "app/venv/lib/python3.11/site-packages")
    assert printed(in_cell(cell, inside, nested)) == ["asyncio"]


@every_cell
def test_packages_relative_imports_and_a_module_called_asyncio(tmp_path: Path, cell: Cell) -> None:
    files = {
        "program.py": "from package.inner import show; show()",
        "package/__init__.py": "import asyncio; top = asyncio.__name__",
        "package/asyncio.py": "here = 'their own'",
        "package/inner/__init__.py": """
            from .. import top
            from ..asyncio import here
            def show():
                from asyncio import tasks
                print(top, here, tasks.sleep.__module__.split('.')[0])
            """,
    }
    assert printed(in_cell(cell, write(tmp_path, files))) == [
        f"{cell.names} their own {cell.names}"
    ]


@every_cell
def test_nothing_is_written_that_another_run_would_read(tmp_path: Path, cell: Cell) -> None:
    files = {"program.py": "import own", "own.py": "import asyncio; print(asyncio.__name__)"}
    program = write(tmp_path, files)
    assert printed(in_cell(cell, program)) == [cell.names]
    assert printed(in_cell(PLAIN, program)) == ["asyncio"]
    assert printed(in_cell(cell, program)) == [cell.names]


@every_cell
def test_source_lines_and_warnings_are_the_files_own(tmp_path: Path, cell: Cell) -> None:
    files = {
        "program.py": """
            import asyncio.locks, os, own
            import inspect, sys, dataclasses, typing, warnings

            @dataclasses.dataclass
            class Job:
                lock: "asyncio.Lock"

            def source():
                return 1  # a comment survives

            print(inspect.getsource(source).splitlines()[1].strip())
            print(inspect.getsourcelines(own.f)[1], own.__cached__ is not None)
            print(typing.get_type_hints(Job)["lock"] is asyncio.Lock)
            print(__file__ == source.__code__.co_filename, source.__code__.co_firstlineno)
            warnings.warn("here")
            """,
        "own.py": "import asyncio\n\ndef f(): pass\n",
    }
    done = in_cell(cell, write(tmp_path, files))
    assert done.stdout.splitlines() == [
        "return 1  # a comment survives",
        "3 True",
        "True",
        "True 8",
    ]
    assert done.stderr.splitlines()[0].endswith("program.py:15: UserWarning: here")


@every_cell
@pytest.mark.parametrize(
    "own",
    ["import asyncio\nx = (1,\n", "import asyncio\nimport gone\n", "import asyncio\n1 / 0\n",
     "import asyncio\nfrom os import gone\n"],
)  # fmt: skip
def test_a_failing_import_shows_the_programs_frames_only(
    tmp_path: Path, cell: Cell, own: str
) -> None:
    program = write(tmp_path, {"program.py": "import asyncio\nimport own\n", "own.py": own})
    plain, ours = in_cell(PLAIN, program), in_cell(cell, program)
    assert ours.stderr == plain.stderr
    assert ours.returncode == plain.returncode == 1


def test_the_stdlib_is_not_the_programs_even_below_its_directory() -> None:
    import unittest.async_case

    finder = ProgramFinder(["/"], "package")
    assert not finder.owns("unittest.async_case", unittest.async_case.__file__)
    assert not finder.owns("x", "/home/x/env/lib/python3.12/site-packages/x.py")
    assert not finder.owns("miniloop.interface", "/home/x/miniloop/interface.py")
    assert finder.owns("x", "/home/x/x.py")
    assert finder.owns("package.y", "/home/x/env/lib/python3.12/site-packages/package/y.py")

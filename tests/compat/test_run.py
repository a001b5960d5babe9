"""`miniloop run`: targets, exit status, signals, bad usage."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compat.options import Cell

from .cells import every_cell, in_cell, miniloop, printed, write

APP = {
    "app/__init__.py": "",
    "app/__main__.py": "import asyncio, sys; print(__name__, __package__, asyncio.__name__, "
    "sys.argv[0][-11:], sys.argv[1:], __spec__.name)",
    "app/tool.py": """
        import asyncio, sys
        from . import other
        async def main():
            await asyncio.sleep(0)
            print(asyncio.__name__, other.asyncio.__name__, __name__, sys.argv[1:])
        def plain():
            return 5
        class Inner:
            run = staticmethod(main)
        if __name__ == "__main__":
            asyncio.run(main())
        """,
    "app/other.py": "import asyncio",
}


@every_cell
def test_modules_packages_and_functions(tmp_path: Path, cell: Cell) -> None:
    write(tmp_path, APP)
    name = cell.names

    def run(kind: str, target: str) -> list[str]:
        return printed(in_cell(cell, target, "-x", "1", kind=kind, cwd=tmp_path))

    assert run("module", "app") == [f"__main__ app {name} __main__.py ['-x', '1'] app.__main__"]
    assert run("module", "app.tool") == [f"{name} {name} __main__ ['-x', '1']"]
    assert run("function", "app.tool:main") == [f"{name} {name} app.tool ['-x', '1']"]
    assert run("function", "app.tool:Inner.run") == [f"{name} {name} app.tool ['-x', '1']"]
    done = in_cell(cell, "app.tool:plain", kind="function", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 5)


def test_command_line_passes_arguments_input_and_status(tmp_path: Path) -> None:
    text = "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(7)"
    program = write(tmp_path, {"program.py": text})
    done = miniloop("run", "--names", "asyncio", str(program), "--names", "-h", stdin="in")
    assert (done.stdout, done.stderr, done.returncode) == ("['--names', '-h'] in\n", "", 7)
    write(tmp_path, APP)
    done = miniloop("run", "-m", "app", "--loop", "x", cwd=tmp_path)
    assert "['--loop', 'x']" in done.stdout


def test_interpreter_flags_are_passed_on(tmp_path: Path) -> None:
    text = "import sys; print(sys.warnoptions, sys.flags.dev_mode)"
    program = write(tmp_path, {"program.py": text})
    done = miniloop("run", "-W", "error", "-X", "dev", str(program))
    assert done.stdout == "['default', 'error'] True\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_it_ends_python(tmp_path: Path, number: int) -> None:
    text = "import asyncio; print('up', flush=True); asyncio.run(asyncio.sleep(60))"
    program = write(tmp_path, {"program.py": text})
    words = [sys.executable, "-m", "compat", "run", str(program)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == -number
    assert b"/compat/cell/" not in errors
    assert (b"KeyboardInterrupt" in errors) == (number == signal.SIGINT)


BAD = [
    ("run", "no_such.py"),
    ("run",),
    ("run", "--names", "x", "p.py"),
    ("run", "--loop", "x", "p.py"),
    ("run", "--no-such-option"),
    ("run", "-m", "no_such_module"),
    ("run", "-m", "no.such.module"),
    ("run", "json:no_such_function"),
    ("run", "no_such_module:main"),
    ("run", "."),
    ("run", "--python", "/no/such/python", "p.py"),
    ("run", "--python", "/bin/echo", "p.py"),
    ("compare", "no_such.py"),
    ("compare", "-m", "no_such_module"),
    ("compare", "json:no_such_function"),
    ("compare", "--cells", "a/b", "p.py"),
    ("compare", "--cells", "", "p.py"),
    ("compare", "--only", "cancellation", "p.py"),
    ("compare", "--jobs", "2", "p.py"),
    ("compare", "--timeout", "0", "p.py"),
    ("compare", "--timeout", "soon", "p.py"),
    ("no_such_command",),
]


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_usage_is_one_sentence_and_status_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    write(tmp_path, {"p.py": ""})
    done = miniloop(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("miniloop: ")
    assert done.stderr.count("\n") == 1


def test_a_file_with_a_function_is_told_how_to_name_it(tmp_path: Path) -> None:
    write(tmp_path, {"p.py": "def main(): ..."})
    done = miniloop("run", "p.py:main", cwd=tmp_path)
    assert done.returncode == 2
    assert "MODULE:FUNCTION, p:main" in done.stderr


def test_help_and_version() -> None:
    for words in (["--help"], ["-h"], ["run", "--help"], ["compare", "--help"], ["--version"]):
        done = miniloop(*words)
        assert (done.returncode, done.stderr) == (0, "")
    assert "compare" in miniloop("--help").stdout

"""`miniloop compare` and what examples need: servers for each run, or a word on what is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import compat.commands.compare as comparing
from compat.commands import parse_target
from compat.examples import EXAMPLES, Example, find
from compat.launching import missing_libraries
from compat.options import BASELINE, BadUsage, Cell, Interpreter, Plan
from compat.services import VARIABLES, ServiceError

from .cells import finish, miniloop

PLAN = Plan((BASELINE, Cell("asyncio", "miniloop")))
NEEDY = [example for example in EXAMPLES if example.services]


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> list[Example]:
    """Return the examples that are compared: one that needs nothing, and what a test adds."""
    chosen = [find("async_def")]
    monkeypatch.setattr(comparing, "EXAMPLES", chosen)
    monkeypatch.delenv("CI", raising=False)
    return chosen


@pytest.mark.parametrize("example", NEEDY, ids=lambda example: example.name)
def test_an_example_is_compared_by_its_name_with_what_it_needs(example: Example) -> None:
    cells = ",".join(map(str, PLAN.cells))
    done = miniloop("compare", "--json", "--cells", cells, example.name)
    assert (done.returncode, done.stderr) == (0, "")
    (program,) = json.loads(done.stdout)["programs"]
    assert program["same"]
    for cell in program["cells"]:
        for run in cell["runs"]:
            assert run["status"] == 0
            assert not run["left_behind"]
            assert run["lines"]


@pytest.mark.parametrize("example", NEEDY, ids=lambda example: example.name)
def test_run_by_hand_it_says_what_it_needs(example: Example) -> None:
    done = finish(["env", "-u", VARIABLES[example.services[0]], sys.executable, str(example.path)])
    assert (done.returncode, done.stdout) == (1, "")
    (sentence,) = done.stderr.splitlines()
    assert VARIABLES[example.services[0]] in sentence
    assert sentence.endswith(f"python -m compat compare {example.name}")


def test_every_run_begins_with_the_same_state(
    tmp_path: Path, examples: list[Example], capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "counter.py"
    program.write_text(
        "import asyncio, os, asyncpg, redis.asyncio\n"
        "async def main():\n"
        "    connection = await asyncpg.connect(os.environ['DATABASE_URL'])\n"
        "    await connection.execute('CREATE TABLE here (n integer)')\n"
        "    await connection.close()\n"
        "    async with redis.asyncio.Redis.from_url(os.environ['REDIS_URL']) as client:\n"
        "        print('run', await client.incr('runs'))\n"
        "asyncio.run(main())\n"
    )
    examples.append(Placed(program, ("asyncpg", "redis"), ("postgresql", "redis")))
    assert comparing.compare_examples(PLAN, 2, True) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["not_run"] == []
    runs = [run for cell in result["programs"][1]["cells"] for run in cell["runs"]]
    assert len(runs) == 3  # the baseline twice
    assert [run["lines"][0][2] for run in runs] == ["run 1"] * 3


class Placed(Example):
    """An example outside the folder of the examples."""

    def __init__(self, path: Path, libraries: Sequence[str], services: Sequence[str]) -> None:
        super().__init__(path.stem, "", tuple(libraries), tuple(services))
        object.__setattr__(self, "_path", path)

    @property
    def path(self) -> Path:
        return self._path  # type: ignore[no-any-return,attr-defined]


def needing(folder: Path, libraries: Sequence[str] = (), services: Sequence[str] = ()) -> Example:
    """Return an example that must not be run."""
    program = folder / "needy.py"
    program.write_text("raise SystemExit('it was run')\n")
    return Placed(program, libraries, services)


@pytest.mark.parametrize("ci", [False, True])
def test_an_example_without_its_libraries_is_not_run(
    ci: bool,
    tmp_path: Path,
    examples: list[Example],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if ci:
        monkeypatch.setenv("CI", "true")
    examples.append(needing(tmp_path, ("asyncio", "no_such_library")))
    assert comparing.compare_examples(PLAN, 2, False) == int(ci)
    printed = capsys.readouterr().out
    (line,) = (line for line in printed.splitlines() if "needy.py" in line)
    assert line.startswith("not run")
    assert line.endswith("needs no_such_library: install the checkout with its extra `libraries`")
    assert printed.endswith("\n1 of 2 examples do the same in 2 cells, 1 not run\n")


def test_an_example_without_its_server_is_not_run(
    tmp_path: Path,
    examples: list[Example],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(name: str) -> None:
        raise ServiceError(f"there is no {name}")

    monkeypatch.setattr("compat.services.server.find", nowhere)
    examples.append(needing(tmp_path, (), ("postgresql",)))
    assert comparing.compare_examples(PLAN, 2, True) == 0
    result = json.loads(capsys.readouterr().out)
    reason = "cannot be run: there is no postgresql"
    assert result["not_run"] == [{"program": str(tmp_path / "needy.py"), "reason": reason}]
    assert len(result["programs"]) == 1
    with pytest.raises(BadUsage, match=f"needy.py {reason}"):
        comparing.compare_one(parse_target([str(tmp_path / "needy.py")], False), PLAN, False)


def test_another_interpreter_is_asked_for_its_own_libraries(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    names = ("json", "asyncpg", "no_such_library")
    assert missing_libraries(Interpreter(), names) == ("no_such_library",)
    assert missing_libraries(Interpreter(str(bare)), names) == ("asyncpg", "no_such_library")
    assert missing_libraries(Interpreter(str(bare)), ()) == ()


def test_a_file_of_an_examples_name_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert parse_target(["async_def", "x"], False).name == str(find("async_def").path)
    assert parse_target(["async_def"], True).kind == "module"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "async_def").touch()
    assert parse_target(["async_def"], False).name == "async_def"


def test_a_name_that_is_nobodys_is_refused() -> None:
    with pytest.raises(BadUsage, match="there is no file async_deaf"):
        parse_target(["async_deaf"], False)

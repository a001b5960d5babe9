"""The command line: what it takes, what it writes, and its exit status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from compat.bench.command import bench, main
from compat.bench.model import ASYNCIO

ONE_ROW = ["--rows", "future", "--rounds", "1", "--quick", "--only", "asyncio/asyncio"]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(bench, words)


def test_one_row_on_one_contestant(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    result = invoke(*ONE_ROW, "--json", str(file), "--python", sys.executable)
    assert result.exit_code == 0, result.output
    assert "geometric mean" in result.output
    report = json.loads(file.read_text())
    assert [row["key"] for row in report["rows"]] == ["future"]
    cell = report["rows"][0]["cells"][ASYNCIO.key]
    assert len(cell["samples"]) == 1
    assert cell["operations"] >= 1
    assert report["settings"]["python"] == sys.executable


def test_the_subcommand_can_be_written_out() -> None:
    result = invoke("scheduling", *ONE_ROW, "--gc")
    assert result.exit_code == 0, result.output


def test_goals_count_only_when_asked_for() -> None:
    result = invoke(*ONE_ROW, "--check")
    assert result.exit_code == 1
    assert "missed: miniloop/miniloop: future against asyncio: not measured" in result.output


def test_a_contestant_asked_for_by_name_has_to_be_there() -> None:
    result = invoke(*ONE_ROW, "--add", "bench_no_such_module:Loop")
    assert result.exit_code == 1
    assert "not measured: asyncio/bench_no_such_module:Loop" in result.output


def test_an_interpreter_that_is_not_there() -> None:
    result = invoke(*ONE_ROW, "--python", "/no/such/python")
    assert result.exit_code == 1
    assert "not measured: asyncio/asyncio: [Errno 2]" in result.output


@pytest.mark.parametrize(
    "words",
    [["--rows", "no-such-row"], ["--only", "nobody"], ["--rounds", "0"], ["--no-such-option"]],
)
def test_a_command_line_without_sense(words: list[str]) -> None:
    result = invoke(*words)
    assert result.exit_code == 2
    assert "Error" in result.output


def test_help_shows_the_options_and_the_subcommands() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert "--quick" in result.output
    assert "scheduling" in result.output


def test_main_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--rows", "no-such-row"], prog_name="miniloop bench")
    assert ended.value.code == 2
    assert "miniloop bench" in capsys.readouterr().err

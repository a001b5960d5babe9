"""``bench http`` and ``bench http-client``: what they measure, what they write, what fails them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from compat.bench.command import bench
from compat.bench.http import commands, goals, load, requests, rows
from compat.bench.http.load import LoadError, h2load, read_h2load, read_wrk, run, wrk
from compat.bench.model import Row
from compat.bench.report import Report, make_report
from compat.bench.rounds import Results
from compat.bench.scheduling import switch
from compat.services import ServiceError
from compat.services.tools import find_tool
from tests.effort import newest_only

WRK = """Running 1s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  9857 requests in 1.00s, 1.24MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 57
Requests/sec:   9814.25
"""
H2LOAD = """finished in 122.12ms, 16377.20 req/s, 647.09KB/s
requests: 2000 total, 2000 started, 2000 done, 1990 succeeded, 10 failed, 10 errored, 0 timeout
status codes: 1990 2xx, 0 3xx, 0 4xx, 0 5xx
"""


def invoke(*words: str) -> Result:
    return CliRunner().invoke(bench, words)


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_servers_under_load(tmp_path: Path) -> None:
    newest_only()
    for tool in ("wrk", "h2load"):
        try:
            find_tool(tool)
        except ServiceError as error:
            pytest.skip(str(error))
    file = tmp_path / "report.json"
    field = ["--only", "protocols/asyncio", "--only", "uvicorn-h11/asyncio"]
    words = ["--quick", "--place", "anywhere", "--rows", "h1-post,h2-tls", *field]
    result = invoke("http", *words, "--json", str(file))
    assert result.exit_code == 0, result.output
    assert "Requests per second on the clock" in result.output
    report = read(file)
    assert report["suite"] == "http servers"
    assert report["failures"] == []  # not one request
    assert [row["key"] for row in report["rows"]] == ["h1-post", "h2-tls"]
    both, second = (row["cells"] for row in report["rows"])
    assert set(both) == {"protocols/asyncio", "uvicorn-h11/asyncio"}
    assert set(second) == {"protocols/asyncio"}  # the other one has no HTTP/2
    for cell in (*both.values(), *second.values()):
        assert cell["nanoseconds"]["median"] > 0
        assert cell["extras"]["rate"]["median"] > 0


def test_clients(tmp_path: Path) -> None:
    newest_only()
    file = tmp_path / "report.json"
    field = ["--only", "protocols/asyncio", "--only", "aiohttp/asyncio"]
    words = ["--quick", "--place", "anywhere", "--rows", "h1-1,h2-50", *field]
    result = invoke("http-client", *words, "--json", str(file))
    assert result.exit_code == 0, result.output
    report = read(file)
    assert report["suite"] == "http clients"
    assert report["failures"] == []
    first, second = (row["cells"] for row in report["rows"])
    assert set(first) == {"protocols/asyncio", "aiohttp/asyncio"}
    assert set(second) == {"protocols/asyncio"}
    assert second["protocols/asyncio"]["operations"] % requests.CROWD == 0


def test_a_tool_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> Path:
        raise ServiceError(f"there is no {name} on this machine")

    monkeypatch.setattr(commands, "find_tool", nothing)
    result = invoke("http", "--rows", "h2-hello")
    assert result.exit_code == 2
    assert "there is no h2load on this machine" in result.output


@pytest.mark.parametrize("command", ["http", "http-client"])
def test_an_extra_that_is_not_there_is_said(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "find_spec", lambda name: None if name == "h2" else object())
    result = invoke(command, "--quick")
    assert result.exit_code == 2
    assert "h2 is not installed" in result.output


def test_other_benchmarks_need_no_extra() -> None:
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in commands.PARSERS)
    code = f"import sys; {hidden}from compat.bench.command import main; main(['--help'])"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_what_the_tools_say() -> None:
    assert read_wrk(WRK) == (9800, 67)
    assert read_wrk("1 threads and 64 connections\n  12 requests in 1.00s, 1KB read\n") == (12, 0)
    assert read_wrk("unable to connect to 127.0.0.1:9 Connection refused") == (0, 0)
    assert read_h2load(H2LOAD) == (1990, 10)
    assert read_h2load("") == (0, 0)


def test_what_the_tools_are_told() -> None:
    assert wrk("/").words(2, "script") == ["-t1", "-c64", "-d2s"]
    assert wrk("/", body=9).words(1, "script") == ["-t1", "-c64", "-d1s", "-s", "script"]
    assert wrk("/", browser=True).words(1, "").count("-H") == 11
    assert h2load("/").words(3, "script") == ["-n", "3000", "-c10", "-m10"]


def test_a_load_that_nobody_answers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> int:
        return await h2load("/")(asyncio.get_running_loop(), 9, tls=False, units=1)

    monkeypatch.setattr(load, "find_tool", lambda _name: Path("echo"))
    with pytest.raises(LoadError, match="0 requests failed, 0 were answered:\n1000 -c10 "):
        asyncio.run(ask())


def test_all_that_a_program_says_is_read() -> None:
    async def listen() -> str:
        words = [sys.executable, "-c", "print('x' * 300_000)"]
        return await run(asyncio.get_running_loop(), words)

    assert asyncio.run(listen()) == "x" * 300_000 + "\n"


def report_of(times: dict[str, dict[str, float]], suite: Any, field: Any) -> Report:
    """A report in which contestants take the microseconds given, by row."""
    lines = [Row(key, "", 1, switch) for key in times]
    results = Results(lines, list(field))
    for key, line in times.items():
        for who, microseconds in line.items():
            results.samples[key, who] = [microseconds * 1e-6]
            results.units[key, who] = 1
    return make_report(results, suite.baselines, suite.parts)


def test_goals_of_the_server() -> None:
    uvicorn, hypercorn = rows.UVICORN[1].key, rows.HYPERCORN[0].key
    ours = [each.key for each in rows.OURS]
    field = (*rows.OURS, *rows.UVICORN, *rows.HYPERCORN)
    found = report_of(
        {
            "h1-hello": {ours[0]: 90.0, ours[1]: 80.0, ours[2]: 95.0, uvicorn: 85.0},
            "h1-post": {ours[0]: 90.0, ours[1]: 86.0, uvicorn: 85.0},
            "h2-hello": {ours[2]: 200.0, hypercorn: 260.0},
        },
        rows.SUITE,
        field,
    )
    assert goals.check_servers(found) == [
        "protocols: h1-post against uvicorn-h11/uvloop: 0.99, to be reached: 1",
        "protocols: h2-hello against hypercorn/asyncio: 1.30, to be reached: 1.5",
    ]


def test_goals_of_the_client() -> None:
    ours = [each.key for each in requests.OURS]
    line = {ours[0]: 100.0, ours[1]: 100.0, requests.HTTPX.key: 600.0}
    found = report_of({"h1-1": line}, requests.SUITE, requests.FIELD)
    assert goals.check_clients(found) == [
        f"{ours[2]}: h1-1 against httpx/asyncio: not measured",
    ]

"""``miniloop explore`` from outside: what ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

#: It tells when it runs for the first time.
PROGRAM = """
import asyncio
from pathlib import Path

async def scenario():
    begun = Path("begun")
    if not begun.exists():
        begun.touch()
        print("begun", flush=True)
    for _ in range(50):
        await asyncio.sleep(1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_is_no_failure_of_the_scenario(
    number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "long.py").write_text(PROGRAM)
    words = [sys.executable, "-m", "compat", "explore", "--runs", "1000000000", "long:scenario"]
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 143, printed
    assert "Found" not in printed

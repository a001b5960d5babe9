"""The Autobahn test suite for WebSocket, which needs Python 2.7: where it is, and how it is run.

    python2.7 -m pip install autobahntestsuite

Python 2.7 is looked for on PATH, below pyenv's folder, and in AUTOBAHN_PYTHON; the suite
(https://github.com/crossbario/autobahn-testsuite) is run in a process of its own, and what it
found is read from the reports that it writes.

Read next: test_autobahn.py
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["CORE", "MORE", "Verdicts", "python", "running", "verdicts"]

#: All of framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, and one of the rest.
CORE = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*")
#: Large messages and compression, which take minutes; run with AUTOBAHN=all.
MORE = ("9.*", "12.*", "13.*")

RUN = "from autobahntestsuite.wstest import run; run()"
#: What the suite says of a case that was passed.
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


def candidates() -> Iterator[str]:
    """Yield what may be Python 2.7."""
    yield from filter(None, (os.environ.get("AUTOBAHN_PYTHON"), shutil.which("python2.7")))
    folder = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(folder.glob("versions/2.7*/bin/python")))


@functools.cache
def python() -> str | None:
    """Return a Python that has the suite, if there is one."""
    for name in candidates():
        try:
            done = subprocess.run([name, "-c", RUN.partition(";")[0]], capture_output=True)
        except OSError:
            continue
        if done.returncode == 0:
            return name
    return None


def needed() -> str:
    """Return a Python that has the suite; skip the test if there is none."""
    found = python()
    if found is None:
        pytest.skip("there is no Python 2.7 with autobahntestsuite on this machine")
    return found


@asynccontextmanager
async def running(mode: str, settings: dict[str, Any], place: Path) -> AsyncIterator[Any]:
    """Run the suite as a "fuzzingclient" or "fuzzingserver" while the context is entered."""
    file = place / "settings.json"
    file.write_text(json.dumps({"exclude-cases": [], "exclude-agent-cases": {}, **settings}))
    words = ["-c", RUN, "-m", mode, "-s", str(file)]
    with (place / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            needed(), *words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Verdicts(dict[str, tuple[str, str]]):
    """What the suite says of each case: of what was done, and of how it was closed."""

    @property
    def failed(self) -> dict[str, tuple[str, str]]:
        """The cases that were not passed."""
        return {case: said for case, said in self.items() if not GOOD.issuperset(said)}

    @property
    def summary(self) -> str:
        """How many cases were judged how."""
        return str(dict(Counter(first for first, _ in self.values())))


def verdicts(place: Path) -> Verdicts:
    """Read the reports that are in a folder."""
    [cases] = json.loads((place / "index.json").read_text()).values()
    return Verdicts({key: (each["behavior"], each["behaviorClose"]) for key, each in cases.items()})

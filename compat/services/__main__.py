"""`python -m compat.services [--tools] [COMMAND...]`: bring the servers, run a command with them.

Without a command it is said where they are.  With one, DATABASE_URL and REDIS_URL are set for it,
and both servers are stopped when it ends; the exit status is the command's.  With `--tools` the
command line tools of tests and benchmarks are brought as well.

Read next: tools.py
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from compat.services import VARIABLES, ServiceError, Services
from compat.services.binaries import SERVERS
from compat.services.bringing import bring
from compat.services.tools import bring_tools

INTERRUPTED = 130


def main(words: list[str]) -> int:
    """Do what the module's first lines say; return the exit status."""
    tools = words[:1] == ["--tools"]
    command = words[tools:]
    places, missing = bring_servers()
    if tools:
        found, reasons = bring_tools()
        places |= found
        missing += reasons
    if missing:
        print(*(f"miniloop: {reason}" for reason in missing), sep="\n", file=sys.stderr)
        return 1
    if command:
        return run(command)
    for name, place in places.items():
        print(f"{name}: {place}")
    return 0


def bring_servers() -> tuple[dict[str, Path], list[str]]:
    """Return where the servers are, by name, and why those are missing that are."""
    places, missing = {}, []
    for name in SERVERS:
        try:
            places[name] = bring(name).server
        except ServiceError as error:
            missing.append(str(error))
    return places, missing


def run(command: list[str]) -> int:
    """Run a command with both servers; return its exit status."""
    with Services() as services, services.fresh(list(VARIABLES)) as urls:
        try:
            return subprocess.run(command, env={**os.environ, **urls}).returncode
        except OSError as error:
            print(f"miniloop: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
            return 2


def ended(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Answer SIGTERM as Ctrl-C is answered."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, ended)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ServiceError as problem:
        sys.exit(f"miniloop: {problem}")

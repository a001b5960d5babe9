"""`python -m compat.services [COMMAND...]`: bring the servers, and run a command with them.

Without a command it is said where the servers are.  With one, DATABASE_URL and REDIS_URL are set
for it, and both servers are stopped when it ends; the exit status is the command's.
"""

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import NoReturn

from compat.services import VARIABLES, ServiceError, Services
from compat.services.binaries import SERVERS
from compat.services.bringing import bring

INTERRUPTED = 130


def main(command: list[str]) -> int:
    """Do what the module's first lines say; return the exit status."""
    missing = []
    for name in SERVERS:
        try:
            server = bring(name).server
            if not command:
                print(f"{name}: {server}")
        except ServiceError as error:
            missing.append(f"miniloop: {error}")
    if missing:
        print(*missing, sep="\n", file=sys.stderr)
        return 1
    return run(command) if command else 0


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

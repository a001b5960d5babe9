"""Which source files have changed: by looking at them now and then.

To look costs one ``stat`` per file, and it works on every file system; there is nothing to
install, and nothing to miss while looking away, since what is compared is what is there.

Read next: loading.py
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

__all__ = ["Watcher", "snapshot"]

#: What is known of a file: when it was written (ns), how large it is, which one it is.
Stamp: TypeAlias = tuple[int, int, int]
#: Directories that hold no source of the application's.
_NOT_INTO = {"__pycache__", "node_modules", "site-packages", "venv"}


def _files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".") and one not in _NOT_INTO]
        for name in names:
            if name.endswith(suffixes) and not name.startswith("."):
                yield Path(where, name)


def snapshot(folders: Iterable[Path], suffixes: tuple[str, ...] = (".py",)) -> dict[Path, Stamp]:
    """Return what is known of every file below *folders* whose name ends in a *suffix*.

    A file that is gone before it was looked at is left out.
    """
    found: dict[Path, Stamp] = {}
    for folder in folders:
        for path in _files(folder, suffixes):
            try:
                status = path.stat()
            except OSError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


class Watcher:
    """Compares what is below *folders* with how it was when it was last asked."""

    def __init__(self, folders: Iterable[Path], suffixes: tuple[str, ...] = (".py",)) -> None:
        self._folders = tuple(folders)
        self._suffixes = suffixes
        self._known = snapshot(self._folders, suffixes)

    def changes(self) -> list[Path]:
        """Return the files that are new, gone or written since, in order of their names."""
        now = snapshot(self._folders, self._suffixes)
        before, self._known = self._known, now
        return sorted(
            path for path in before.keys() | now.keys() if before.get(path) != now.get(path)
        )

"""Objects of known classes hash in the order in which a World first sees them in a set.

A set iterates by hashes, and an object's is its address, which differs from run to run: a
program that closes ``set`` after ``set`` of connections does it in another order each time.
For tasks and futures the World's loops see to it; here it is done for the classes of
libraries that keep objects of their own in sets and then go through them.

Protocols are such: servers keep their connections in sets.  A class of yours that is
affected gets a ``__hash__`` of its own, or keeps its objects in a dict.

Read next: fence.py
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

__all__ = ["CLASSES", "Hashes"]

#: Module and class, once the first package is loaded; classes that inherit its hash are meant too.
CLASSES = (
    ("asyncio", "asyncio.protocols", "BaseProtocol"),
    ("anyio", "anyio._backends._asyncio", "CancelScope"),  # anyio loads it in its first loop
    ("redis.asyncio", "redis.asyncio.connection", "AbstractConnection"),
    ("aiohttp.web", "aiohttp.web_runner", "BaseSite"),
)


class Hashes:
    """Gives those classes their hash, and takes it away again."""

    def __init__(self, here: Callable[[], World | None]) -> None:
        self._changed: list[Any] = []
        self._left = list(CLASSES)
        self._here = here

    def up(self) -> None:
        """Change the classes that are loaded by now, and were not changed yet."""
        here = self._here

        def in_order(self: Any) -> int:
            world = here()
            if world is None:
                return object.__hash__(self)
            # The object is kept: no other one may get its address while the World lasts.
            return world.hashes.setdefault(id(self), (len(world.hashes) + 1, self))[0]

        for wanted in [one for one in self._left if one[0] in sys.modules]:
            self._left.remove(wanted)
            _, module_name, name = wanted
            cls: Any = getattr(importlib.import_module(module_name), name, None)
            if cls is None:
                self._left.append(wanted)
            elif cls.__hash__ is object.__hash__:
                cls.__hash__ = in_order
                self._changed.append(cls)

    def down(self) -> None:
        """Let them hash as ever."""
        while self._changed:
            del self._changed.pop().__hash__
        self._left = list(CLASSES)

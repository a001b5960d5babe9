"""How outside events come: through a descriptor that becomes readable, like all that is outside.

Read next: run.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .labels import landing_label

if TYPE_CHECKING:
    from .world import World

__all__ = ["Bell"]


class Bell:
    """What outside events come through: a descriptor that becomes readable."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._inner, self._outer = world.network.pair(1, 1, 0)
        for sock in (self._inner, self._outer):
            sock.setblocking(False)
            world.network.hide(sock)
        world.loop.add_reader(self._inner.fileno(), self)

    def ring(self) -> None:
        """Make it readable."""
        self._inner._end.incoming.arrived += b"!"
        self._world.selector.changed(self._inner.fileno())

    def words(self) -> str:
        """Say what comes, or what it is for if nothing does."""
        landed = [landing_label(callback) for callback, _ in self._world.landed]
        return f"from outside: {'; '.join(each.partition(' at ')[0] for each in landed)}".rstrip(
            ": "
        )

    def __call__(self) -> None:
        """Call what has landed."""
        self._inner._end.incoming.arrived.clear()
        for callback, args in self._world.take_landed():
            if self._world.trace is not None:
                self._world.trace.append(f"from outside: {landing_label(callback)}")
            callback(*args)

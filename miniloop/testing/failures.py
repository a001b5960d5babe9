"""What can be wrong with a run.

A `Failure` is what is found, in words; two failures are the same one when their kind and
their first line agree, which is what shrinking goes by.

Read next: choices.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Deadlock", "Escape", "Failure", "Livelock", "WorldError"]


#: Where something is in memory, as a ``repr`` says it.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class WorldError(Exception):
    """Something about a World, not about the program in it."""


class Deadlock(WorldError):
    """Nothing can ever run again, and the program is not done."""


class Livelock(WorldError):
    """The program runs on and on, and gets nowhere within the World's limits."""


class Escape(WorldError):
    """The program reached for something outside the World: a thread, a real socket, real sleep."""


@dataclass(frozen=True)
class Failure:
    """One thing that is wrong with a run.

    Attributes:
        kind: ``exception``, ``deadlock``, ``livelock``, ``escape``, ``leak``,
            ``unretrieved``, ``never awaited``, ``swallowed cancellation``, ``always``,
            ``eventually`` or ``reported``.
        message: what happened; its first line says it in a sentence.
        error: the exception, where there is one.
    """

    kind: str
    message: str
    error: BaseException | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same failure in another run: addresses do not."""
        return (self.kind, _ADDRESS.sub("", self.message.partition("\n")[0]))

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

"""asyncio's names and ours side by side, each with a loop on a virtual clock."""

from __future__ import annotations

import asyncio
import re
from asyncio import InvalidStateError
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import miniloop

from ..sync.loops import VIRTUAL

__all__ = ["LIBRARIES", "Library", "Side", "outcome", "settle", "text", "turn"]


@dataclass(frozen=True)
class Library:
    """One library: its names and a factory of its loops."""

    name: str
    names: Any
    make_loop: Callable[[], Any]

    def __repr__(self) -> str:
        return self.name


LIBRARIES = (
    Library("asyncio", asyncio, VIRTUAL["asyncio"]),
    Library("miniloop", miniloop, VIRTUAL["miniloop"]),
)


class Side:
    """One library at work in a test: its loop, what it logged, what its loop reported."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.names = library.names
        self.loop = library.make_loop()
        self.log: list[Any] = []
        self.reports: list[Any] = []
        self.loop.set_exception_handler(self._report)

    def _report(self, loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        said = re.sub(r"[ (][<(].*", "", context["message"])
        self.reports.append((said, type(error).__name__, sorted(context)))

    def close(self) -> None:
        """Close the loop, and see to it that nothing pending complains."""
        for task in asyncio.all_tasks(self.loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.loop.close()


def turn(loop: Any) -> None:
    """Run exactly one iteration of *loop*."""
    loop.stop()
    loop.run_forever()


def settle(loop: Any, turns: int = 12) -> None:
    """Run some iterations of *loop*."""
    for _ in range(turns):
        turn(loop)


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call *function*; return what came out in a form in which both libraries can be compared."""
    try:
        result = function(*args, **kwargs)
    except InvalidStateError:
        return ("raised", "InvalidStateError")  # asyncio's C and Python futures differ in words
    except BaseException as error:
        return ("raised", type(error).__name__, tuple(text(each) for each in error.args))
    return ("returned", result if isinstance(result, int | str | None) else text(result))


def text(thing: object) -> str:
    """Return the `repr` of *thing* without what must differ: addresses, numbers of tasks."""
    shown = re.sub(r" at 0x[0-9a-f]+", " at 0x", repr(thing))
    return re.sub(r"'Task-\d+'", "'Task-N'", shown)

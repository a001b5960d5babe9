"""What runs: the test modules, the two modes, and which of them go together.

A module is listed in a mode if code of ours runs in it; that is checked, because a
green run in which no loop, future or task of ours was made is no evidence.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["INERT", "LOOP", "MORE", "NAMES", "Cell", "Mode", "Target", "cells", "installed"]

Mode = Literal["names", "loop"]
Target = Literal["miniloop", "control", "uvloop"]


@dataclass(frozen=True)
class Cell:
    """One test module (or just some *classes* of it) in one mode against one target."""

    module: str
    mode: Mode
    target: Target = "miniloop"
    classes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}-{self.mode}-{self.target}"


#: Modules run with miniloop's names, and which of their classes if not all: the
#: others test the insides of asyncio's own classes, or a loop whatever the names.
NAMES: dict[str, tuple[str, ...]] = {
    "test_base_events": ("RunningLoopTests",),
    "test_buffered_proto": (),
    "test_context": (),
    "test_eager_task_factory": (),
    "test_events": ("AbstractEventLoopTests", "HandleTests", "TestPyGetEventLoop", "TimerTests"),
    "test_futures": (),
    "test_futures2": (),
    "test_locks": (),
    "test_pep492": (),
    "test_queues": (),
    "test_runners": (),
    "test_ssl": (),
    "test_sslproto": (),
    "test_streams": (),
    "test_subprocess": (
        "SubprocessFastWatcherTests",
        "SubprocessMultiLoopWatcherTests",
        "SubprocessPidfdWatcherTests",
        "SubprocessSafeWatcherTests",
        "SubprocessThreadedWatcherTests",
        "SubprocessTransportTests",
    ),
    "test_taskgroups": (),
    "test_tasks": (),
    "test_threads": (),
    "test_timeouts": (),
    "test_waitfor": (),
}

#: Modules whose loops are replaced while the names stay asyncio's.
LOOP: dict[str, tuple[str, ...]] = {
    "test_base_events": (
        "BaseEventLoopTests",
        "BaseEventTests",
        "BaseLoopSockSendfileTests",
        "RunningLoopTests",
    ),
    "test_buffered_proto": (),
    "test_context": (),
    "test_eager_task_factory": (),
    "test_events": (),
    "test_futures2": (),
    "test_locks": (),
    "test_pep492": (),
    "test_queues": (),
    "test_runners": (),
    "test_sendfile": (),
    "test_server": (),
    "test_sock_lowlevel": (),
    "test_ssl": (),
    "test_sslproto": (),
    "test_staggered": (),
    "test_streams": (),
    "test_subprocess": (),
    "test_taskgroups": (),
    "test_tasks": (),
    "test_threads": (),
    "test_timeouts": (),
    "test_unix_events": (
        "SelectorEventLoopUnixSockSendfileTests",
        "SelectorEventLoopUnixSocketTests",
        "TestFork",
        "TestFunctional",
    ),
    "test_waitfor": (),
}

#: Classes that run only with ``--more``, in mode loop, and why: much of each looks at how
#: asyncio does it, so its failures say little.
MORE: dict[str, tuple[str, ...]] = {
    # Which of the socket module's functions are called, and with what.
    "test_base_events": ("BaseEventLoopWithSelectorTests",),
    # A mock for the signal module, and the loop's table of signal handlers.
    "test_unix_events": ("SelectorEventLoopSignalTests",),
}

#: Modules that make no loop a foreign one could stand in for, and why they do not run.
INERT: dict[str, str] = {
    "test_futures": "only the tests' own loop with a simulated clock (but it runs with our names)",
    "test_proactor_events": "asyncio's Windows loop, driven with mocks",
    "test_protocols": "asyncio's protocol base classes, which are shared",
    "test_selector_events": "the insides of asyncio's own selector loop, driven with mocks",
    "test_transports": "asyncio's transport base classes, which are shared",
    "test_windows_events": "Windows only",
    "test_windows_utils": "Windows only",
}


def installed(module: str = "") -> bool:
    """Return True if this interpreter has ``test.test_asyncio`` (and *module* in it)."""
    name = f"test.test_asyncio.{module}" if module else "test.test_asyncio.utils"
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def cells(target: Target = "miniloop", *, more: bool = False) -> Iterator[Cell]:
    """Yield every cell that this interpreter can run against *target*; *more*: those off too."""
    parts: list[tuple[Mode, dict[str, tuple[str, ...]]]] = [("names", NAMES), ("loop", LOOP)]
    if more:
        parts.append(("loop", MORE))
    for mode, modules in parts:
        for module, classes in modules.items():
            if installed(module):
                yield Cell(module, mode, target, classes)


def version() -> str:
    """Return the running interpreter's version as ``"3.13"``."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"

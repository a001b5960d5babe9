"""The loops that `bench recording` compares: nobody watches, somebody does, all is recorded.

Read next: rows.py
"""

from __future__ import annotations

from asyncio import AbstractEventLoop

from compat.bench.model import ASYNCIO, WITH_NAMES, Contestant
from miniloop import EventLoop
from miniloop.study import Recorder
from miniloop.study.asyncio_loop import AsyncioLoop

__all__ = ["FIELD", "PLAIN", "RECORDED"]

PLAIN = WITH_NAMES
OBSERVED = Contestant("observed/miniloop", "miniloop", f"{__name__}:observed")
RECORDED = Contestant("recorded/miniloop", "miniloop", f"{__name__}:recorded")
RECORDED_ASYNCIO = Contestant("recorded/asyncio", "asyncio", f"{__name__}:recorded_asyncio")

FIELD = (PLAIN, OBSERVED, RECORDED, ASYNCIO, RECORDED_ASYNCIO)


class Nobody:
    """An observer that has no methods."""


def observed() -> AbstractEventLoop:
    """Return a loop with an observer that wants to know nothing."""
    return EventLoop(observer=Nobody())


def recorded() -> AbstractEventLoop:
    """Return a loop that is recorded; the words are found afterwards, as with the command."""
    return EventLoop(observer=Recorder())


def recorded_asyncio() -> AbstractEventLoop:
    """Return asyncio's loop, recorded."""
    return AsyncioLoop(Recorder())

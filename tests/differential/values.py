"""What is noted of a run, as plain data: equal for equal runs, and keeping nothing alive."""

from __future__ import annotations

import re
from typing import Any
from zlib import crc32

#: The number of the first task of a crowd; no function has so high a one.
MANY = 1000
#: From so many bytes on, data is noted by its checksum.
LONG = 40
#: The first bytes of records of TLS (RFC 8446, 5.1): their type, then the major version.
TLS_RECORDS = range(20, 24)
TLS_MAJOR_VERSION = 3
#: The address of a Unix socket that asked for any: see unix(7), autobind.
CHOSEN_NAME = re.compile(rb"\0[0-9a-f]{5}")
#: Exceptions whose text is each library's own.
OWN_WORDS = ("InvalidStateError", "RecursionError")


def label(task: Any) -> str | None:
    """Return the name of the function that *task* runs."""
    if task is None:
        return None
    coro = task.get_coro()
    return getattr(coro, "__name__", type(coro).__name__)


def number(task: Any) -> int:
    """Return the number of the function that *task* runs; 0 when it has no more to run."""
    if task.done():
        return 0
    digits = str(label(task))[1:]
    return int(digits) if digits.isdigit() else MANY


def words(text: str) -> str:
    """Return *text* without what differs between equal runs: addresses, reprs, places."""
    text = re.sub(r"<.*>", "<...>", text, flags=re.DOTALL)
    text = re.sub(r"Exception in callback .*", "Exception in callback", text, flags=re.DOTALL)
    return re.sub(r"Task-\d+", "Task-N", text)


def plain(value: Any) -> Any:
    """Return *value* as plain data that is equal for equal runs."""
    if isinstance(value, BaseException):
        return _plain_exception(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set):
        return sorted(map(plain, value), key=repr)
    if isinstance(value, str):
        return words(value)
    if hasattr(value, "_asyncio_future_blocking"):
        return _plain_future(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return _plain_bytes(bytes(value))
    return type(value).__name__


def _plain_bytes(data: bytes) -> str:
    if len(data) >= LONG and data[0] in TLS_RECORDS and data[1] == TLS_MAJOR_VERSION:
        return "records of TLS"  # what is in them is random, and so is the length of a signature
    if CHOSEN_NAME.fullmatch(data):
        return "a name that the kernel chose"
    return str(data) if len(data) < LONG else f"{len(data)} bytes, {crc32(data):x}"


def _plain_exception(error: BaseException) -> list[Any]:
    name = type(error).__name__
    told: list[Any] = [name]
    if name not in OWN_WORDS:
        told += [plain(each) for each in error.args]
    if hasattr(error, "partial"):
        told.append(plain(error.partial))
    if hasattr(error, "consumed"):
        told.append(error.consumed)
    if error.__cause__ is not None:
        told += ["from", type(error.__cause__).__name__]
    return told


def _plain_future(future: Any) -> list[Any]:
    told: list[str | None] = ["future"]
    if hasattr(future, "get_coro"):
        # A task that ended as it began has forgotten what it ran: asyncio's has.
        told = ["task", None if future.done() else label(future)]
    # Its outcome is not looked at: that would count as having seen it.
    return [*told, "cancelled" if future.cancelled() else "done" if future.done() else "pending"]

"""A protocol that raises while it is told of data: what is reported, and what goes on upwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from .stage import LOOPS, pair

METHODS = ["data_received", "get_buffer", "buffer_updated", "eof_received"]


class Failing(asyncio.Protocol):
    """Raises *error* in the method called *method*."""

    def __init__(self, method: str, error: BaseException | None) -> None:
        self.method = method
        self.error = error
        self.lost_with: Any = "nothing yet"

    def data_received(self, data: bytes) -> None:
        self.fail("data_received")

    def eof_received(self) -> None:
        self.fail("eof_received")

    def fail(self, method: str) -> None:
        if method == self.method and self.error is not None:
            raise self.error

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost_with = exc


class FailingBuffered(Failing, asyncio.BufferedProtocol):
    """The same with a buffer of its own; an *error* of None stands for an empty buffer."""

    def get_buffer(self, sizehint: int) -> bytearray:
        if self.error is not None:
            self.fail("get_buffer")
        return bytearray(100 if self.error is not None else 0)

    def buffer_updated(self, nbytes: int) -> None:
        self.fail("buffer_updated")


def protocol(method: str, error: Any) -> Failing:
    kind = FailingBuffered if "buffer" in method else Failing
    return kind(method, error)


class Stage:
    """A loop with a transport whose protocol is about to fail."""

    def __init__(self, name: str, failing: Failing) -> None:
        self.loop = LOOPS[name]()
        self.reports: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.reports.append(context))
        ours, self.theirs = pair()
        self.transport, _ = self.loop.run_until_complete(
            self.loop.connect_accepted_socket(lambda: failing, ours)
        )
        if failing.method == "eof_received":
            self.theirs.close()
        else:
            self.theirs.send(b"data")

    def turns(self) -> None:
        """Run a few turns."""
        for _ in range(3):
            self.loop.stop()
            self.loop.run_forever()

    def close(self) -> None:
        """End everything."""
        if not self.transport.is_closing():
            self.transport.abort()
        self.turns()
        self.theirs.close()
        self.loop.close()


@pytest.fixture
def stages() -> Iterator[list[Stage]]:
    made: list[Stage] = []
    yield made
    for each in made:
        each.close()


@pytest.mark.parametrize("method", [*METHODS, "an empty buffer"])
def test_an_error_ends_the_transport(stages: list[Stage], method: str) -> None:
    seen = []
    for name in LOOPS:
        failing = protocol(method, None if method == "an empty buffer" else ZeroDivisionError("x"))
        stages.append(stage := Stage(name, failing))
        stage.turns()
        (report,) = stage.reports
        assert report["exception"] is failing.lost_with
        assert report["protocol"] is failing
        assert report["transport"] is stage.transport
        seen.append((report["message"], repr(failing.lost_with)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("method", METHODS)
def test_what_ends_the_program_goes_on_upwards(
    stages: list[Stage], method: str, stop: type[BaseException]
) -> None:
    for name in LOOPS:
        failing = protocol(method, stop())
        stages.append(stage := Stage(name, failing))
        with pytest.raises(stop):
            stage.turns()
        assert not stage.reports
        assert not stage.transport.is_closing()
        failing.error = ZeroDivisionError()
        failing.method = "none any more"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_so_does_what_ends_it_while_writing(stages: list[Stage], stop: type[BaseException]) -> None:
    class Interrupted:
        def send(self, data: bytes) -> int:
            raise stop

    for name in LOOPS:
        stages.append(stage := Stage(name, Failing("none", ZeroDivisionError())))
        sock, stage.transport._sock = stage.transport._sock, Interrupted()
        with pytest.raises(stop):
            stage.transport.write(b"data")
        stage.transport._sock = sock
        assert not stage.transport.is_closing()

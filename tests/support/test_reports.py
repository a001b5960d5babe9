"""The loop's exception handler: who is told, in which words, and what a failing one does."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from miniloop.eventloop import EventLoop

from ..core.pairs import LIBRARIES, Library, Side, text, turn
from ..sync.loops import virtual_miniloop

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def broken() -> None:
    """Fail, as a callback."""
    raise LookupError("broken")


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = virtual_miniloop()
    yield made
    made.close()


def test_the_handler_is_called_with_loop_and_context(loop: EventLoop) -> None:
    seen: list[Any] = []

    def handler(*args: Any) -> None:
        seen.append(args)

    loop.set_exception_handler(handler)
    assert loop.get_exception_handler() is handler
    handle = loop.call_soon(broken)
    turn(loop)
    [(the_loop, context)] = seen
    assert the_loop is loop
    assert set(context) == {"message", "exception", "handle"}
    assert context["handle"] is handle
    assert isinstance(context["exception"], LookupError)
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None


def test_it_must_be_callable(loop: EventLoop) -> None:
    with pytest.raises(TypeError, match="A callable object or None is expected, got 5"):
        loop.set_exception_handler(5)  # type: ignore[arg-type]


def logged(library: Library, caplog: pytest.LogCaptureFixture, debug: bool) -> list[Any]:
    """Have several things reported to the default handler; return what was logged."""
    caplog.clear()
    side = Side(library)
    side.loop.set_exception_handler(None)
    side.loop.set_debug(debug)
    side.loop.call_soon(broken)
    turn(side.loop)
    for context in (
        {"message": "something happened", "zebra": 1, "apple": [2]},
        {"message": ""},
        {"exception": LookupError("passed in")},
    ):
        side.loop.call_exception_handler(context)
    records = []
    for record in caplog.records:
        if record.levelno == logging.ERROR:
            error = record.exc_info[1] if record.exc_info else None
            records.append((record.name, text(record.message).split("\\n"), repr(error)))
    side.close()
    return records


@pytest.mark.parametrize("debug", [False, True])
def test_the_log_has_asyncios_words(caplog: pytest.LogCaptureFixture, debug: bool) -> None:
    theirs, ours = (logged(library, caplog, debug) for library in LIBRARIES)
    if debug:  # the stacks differ where they pass through the libraries themselves
        theirs, ours = (
            [(name, lines[0], error) for name, lines, error in each] for each in (theirs, ours)
        )
    assert ours == theirs
    assert [name for name, _, _ in ours] == ["asyncio"] * 4


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
class TestFailing:
    def test_a_handler_that_fails_is_reported_itself(
        self, library: Library, caplog: pytest.LogCaptureFixture
    ) -> None:
        side = Side(library)
        side.loop.set_exception_handler(lambda *_: 1 / 0)
        side.loop.call_soon(broken)
        turn(side.loop)
        [record] = caplog.records
        assert record.message.startswith("Unhandled error in exception handler")
        assert "context: {'message': 'Exception in callback broken() at" in record.message
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], ZeroDivisionError)
        side.close()

    def test_a_default_handler_that_fails_is_logged_plainly(
        self, library: Library, caplog: pytest.LogCaptureFixture
    ) -> None:
        side = Side(library)
        side.loop.set_exception_handler(None)
        side.loop.default_exception_handler = lambda context: 1 / 0
        side.loop.call_exception_handler({"message": "lost"})
        assert caplog.records[0].message == "Exception in default exception handler"
        side.loop.set_exception_handler(lambda *_: 1 / 0)
        side.loop.call_exception_handler({"message": "lost"})
        assert caplog.records[1].message == (
            "Exception in default exception handler while handling an unexpected error "
            "in custom exception handler"
        )
        side.close()

    @pytest.mark.parametrize("stopper", [KeyboardInterrupt, SystemExit])
    def test_what_must_stop_the_program_comes_out(
        self, library: Library, stopper: type[BaseException]
    ) -> None:
        side = Side(library)

        def stop(*_: Any) -> None:
            raise stopper

        side.loop.set_exception_handler(stop)
        with pytest.raises(stopper):
            side.loop.call_exception_handler({})
        side.loop.set_exception_handler(None)
        side.loop.default_exception_handler = stop
        with pytest.raises(stopper):
            side.loop.call_exception_handler({})
        side.close()


def test_a_handler_runs_in_the_context_of_what_failed(loop: EventLoop) -> None:
    seen: list[str] = []
    loop.set_exception_handler(lambda *_: seen.append(variable.get()))
    context = contextvars.copy_context()
    context.run(variable.set, "of the callback")
    loop.call_soon(broken, context=context)
    turn(loop)
    loop.call_exception_handler({"message": "of nobody"})
    assert seen == ["of the callback", "unset"]


def test_a_subclass_may_have_a_default_handler_of_its_own() -> None:
    seen: list[Any] = []

    class Mine(EventLoop):
        def default_exception_handler(self, context: dict[str, Any]) -> None:
            seen.append(context)

    loop = Mine()
    loop.call_exception_handler({"message": "lost"})
    assert seen == [{"message": "lost"}]
    loop.close()


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_a_loop_goes_on_after_a_callback_failed(library: Library) -> None:
    side = Side(library)
    side.loop.call_soon(broken)
    side.loop.call_soon(side.log.append, "went on")
    turn(side.loop)
    assert side.log == ["went on"]
    [(message, error, keys)] = side.reports
    assert message.startswith("Exception in callback")
    assert error == "LookupError"
    assert keys == ["exception", "handle", "message"]
    side.close()

"""Futures: what the lock-step test cannot see: contexts, loops, memory, reports."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import logging
import traceback
import typing
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from miniloop.core.futures import Future, isfuture
from miniloop.eventloop import EventLoop

from .pairs import LIBRARIES, Library, Side, outcome, text, turn

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Failure(Exception):
    """What a weak reference can be made to."""


def print_nothing(*_: object) -> None:
    """Do nothing."""


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Have nothing freed but by its reference count."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_every_public_name_of_asyncios_is_there() -> None:
    missing = {name for name in dir(asyncio.Future) if name[:1] != "_"} - set(dir(Future))
    assert not missing


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_a_callback_runs_in_the_context_it_was_added_in(library: Library) -> None:
    side = Side(library)
    future = side.loop.create_future()
    given = contextvars.copy_context()
    given.run(variable.set, "given")
    variable.set("at the call")
    future.add_done_callback(lambda _: side.log.append(variable.get()), context=given)
    future.add_done_callback(lambda _: side.log.append(variable.get()))
    variable.set("later")
    future.set_result(None)
    future.add_done_callback(lambda _: side.log.append(variable.get()), context=given)
    future.add_done_callback(lambda _: side.log.append(variable.get()))
    turn(side.loop)
    assert side.log == ["given", "at the call", "given", "later"]
    side.close()


def test_removing_compares_with_eq_and_survives_what_eq_does(loop: EventLoop) -> None:
    future = loop.create_future()

    class Equal:
        def __call__(self, _: Any) -> None:
            pass

        def __eq__(self, other: object) -> bool:
            future.add_done_callback(print)
            return True

        __hash__ = None  # type: ignore[assignment]

    future.add_done_callback(Equal())
    future.add_done_callback(repr)
    assert future.remove_done_callback(str) == 1
    assert [callback for callback, _ in future._callbacks] == [repr, print]


def test_awaiting_without_a_loop_behind_it_is_noticed() -> None:
    for library in LIBRARIES:
        side = Side(library)
        iterator = side.loop.create_future().__await__()
        next(iterator)
        assert outcome(next, iterator) == (
            "raised",
            "RuntimeError",
            ('"await wasn\'t used with future"',),
        )
        side.close()


@pytest.mark.parametrize("library", LIBRARIES, ids=repr)
def test_what_is_asked_too_early_is_said_to_be_missing(library: Library) -> None:
    side = Side(library)
    future = side.names.Future(loop=side.loop)
    for ask in (future.result, future.exception):
        with pytest.raises(asyncio.InvalidStateError) as caught:
            ask()
        side.log.append(str(caught.value))
    side.close()
    assert side.log == ["Result is not set.", "Exception is not set."]


def test_a_future_belongs_to_the_current_loop(loop: EventLoop) -> None:
    async def main() -> Any:
        return Future[None]()

    assert loop.run_until_complete(main()).get_loop() is loop
    miniloop.set_event_loop(loop)
    assert Future[int]().get_loop() is loop
    uninitialised = Future.__new__(Future)
    with pytest.raises(RuntimeError, match="not initialized"):
        uninitialised.get_loop()
    assert not uninitialised.done()
    assert not uninitialised.cancelled()


def test_the_two_libraries_know_each_others_futures(loop: EventLoop) -> None:
    ours: Any = loop.create_future()
    theirs: Any = asyncio.Future(loop=loop)
    assert isfuture(ours)
    assert isfuture(theirs)
    assert asyncio.isfuture(ours)
    assert not isfuture(Future)
    assert not isfuture(len)
    assert not isfuture(print())


def test_a_proxy_without_an_answer_is_no_future() -> None:
    class Proxy:
        """Says yes to every question, as a mock does, but not on its class."""

        def __getattr__(self, name: str) -> object:
            return self

    assert not isfuture(Proxy())
    assert isfuture(Proxy()) == asyncio.isfuture(Proxy())


@pytest.mark.parametrize("bad", [5, object(), int, None], ids=lambda value: type(value).__name__)
def test_what_is_no_exception_is_refused_and_the_future_stays_as_it_was(bad: Any) -> None:
    for library in LIBRARIES:
        side = Side(library)
        future = side.loop.create_future()
        with pytest.raises(TypeError, match="invalid exception object"):
            future.set_exception(bad)
        assert not future.done()
        future.set_result(3)
        assert future.result() == 3
        side.close()


def test_stop_iteration_cannot_get_into_a_coroutine(loop: EventLoop) -> None:
    for bad in (StopIteration, StopIteration(1)):
        future = loop.create_future()
        future.set_exception(bad)
        with pytest.raises(RuntimeError, match="StopIteration interacts badly") as caught:
            future.result()
        assert isinstance(caught.value.__cause__, StopIteration)
        assert caught.value.__context__ is caught.value.__cause__


def test_raising_again_and_again_does_not_lengthen_the_traceback(loop: EventLoop) -> None:
    lengths: list[list[int]] = []
    for library in LIBRARIES:
        side = Side(library)
        future = side.loop.create_future()
        future.set_exception(LookupError())
        seen = []
        for _ in range(4):
            with pytest.raises(LookupError) as caught:
                future.result()
            seen.append(len(traceback.extract_tb(caught.value.__traceback__)))
        assert len(set(seen)) == 1
        lengths.append(seen)
        side.close()
    assert abs(lengths[0][0] - lengths[1][0]) <= 1  # a C function has no frame


class TestNoCycles:
    @pytest.mark.usefixtures("no_collector")
    def test_a_future_dies_with_its_last_reference(self, loop: EventLoop) -> None:
        future = loop.create_future()
        future.set_exception(Failure("looked at"))
        error = weakref.ref(future.exception())
        gone = weakref.ref(future)
        with contextlib.suppress(Failure):
            future.result()
        del future
        assert gone() is None
        assert error() is None

    @pytest.mark.usefixtures("no_collector")
    @pytest.mark.parametrize("message", [None, "why"])
    def test_a_cancelled_one_too(self, loop: EventLoop, message: str | None) -> None:
        async def main() -> Any:
            future = loop.create_future()
            future.cancel(message)
            try:
                await future
            except asyncio.CancelledError as error:
                return weakref.ref(error), weakref.ref(future)

        error, future = loop.run_until_complete(main())
        assert error() is None
        assert future() is None

    @pytest.mark.usefixtures("no_collector")
    def test_with_callbacks_that_hold_it_it_dies_when_they_ran(self, loop: EventLoop) -> None:
        future = loop.create_future()
        future.add_done_callback(functools.partial(print_nothing, future))
        gone = weakref.ref(future)
        future.set_result(None)
        del future
        turn(loop)
        assert gone() is None


class TestNeverRetrieved:
    def reported(self, library: Library, make: Any, debug: bool = False) -> list[dict[str, Any]]:
        """Let go of a failed future; return what the loop was told, as text and keys."""
        side = Side(library)
        side.loop.set_debug(debug)
        contexts: list[dict[str, Any]] = []
        side.loop.set_exception_handler(lambda _, context: contexts.append(context))
        future = make(side)
        assert contexts == []
        assert future._log_traceback
        del future
        gc.collect()
        for context in contexts:
            context["future"] = text(context["future"])
            context["exception"] = text(context["exception"])
            if "source_traceback" in context:
                context["source_traceback"] = [
                    (frame.name, frame.line) for frame in context["source_traceback"][-3:]
                ]
        side.close()
        return contexts

    @pytest.mark.parametrize("debug", [False, True])
    def test_a_future_says_the_same_as_asyncios(self, debug: bool) -> None:
        def make(side: Side) -> Any:
            future = side.names.Future(loop=side.loop)
            future.set_exception(LookupError("lost"))
            return future

        theirs, ours = (self.reported(library, make, debug) for library in LIBRARIES)
        assert theirs == ours
        assert ours[0]["message"] == "Future exception was never retrieved"
        assert ("source_traceback" in ours[0]) is debug

    def test_who_is_collected_with_it_may_still_look(self) -> None:
        class Holder:
            """Looks at the exception when it ends, as asyncio's stream protocols do."""

            def __init__(self, side: Side) -> None:
                self.closed = side.names.Future(loop=side.loop)
                self.itself = self

            def __del__(self) -> None:
                self.closed.exception()

        for library in LIBRARIES:
            side = Side(library)
            gc.collect()
            holder = Holder(side)
            gc.collect(0)  # what comes now is of a younger generation
            holder.closed.set_exception(LookupError("seen in the end"))
            del holder
            gc.collect()
            assert side.reports == []
            side.close()

    @pytest.mark.parametrize("debug", [False, True])
    def test_a_subclass_says_its_own_name(self, debug: bool) -> None:
        def make(side: Side) -> Any:
            class Reply(side.names.Future):  # type: ignore[misc, name-defined]
                def __init__(self, loop: Any) -> None:
                    super().__init__(loop=loop)
                    self.note = "kept"

            future = Reply(side.loop)
            future.set_exception(LookupError("lost"))
            return future

        theirs, ours = (self.reported(library, make, debug) for library in LIBRARIES)
        assert theirs == ours
        assert ours[0]["message"] == "Reply exception was never retrieved"

    def test_what_is_reported_still_has_what_a_subclass_kept(self, loop: EventLoop) -> None:
        class Reply(Future[None]):
            pass

        seen: list[Any] = []
        loop.set_exception_handler(lambda _, context: seen.append(context["future"]))
        reply = Reply(loop=loop)
        reply.note = "kept"  # type: ignore[attr-defined]
        reply.set_exception(LookupError("lost"))
        del reply
        assert type(seen[0]) is Reply
        assert isinstance(seen[0].exception(), LookupError)
        assert seen[0].done()
        assert seen[0].get_loop() is loop

    @pytest.mark.parametrize("how", ["result", "exception", "cancel", "set to False", "await"])
    def test_once_seen_it_is_not_reported(self, how: str) -> None:
        for library in LIBRARIES:
            side = Side(library)
            future = side.loop.create_future()
            future.set_exception(LookupError("lost"))
            if how == "set to False":
                future._log_traceback = False
            elif how == "await":

                async def wait(future: Any = future) -> None:
                    with pytest.raises(LookupError):
                        await future

                side.loop.run_until_complete(wait())
                del wait
            else:
                outcome(getattr(future, how))
            assert not future._log_traceback
            del future
            gc.collect()
            assert side.reports == []
            side.close()

    def test_the_flag_cannot_be_set(self, loop: EventLoop) -> None:
        future = loop.create_future()
        with pytest.raises(ValueError, match="can only be set to False"):
            future._log_traceback = True

    def test_without_a_handler_it_is_logged(
        self, loop: EventLoop, caplog: pytest.LogCaptureFixture
    ) -> None:
        future = loop.create_future()
        future.set_exception(LookupError("lost"))
        with caplog.at_level(logging.ERROR):
            del future
        [record] = caplog.records
        assert record.message.splitlines() == [
            "Future exception was never retrieved",
            "future: <Future finished exception=LookupError('lost')>",
        ]
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], LookupError)


def test_callbacks_run_in_order_and_one_that_fails_does_not_stop_the_rest(
    loop: EventLoop,
) -> None:
    reported: list[Any] = []
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    seen: list[int] = []
    future = loop.create_future()
    future.add_done_callback(lambda _: seen.append(1))
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(lambda _: seen.append(2))
    future.set_result(None)
    assert seen == []
    turn(loop)
    assert seen == [1, 2]
    assert isinstance(reported[0], ZeroDivisionError)


def test_our_future_works_on_asyncios_loop() -> None:
    loop = asyncio.SelectorEventLoop()
    log: list[Any] = []
    future: Future[str] = Future(loop=loop)
    future.add_done_callback(lambda done: log.append(done.result()))
    loop.call_soon(future.set_result, "done")
    assert loop.run_until_complete(future) == "done"
    assert log == ["done"]
    loop.close()


def test_generic_alias_is_a_class_in_annotations_only() -> None:
    for each in (Future, miniloop.Task):
        assert typing.get_origin(each[int]) is each

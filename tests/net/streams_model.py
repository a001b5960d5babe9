"""Random scripts for a pair of stream readers, which must do the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

__all__ = ["FakeTransport", "Step", "play", "scripts"]


@dataclass(frozen=True)
class Step:
    """Feed *data*, or call the reading method *what* with *args*."""

    what: str
    args: tuple[Any, ...] = ()


class FakeTransport:
    """Notes when reading is paused and resumed."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def pause_reading(self) -> None:
        self.log.append("pause")

    def resume_reading(self) -> None:
        self.log.append("resume")


def scripts(*, several: bool) -> st.SearchStrategy[list[Step]]:
    """Return what draws scripts; with tuples of separators if *several*."""
    data = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"--", b"-", b"xyz"]), max_size=12)
    chunk = data.map(b"".join)
    separator: st.SearchStrategy[Any] = st.sampled_from([b"\n", b"\r\n", b"--", b"a-", b""])
    if several:
        separator |= st.lists(separator, max_size=3).map(tuple)
    number = st.integers(-1, 12)
    return st.lists(
        st.one_of(
            chunk.map(lambda fed: Step("feed_data", (fed,))),
            chunk.map(lambda fed: Step("feed_data", (fed,))),
            st.just(Step("readline")),
            separator.map(lambda each: Step("readuntil", (each,))),
            number.map(lambda n: Step("read", (n,))),
            number.map(lambda n: Step("readexactly", (n,))),
            st.just(Step("cancel")),
            st.just(Step("turn")),
            st.just(Step("set_exception")),
        ),
        max_size=25,
    )


def play(loop: Any, reader: Any, log: list[Any], script: list[Step]) -> list[Any]:
    """Run *script* on *reader*; return what happened, and what was left.

    A read runs as a task; the next one begins when it has ended, or at the same
    time when the script says no turn in between.
    """
    reader.set_transport(FakeTransport(log))

    async def read(number: int, step: Step) -> None:
        try:
            log.append((number, await getattr(reader, step.what)(*step.args)))
        except BaseException as error:
            log.append((number, type(error), str(error)))

    async def main() -> None:
        tasks: list[Any] = []
        for number, step in enumerate(script):
            if step.what == "feed_data":
                reader.feed_data(*step.args)
            elif step.what == "cancel":
                for task in tasks:
                    task.cancel("stop")
            elif step.what == "turn":
                await one_turn()
            elif step.what == "set_exception":
                if number % 3 == 0:
                    reader.set_exception(ZeroDivisionError("set"))
            else:
                if not any(not task.done() for task in tasks):
                    tasks.append(loop.create_task(read(number, step)))
                await one_turn()
            log.append((bytes(reader._buffer), reader.at_eof()))
        reader.feed_eof()
        for task in tasks:
            await task
        log.append((bytes(reader._buffer), reader.at_eof(), repr(reader.exception())))

    async def one_turn() -> None:
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future

    loop.run_until_complete(main())
    return log

"""Hosts that crash like a power cut, and come back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from miniloop.testing.world import World

pytestmark = pytest.mark.parametrize("library", ["miniloop", "asyncio"])


def test_nothing_of_a_crashed_host_runs_any_more(library: str) -> None:
    async def scenario(world: World) -> list[str]:
        log: list[str] = []

        async def work() -> None:
            try:
                while True:
                    await asyncio.sleep(1)
                    log.append("tick")
            finally:
                if world.host("db").up:
                    log.append("finally")

        def callback() -> None:
            log.append("callback")

        async def main() -> None:
            asyncio.get_running_loop().call_later(10, callback)
            await work()

        world.host("db").spawn(main())
        await asyncio.sleep(2.5)
        world.host("db").crash()
        await asyncio.sleep(60)
        return log

    found = World(library=library).run(scenario)
    assert found.failures == []
    assert found.result == ["tick", "tick"]


def test_a_crashed_host_does_not_answer_and_a_restarted_one_does(library: str) -> None:
    async def scenario(world: World) -> list[str]:
        seen: list[str] = []
        db = world.host("db")

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(10))
            writer.close()

        async def serve() -> None:
            async with await asyncio.start_server(handle, "db", 1) as server:
                await server.serve_forever()

        async def ask() -> None:
            writer: Any = None
            try:
                async with asyncio.timeout(5):
                    reader, writer = await asyncio.open_connection("db", 1)
                    writer.write(b"hello")
                    seen.append((await reader.read(10)).decode())
            except TimeoutError:
                seen.append("no answer")
            except ConnectionRefusedError:
                seen.append("refused")
            finally:
                if writer is not None:
                    writer.close()

        world.background(db.spawn(serve()))
        await asyncio.sleep(1)
        await ask()
        db.crash()
        await ask()
        db.restart()
        await ask()
        world.background(db.spawn(serve()))
        await asyncio.sleep(1)
        await ask()
        return seen

    found = World(library=library).run(scenario)
    assert found.result == ["hello", "no answer", "refused", "hello"]


def test_a_crash_amid_a_step_of_its_own_is_the_end_of_it(library: str) -> None:
    async def scenario(world: World) -> list[str]:
        log: list[str] = []

        async def suicide() -> None:
            log.append("before")
            world.host("db").crash()
            await asyncio.sleep(0)
            log.append("after")

        world.host("db").spawn(suicide())
        await asyncio.sleep(5)
        return log

    assert World(library=library).run(scenario).result == ["before"]


def test_code_runs_where_it_was_spawned(library: str) -> None:
    async def scenario(world: World) -> list[str]:
        async def inner() -> str:
            return world.here().name

        async def outer() -> str:
            return await asyncio.create_task(inner())

        return [await inner(), await world.host("db").spawn(outer())]

    assert World(library=library).run(scenario).result == ["localhost", "db"]


def test_nothing_can_be_spawned_on_a_host_that_is_down(library: str) -> None:
    async def scenario(world: World) -> None:
        db = world.host("db")
        db.crash()
        with pytest.raises(RuntimeError, match="down"):
            db.spawn(asyncio.sleep(0))

    assert World(library=library).run(scenario).failures == []

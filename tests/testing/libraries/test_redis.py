"""redis-py in the World, with a small Redis on another host: answers, channels, crashes, locks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError, WatchError

from miniloop.testing import World

from .in_world_redis import InWorldRedis
from .worlds import alike, breaks, faulty, holds

#: A client that waits longer than anything in the World is late for no reason.
PATIENT: dict[str, Any] = {
    "host": "db",
    "decode_responses": True,
    "socket_timeout": 60,
    "socket_connect_timeout": 60,
}


@asynccontextmanager
async def a_redis(world: World, **options: Any) -> AsyncIterator[Any]:
    """Serve a Redis on the host ``db``; give a client of it."""
    serving = await InWorldRedis().start(world.host("db"))
    try:
        async with Redis(**{**PATIENT, **options}) as client:
            yield client
    finally:
        serving.cancel()
        await asyncio.wait([serving])


async def commands(world: World) -> list[Any]:
    """A little of everything: values, expiry over hours, a list that is waited for, a channel."""
    async with a_redis(world, socket_timeout=None) as client:
        seen: list[Any] = [await client.set("n", 1, ex=7200), await client.incr("n")]
        await asyncio.sleep(3600)
        seen.append(await client.get("n"))
        await client.expire("n", 3)
        await asyncio.sleep(5)
        seen += [await client.get("n"), await client.delete("n"), await client.ping()]

        async def push() -> None:
            await asyncio.sleep(1800)
            await client.rpush("list", "item")

        pushing = asyncio.create_task(push())
        seen += [await client.blpop("list", timeout=3600), await client.blpop("list", timeout=60)]
        await pushing
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe("news")
            await channel.get_message(timeout=5)
            seen.append(await client.publish("news", "hello"))
            message = await channel.get_message(timeout=5)
            seen.append(message and message["data"])
        return seen


async def answers_belong_to_their_questions(world: World) -> list[str]:
    """Over a bad link, some give up: whoever gets an answer gets the one to its own question."""
    wrong: list[str] = []

    async def ask(client: Any, number: int) -> None:
        try:
            async with asyncio.timeout(60):
                await client.set(f"key {number}", number)
                answer = await client.get(f"key {number}")
        except (RedisError, TimeoutError, OSError):
            return
        if answer != str(number):
            wrong.append(f"{answer!r} is the answer for {number}")

    retry = Retry(ConstantBackoff(0.1), 2)
    async with a_redis(world, max_connections=2, retry=retry) as client:
        link = world.network.link("localhost", "db")
        faulty(link)
        askers = [asyncio.create_task(ask(client, number)) for number in range(4)]
        world.sometime(askers[1].cancel)
        await asyncio.wait(askers)
        assert all(task.cancelled() or task.exception() is None for task in askers)
        link.resets = link.refusals = False
        assert await client.set("after", "all")
        assert await client.get("after") == "all"
    assert not wrong, wrong[0]
    return wrong


async def a_transaction(world: World) -> str:
    """Two that read, add and write, each in a transaction that watches what it has read."""

    async def add(client: Any) -> None:
        async with client.pipeline() as pipe:
            while True:
                await pipe.watch("count")
                count = int(await pipe.get("count") or 0)
                pipe.multi()
                pipe.set("count", count + 1)
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                break

    async with a_redis(world) as client:
        world.network.link("localhost", "db").partial_writes = True
        await asyncio.gather(add(client), add(client), add(client))
        count = await client.get("count")
    assert count == "3", f"3 have added 1, and it is {count}"
    return str(count)


async def a_channel(world: World) -> list[int]:
    """Messages over links that reset: some may be missing, none comes twice or too early."""
    heard: list[int] = []
    async with a_redis(world) as client:
        link = world.network.link("localhost", "db")
        link.latency, link.resets, link.partial_writes = 0.02, True, True
        async with client.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe("numbers")

            async def publish() -> None:
                for number in range(4):
                    await asyncio.sleep(1)
                    await client.publish("numbers", number)

            publishing = asyncio.create_task(publish())
            async with asyncio.timeout(600):
                while not publishing.done():
                    if message := await channel.get_message(timeout=3):
                        heard.append(int(message["data"]))
            await publishing
        link.resets = False
    assert heard == sorted(heard)
    return heard


async def a_crash(world: World) -> list[Any]:
    """The power of the server's host is cut; its disk is not lost; the client connects anew."""
    db, host = InWorldRedis(), world.host("db")
    await db.start(host)
    seen: list[Any] = []
    retry = Retry(ConstantBackoff(1), 10)
    client: Any
    async with Redis(**{**PATIENT, "retry": retry}) as client:
        await client.set("key", "value")
        host.crash()
        asking: Any = asyncio.create_task(client.get("key"))
        await asyncio.sleep(120)
        host.restart()
        serving = await db.start(host)
        seen.append(await asking)
        seen.append(await client.get("key"))
    serving.cancel()
    await asyncio.wait([serving])
    assert seen == ["value", "value"]
    return seen


async def an_increment_in_two_commands(world: World) -> None:
    """Broken: between its GET and its SET another one has written."""

    async def add(client: Any, after: float) -> None:
        await asyncio.sleep(after)
        count = int(await client.get("count") or 0)
        await client.set("count", count + 1)

    async with a_redis(world) as client:
        await asyncio.gather(add(client, 1), add(client, 2))
        count = await client.get("count")
    assert count == "2", f"2 have added 1, and it is {count}"


async def a_stampede(world: World) -> None:
    """Broken: whoever finds nothing in the cache does the work, though another one is at it."""
    world.network.default_link.latency = 0.01
    computed: list[str] = []

    async def cached(client: Any, after: float) -> str:
        await asyncio.sleep(after)
        if (value := await client.get("page")) is None:
            await asyncio.sleep(0.5)
            value = "page"
            computed.append(value)
            await client.set("page", value, ex=60)
        return str(value)

    async with a_redis(world) as client:
        pages = await asyncio.gather(cached(client, 1), cached(client, 2))
    assert set(pages) == {"page"}
    assert len(computed) == 1, f"computed {len(computed)} times"


async def a_lock_that_runs_out(world: World) -> None:
    """Broken: the lock is kept for 2 seconds, and nothing says that the work is done by then."""
    inside: list[int] = []
    most = 0

    async def work(client: Any, number: int) -> None:
        nonlocal most
        await asyncio.sleep(3 * number)
        while not await client.set("lock", number, nx=True, ex=2):
            await asyncio.sleep(0.5)
        inside.append(number)
        most = max(most, len(inside))
        await asyncio.sleep(1)
        for step in range(2):
            await client.set(f"result {step}", number)
        inside.remove(number)
        await client.delete("lock")

    async with a_redis(world) as client:
        await asyncio.gather(client.ping(), client.ping())  # both have a connection by now
        await asyncio.gather(work(client, 0), work(client, 1))
    assert most == 1, f"{most} have the lock"


async def a_job_that_is_gone(world: World) -> None:
    """Broken: a job is taken out of its list, and whoever took it is cancelled."""
    done: list[str] = []

    async def work(client: Any) -> None:
        while True:
            _, job = await client.blpop("jobs")
            await client.set("doing", job)
            done.append(job)

    async with a_redis(world, socket_timeout=None) as client:
        worker = asyncio.create_task(work(client))
        await asyncio.sleep(1)
        world.sometime(worker.cancel)
        await client.rpush("jobs", "a")
        await asyncio.wait([worker])
        await asyncio.sleep(1)
        left = await client.llen("jobs")
    assert len(done) + left == 1, "the job is gone"


async def a_counter_that_is_sent_again(world: World) -> None:
    """Broken: the client sends what may have been done again, by default, and INCR counts twice."""
    async with a_redis(world, retry=Retry(ConstantBackoff(0.1), 1)) as client:
        await client.ping()
        link = world.network.link("localhost", "db")
        link.resets = True
        counted = None
        with contextlib.suppress(RedisError):
            counted = await client.incr("count")
        link.resets = False
    assert counted in (None, 1), f"1 INCR, and it is {counted}"


RIGHT = (commands, answers_belong_to_their_questions, a_transaction, a_channel, a_crash)


@pytest.mark.parametrize("scenario", RIGHT)
def test_redis_is_alike_and_holds(scenario: Any) -> None:
    alike(scenario)
    holds(scenario)


def test_time_in_redis_is_the_worlds() -> None:
    run = alike(commands)
    assert run.result == [True, 2, "2", None, 0, True, ("list", "item"), None, 1, "hello"]
    assert 0 <= run.seconds - (3600 + 5 + 1800 + 60) < 1


@pytest.mark.parametrize(
    ("scenario", "words", "kinds"),
    [
        (an_increment_in_two_commands, "it is 1", {"jump"}),
        (a_stampede, "computed 2 times", {"jump"}),
        (a_lock_that_runs_out, "2 have the lock", {"arrival"}),
        (a_job_that_is_gone, "the job is gone", {"event"}),
        (a_counter_that_is_sent_again, "it is 2", {"fault"}),
    ],
)
def test_broken_programs_are_found(scenario: Any, words: str, kinds: set[str]) -> None:
    found = breaks(scenario, words)
    assert {kind for kind, _ in found.schedule.deviations} == kinds
    assert len(found.schedule) == 1

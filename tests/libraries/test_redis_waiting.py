"""redis.asyncio where somebody waits: subscribers, blocking pops, streams, cancelled in between.

Read next: ../../compat/services/__init__.py
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from compat.services import Redis

from .cells import Say, outcome
from .servers import alike, cancelled, client_of, until_blocked


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


async def heard(pubsub: Any, count: int) -> list[tuple[Any, ...]]:
    """Return the next *count* messages of any kind: type, pattern, channel and data."""
    found: list[tuple[Any, ...]] = []
    while len(found) < count:
        message = await pubsub.get_message(timeout=None)
        if message is not None:
            found.append(tuple(message[key] for key in ("type", "pattern", "channel", "data")))
    return found


def test_channels_and_patterns(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client, client.pubsub() as pubsub:
            await pubsub.subscribe("news", "weather")
            await pubsub.psubscribe("new*")
            say(await heard(pubsub, 3))
            say([await client.publish(name, "one") for name in ("news", "weather", "other")])
            say(await heard(pubsub, 3))
            await pubsub.unsubscribe("news")
            say(await heard(pubsub, 1))
            say(await client.publish("news", "two"), await heard(pubsub, 1))
            await pubsub.punsubscribe()
            await pubsub.unsubscribe()
            say(await heard(pubsub, 2), pubsub.subscribed)
            say(await client.publish("news", "three"))

    assert alike(server, scenario, debug=debug) == [
        [
            ("subscribe", None, "news", 1),
            ("subscribe", None, "weather", 2),
            ("psubscribe", None, "new*", 3),
        ],
        [2, 1, 0],
        [
            ("message", None, "news", "one"),
            ("pmessage", "new*", "news", "one"),
            ("message", None, "weather", "one"),
        ],
        [("unsubscribe", None, "news", 2)],
        (1, [("pmessage", "new*", "news", "two")]),
        ([("punsubscribe", None, "new*", 1), ("unsubscribe", None, "weather", 0)], False),
        0,
    ]


def test_handlers_and_listening(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        seen: asyncio.Queue[Any] = asyncio.Queue()

        async def shout(message: dict[str, Any]) -> None:
            await seen.put(message["data"].upper())

        async with client_of(url) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(loud=shout)
            await pubsub.psubscribe(**{"so*": shout})
            runner = asyncio.create_task(pubsub.run(poll_timeout=60))
            while await client.pubsub_numpat() != 1:
                pass
            await client.publish("loud", "hello")
            await client.publish("soft", "pssst")
            say(await seen.get(), await seen.get())
            say(await cancelled(runner))

        async with (
            client_of(url) as client,
            client.pubsub(ignore_subscribe_messages=True) as pubsub,
        ):
            await pubsub.subscribe("numbers")
            for number in range(200):
                await client.publish("numbers", number)
            messages: AsyncIterator[Any]
            async with aclosing(pubsub.listen()) as messages:
                say([int((await anext(messages))["data"]) for _ in range(200)])
            say(await pubsub.get_message(timeout=0.01))

    assert alike(server, scenario) == [("HELLO", "PSSST"), "CancelledError", list(range(200)), None]


def test_many_subscribers_hear_the_same(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:

            async def listen(ready: asyncio.Event) -> list[str]:
                async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe("news")
                    ready.set()
                    messages = await heard(pubsub, 30)
                    return [message[-1] for message in messages]

            events = [asyncio.Event() for _ in range(10)]
            listeners = [asyncio.create_task(listen(event)) for event in events]
            for event in events:
                await event.wait()
            while (await client.pubsub_numsub("news"))[0][1] != len(events):
                pass
            say({await client.publish("news", number) for number in range(30)})
            results = await asyncio.gather(*listeners)
            say(all(result == [f"{number}" for number in range(30)] for result in results))

    assert alike(server, scenario) == [{10}, True]


def test_a_subscriber_that_is_cut_off_subscribes_again(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        retry = Retry(NoBackoff(), 2)
        async with (
            client_of(url) as client,
            client_of(url, retry=retry) as other,
            other.pubsub() as pubsub,
        ):
            await pubsub.subscribe("news")
            await pubsub.psubscribe("we*")
            say(await heard(pubsub, 2))
            for number in range(3):
                listening = asyncio.create_task(heard(pubsub, 3))
                await asyncio.sleep(0)
                say(await client.client_kill_filter(_type="pubsub"))
                while (await client.pubsub_numsub("news"))[0][1] != 1:
                    pass
                while await client.pubsub_numpat() != 1:
                    pass
                await client.publish("weather", number)
                say(await listening)

    again = [("subscribe", None, "news", 1), ("psubscribe", None, "we*", 2)]
    expected: list[Any] = [again]
    for number in range(3):
        expected += [1, [*again, ("pmessage", "we*", "weather", f"{number}")]]
    assert alike(server, scenario, debug=debug) == expected


def test_a_pop_waits_for_a_push(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:
            say(await client.blpop(["jobs"], timeout=0.01))
            first = asyncio.create_task(client.blpop(["jobs"], timeout=0))
            await until_blocked(client)
            second = asyncio.create_task(client.blpop(["urgent", "jobs"], timeout=0))
            await until_blocked(client, 2)
            say(first.done(), second.done())
            await client.rpush("jobs", "a", "b", "c")
            say(await asyncio.gather(first, second))
            say(await client.brpoplpush("jobs", "done", 1), await client.lrange("done", 0, -1))

    assert alike(server, scenario, debug=debug) == [
        None,
        (False, False),
        [("jobs", "a"), ("jobs", "b")],
        ("c", ["c"]),
    ]


def test_a_pop_that_is_cancelled_takes_nothing(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client, client_of(url, max_connections=1) as popper:
            for number in range(3):
                pop = asyncio.create_task(popper.blpop(["jobs"], timeout=0))
                await until_blocked(client)
                say(await cancelled(pop))
                await until_blocked(client, 0)
                await client.rpush("jobs", number)
                say(await popper.blpop(["jobs"], timeout=0))

            scope = asyncio.timeout(None)
            pop = asyncio.create_task(late(popper, scope))
            await until_blocked(client)  # while it is sent a cancellation may be lost before 3.12
            scope.reschedule(asyncio.get_running_loop().time())
            say(await pop)
            say(await popper.echo("still there"))

    async def late(popper: Any, scope: asyncio.Timeout) -> str:
        try:
            async with scope:
                await popper.blpop(["jobs"], timeout=0)
        except TimeoutError:
            return "too late"
        return "in time"

    popped = [item for number in "012" for item in ("CancelledError", ("jobs", number))]
    assert alike(server, scenario, debug=debug) == [*popped, "too late", "still there"]


def test_an_answer_that_does_not_come_in_time(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        retry = Retry(NoBackoff(), 0)
        options: dict[str, Any] = {"max_connections": 1, "retry": retry, "decode_responses": False}
        async with client_of(url) as client, client_of(url, **options) as hasty:
            say(await hasty.ping())
            for connection in hasty.connection_pool._available_connections:
                connection.socket_timeout = 0.02  # from now on; connecting took what it took
            say((await outcome(hasty.blpop(["jobs"], timeout=0)))[0])
            await until_blocked(client, 0)
            hasty.connection_pool.reset()
            say(await hasty.echo("still there"))

    assert alike(server, scenario) == [True, "TimeoutError", b"still there"]


def test_workers_share_a_stream(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:
            await client.xgroup_create("jobs", "crew", id="0", mkstream=True)

            async def work(name: str) -> list[str]:
                done: list[str] = []
                while True:
                    batch = await client.xreadgroup("crew", name, {"jobs": ">"}, count=2, block=0)
                    entries = batch["jobs"][0] if isinstance(batch, dict) else batch[0][1]
                    for key, fields in entries:
                        await client.xack("jobs", "crew", key)
                        if fields["job"] == "stop":
                            return done
                        done.append(fields["job"])

            workers = [asyncio.create_task(work(name)) for name in "abc"]
            await until_blocked(client, 3)
            for number in range(30):
                await client.xadd("jobs", {"job": f"{number:02}"}, id=f"1-{number + 1}")
            while (await client.xpending("jobs", "crew"))["pending"]:
                pass
            for _ in workers:
                await until_blocked(client, sum(not worker.done() for worker in workers))
                await client.xadd("jobs", {"job": "stop"})
                await asyncio.wait(
                    [worker for worker in workers if not worker.done()],
                    return_when=asyncio.FIRST_COMPLETED,
                )
            done = await asyncio.gather(*workers)
            say(sorted(job for jobs in done for job in jobs) == [f"{n:02}" for n in range(30)])
            say(await client.xlen("jobs"), (await client.xpending("jobs", "crew"))["pending"])

            await client.xadd("jobs", {"job": "lost"}, id="9999999999999-1")
            await client.xreadgroup("crew", "dead", {"jobs": ">"})
            _, claimed, *_ = await client.xautoclaim("jobs", "crew", "alive", min_idle_time=0)
            say(claimed)
            say(await client.xread({"jobs": "$"}, block=10) or "nothing new")

    assert alike(server, scenario) == [
        True,
        (33, 0),
        [("9999999999999-1", {"job": "lost"})],
        "nothing new",
    ]

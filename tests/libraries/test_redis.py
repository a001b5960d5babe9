"""redis.asyncio, unmodified, with a real Redis: commands, caches, transactions, pools, loss.

Every scenario begins with an empty Redis, and sees the same on asyncio's loop and on ours.

Read next: test_redis_waiting.py
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from redis.asyncio import BlockingConnectionPool, ConnectionPool
from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import WatchError

import miniloop
from compat.services import Redis

from .cells import Say, outcome, play
from .servers import alike, cancelled, client_of, until_blocked


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


def test_commands_on_every_kind_of_value(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:
            say(await client.set("text", "snow ☃ man"), await client.get("text"))
            say(await client.set("text", "other", nx=True), await client.get("missing"))
            say([await client.incrby("number", step) for step in (1, 10, -3)])
            say(await client.rpush("list", *"abc"), await client.lrange("list", 0, -1))
            say(await client.hset("hash", mapping={"a": 1, "b": 2}), await client.hgetall("hash"))
            say(await client.zadd("ranks", {"x": 2.5, "y": 1}))
            say(await client.zrange("ranks", 0, -1), await client.zscore("ranks", "x"))
            say(sorted(await client.smembers("nothing")), await client.type("hash"))
            say((await outcome(client.incr("text")))[0], (await outcome(client.get("list")))[0])
            say(await client.delete("text", "list", "missing"), await client.dbsize())
        async with client_of(url, decode_responses=False) as raw:
            blob = bytes(range(256)) * 4
            await raw.set(b"\x00\r\n", blob)
            say(await raw.get(b"\x00\r\n") == blob)

    assert alike(server, scenario, debug=debug) == [
        (True, "snow ☃ man"),
        (None, None),
        [1, 11, 8],
        (3, ["a", "b", "c"]),
        (2, {"a": "1", "b": "2"}),
        2,
        (["y", "x"], 2.5),
        ([], "hash"),
        ("ResponseError", "ResponseError"),
        (2, 3),
        True,
    ]


def test_keys_expire(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:
            await client.set("soon", 1, px=20)
            await client.set("late", 1, ex=1000)
            await client.set("never", 1)
            say(990 < await client.ttl("late") <= 1000, await client.ttl("never"))
            while await client.exists("soon"):
                await asyncio.sleep(0.005)
            say(await client.get("soon"), await client.ttl("soon"))
            say(await client.persist("late"), await client.ttl("late"))
            say(sorted(await client.keys()))

    assert alike(server, scenario) == [
        (True, -1),
        (None, -2),
        (True, -1),
        ["late", "never"],
    ]


def test_many_who_miss_the_cache_at_once_compute_once(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        counts: Counter[str] = Counter()
        locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

        async def cached(key: str) -> str:
            if (known := await client.get(key)) is not None:
                counts["hit at once"] += 1
                return str(known)
            async with locks[key]:
                if (known := await client.get(key)) is not None:
                    counts["hit after waiting"] += 1
                    return str(known)
                counts["computed"] += 1
                await asyncio.sleep(0)
                await client.set(key, key.upper())
                return key.upper()

        async with client_of(url) as client:
            callers = [asyncio.create_task(cached(key)) for key in "abc" * 20]
            say("".join(await asyncio.gather(*callers)) == "ABC" * 20)
            say(counts["computed"], counts.total())
            await asyncio.gather(*map(cached, "abc" * 20))
            say(counts["computed"], counts.total())

    assert alike(server, scenario, debug=debug) == [True, (3, 60), (3, 120)]


def test_a_pipeline_is_one_round_trip_and_may_be_a_transaction(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:
            async with client.pipeline() as pipeline:
                say(await pipeline.set("a", 1).incr("a").get("a").lpush("l", 1).execute())
            async with client.pipeline(transaction=False) as pipeline:
                pipeline.incr("a").incr("l").incr("a")
                results = await pipeline.execute(raise_on_error=False)
                say(
                    [
                        getattr(result, "args", result) and type(result).__name__
                        for result in results
                    ]
                )
                pipeline.incr("l")
                say((await outcome(pipeline.execute()))[0])
            async with client.pipeline() as pipeline:
                pipeline.incr("a")
                await pipeline.reset()  # forgotten
                say(await pipeline.execute(), await client.get("a"))
            async with client.pipeline(transaction=False) as pipeline:
                for number in range(5000):
                    pipeline.set(f"key:{number}", number)
                say(len(await pipeline.execute()))
            say(len([key async for key in client.scan_iter("key:*", count=500)]))

    assert alike(server, scenario) == [
        [True, 2, "2", 1],
        ["int", "ResponseError", "int"],
        "ResponseError",
        ([], "4"),
        5000,
        5000,
    ]


def test_a_watched_key_that_changes_stops_the_transaction(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:
            async with client.pipeline() as pipeline:
                await pipeline.watch("balance")
                say(await pipeline.get("balance"))
                await client.set("balance", 10)
                pipeline.multi()
                pipeline.set("balance", 1)
                say((await outcome(pipeline.execute()))[0], await client.get("balance"))

            async def deposit() -> None:
                async with client.pipeline() as pipeline:
                    while True:
                        await pipeline.watch("balance")
                        balance = int(await pipeline.get("balance"))
                        pipeline.multi()
                        pipeline.set("balance", balance + 1)
                        try:
                            await pipeline.execute()
                        except WatchError:
                            continue
                        return

            await asyncio.gather(*(deposit() for _ in range(8)))
            say(await client.get("balance"))

            async def double(pipeline: Any) -> None:
                balance = int(await pipeline.get("balance"))
                pipeline.multi()
                pipeline.set("balance", 2 * balance)

            say(await client.transaction(double, "balance"), await client.get("balance"))

    seen = alike(server, scenario, debug=debug)
    assert seen == [None, ("WatchError", "10"), "18", ([True], "36")]


def test_a_lock_of_the_servers_excludes(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        inside: list[int] = []

        async def enter(number: int) -> None:
            async with client.lock("door", sleep=0.001, timeout=60):
                inside.append(number)
                await client.ping()
                assert inside == [number]
                inside.remove(number)

        async with client_of(url) as client:
            await asyncio.gather(*map(enter, range(6)))
            async with client.lock("door", timeout=60):
                say(await client.lock("door", blocking=False).acquire())
            say(await client.exists("door"))

    assert alike(server, scenario) == [False, 0]


def test_scripts_run_on_the_server(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url) as client:
            code = "return redis.call('INCRBY', KEYS[1], ARGV[1]) * 2"
            double = client.register_script(code)
            say(await double(keys=["n"], args=[5]), await double(keys=["n"], args=[1]))
            await client.script_flush()
            say((await outcome(client.evalsha(double.sha, 1, "n", 1)))[0])
            say(await double(keys=["n"], args=[1]))  # it is loaded again
            say((await outcome(client.eval("return nothing.here", 0)))[0])
            say(await client.eval("return {1, 'two', {3}}", 0))

    assert alike(server, scenario) == [
        (10, 12),
        "NoScriptError",
        14,
        "ResponseError",
        [1, "two", [3]],
    ]


def test_a_large_value_there_and_back(server: Redis, debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url, decode_responses=False) as client:
            blob = bytes(range(256)) * 4096 * 8  # 8 MiB: writing pauses and resumes
            await client.set("blob", blob)
            say(await client.get("blob") == blob)
            results = await asyncio.gather(*(client.get("blob") for _ in range(3)))
            say([result == blob for result in results])

    assert alike(server, scenario, debug=debug) == [True, [True] * 3]


def test_a_full_pool_refuses_and_a_blocking_one_waits(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        pool: Any = ConnectionPool.from_url(url, max_connections=2)
        both = [await pool.get_connection() for _ in range(2)]
        say((await outcome(pool.get_connection()))[0])
        for connection in both:
            await pool.release(connection)
        await pool.aclose()

        blocking: Any = BlockingConnectionPool.from_url(url, max_connections=2, timeout=0.02)
        both = [await blocking.get_connection() for _ in range(2)]
        say(await outcome(blocking.get_connection()))
        blocking.timeout = None
        waiting = [asyncio.create_task(blocking.get_connection()) for _ in range(3)]
        await asyncio.sleep(0)
        say(await cancelled(waiting.pop(0)))
        for connection in both:  # in which order they are served is the lock's affair
            await blocking.release(connection)
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            say([waiter.result() is connection for waiter in done])
            waiting = [waiter for waiter in waiting if waiter not in done]
        for connection in both:
            await blocking.release(connection)
        async with Client(connection_pool=blocking) as client:
            say(await asyncio.gather(*(client.incr("n") for _ in range(50))) != [])
            numbers = await asyncio.gather(*(client.client_id() for _ in range(50)))
            say(await client.get("n"), len(set(numbers)))
        await blocking.aclose()

    assert alike(server, scenario) == [
        "MaxConnectionsError",
        ("ConnectionError", "No connection available."),
        "CancelledError",
        [True],
        [True],
        True,
        (b"50", 2),
    ]


def test_by_unix_socket(server: Redis) -> None:
    async def scenario(say: Say, _url: str) -> None:
        async with Client(unix_socket_path=server.path, decode_responses=True) as client:
            say(await asyncio.gather(*(client.echo(f"{number}") for number in range(20))))
            say((await client.client_info())["addr"] == f"{server.path}:0")

    assert alike(server, scenario) == [[f"{number}" for number in range(20)], True]


def test_a_client_comes_back_when_the_server_does(debug: bool) -> None:
    async def scenario(say: Say, url: str) -> None:
        loop = asyncio.get_running_loop()
        retry = Retry(NoBackoff(), 1)
        async with client_of(url, retry=retry) as client:
            say(sorted(await asyncio.gather(*(client.incr("n") for _ in range(5)))))
            await loop.run_in_executor(None, own.stop)
            for _ in range(2):
                say((await outcome(client.get("n")))[0])
            await loop.run_in_executor(None, own.start)
            say(await asyncio.gather(*(client.get("n") for _ in range(5))))
        await loop.shutdown_default_executor()

    with Redis() as own:
        assert alike(own, scenario, debug=debug) == [
            [1, 2, 3, 4, 5],
            "ConnectionError",
            "ConnectionError",
            [None] * 5,
        ]


def test_a_connection_that_the_server_closes_is_replaced(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        retry = Retry(NoBackoff(), 1)
        options: dict[str, Any] = {"max_connections": 1, "retry": retry}
        async with client_of(url) as killer, client_of(url, **options) as client:
            for _ in range(3):
                number = await client.client_id()
                say(await killer.client_kill_filter(_id=number))
                say(await client.client_id() != number)

    assert alike(server, scenario) == [1, True, 1, True, 1, True]


def test_cancelled_at_any_turn_nobody_gets_the_answer_of_another(
    server: Redis, debug: bool
) -> None:
    async def scenario(say: Say, url: str) -> None:
        async with client_of(url, max_connections=1) as client:
            for turns in range(12):  # before 3.12, wait_for returns what is there all the same
                command = asyncio.create_task(client.echo(f"wrong {turns}"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                assert await cancelled(command) in ("CancelledError", "str")
                say(await client.echo(f"right {turns}"))
            async with client.pipeline() as pipeline:
                for _ in range(100):
                    pipeline.incr("n")
                command = asyncio.create_task(pipeline.execute())
                await asyncio.sleep(0)
                assert await cancelled(command) in ("CancelledError", "list")
            say(await client.echo("right"))
            pool = client.connection_pool
            say(len(pool._available_connections), len(pool._in_use_connections))

    assert alike(server, scenario, debug=debug) == [
        *(f"right {turns}" for turns in range(12)),
        "right",
        (1, 0),
    ]


def test_whom_nobody_answers(server: Redis) -> None:
    async def scenario(say: Say, url: str) -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        retry = Retry(NoBackoff(), 0)
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as mute:
            port = mute.sockets[0].getsockname()[1]
            async with Client(port=port, host="127.0.0.1", socket_timeout=0.02, retry=retry) as one:
                say((await outcome(one.ping()))[0])
        async with Client(port=port, host="127.0.0.1", retry=retry) as one:
            say((await outcome(one.ping()))[0])

    assert alike(server, scenario) == ["TimeoutError", "ConnectionError"]


def test_with_miniloops_names_around_it(server: Redis) -> None:
    async def scenario(say: Say) -> None:
        async with client_of(server.url) as client:
            await client.flushall()
            answers: miniloop.Queue[Any] = miniloop.Queue()

            async def ask(number: int) -> None:
                answers.put_nowait(await client.echo(f"{number}"))

            async with miniloop.timeout(60), miniloop.TaskGroup() as group:
                for number in range(10):
                    group.create_task(ask(number))
            say(sorted(answers.get_nowait() for _ in range(10)))
            pop = miniloop.ensure_future(client.blpop(["none"], 0))
            await until_blocked(client)
            say((await outcome(miniloop.wait_for(pop, 0.01)))[0])
            say(await client.echo("still there"))

    def run(main: Any, _factory: Any, debug: bool) -> None:
        miniloop.run(main(), debug=debug)

    seen = play(miniloop.EventLoop, scenario, run=run)
    assert seen == [list("0123456789"), "TimeoutError", "still there"]

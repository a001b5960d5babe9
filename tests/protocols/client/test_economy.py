"""What a request does not cost: a timer, a frame of credit, a large block to read into."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from protocols.client import BadMessage, Client, Limits, ReadTimeout, Timeouts
from protocols.client.connection import MOST_SPACE, SPACE, Connection
from protocols.client.messages import Origin
from protocols.client.pool import Pool

from ..loops import Run
from .h2_servers import H2Peer, served_h2


def answers(peer: H2Peer, stream_id: int) -> None:
    if peer.heads[stream_id][b":path"] != b"/silent":
        peer.answer(stream_id, bytes(1000))


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def the_connection(pool: Pool) -> Connection:
    (connection,) = pool._open
    return connection


def test_there_is_one_timer_for_all_requests_of_a_connection(run: Run) -> None:
    async def main() -> None:
        async with served_h2(answers) as served, Client(prior_knowledge=True) as client:
            await client.get(served.url)
            connection = the_connection(client.pool)
            timer = connection._timer
            assert timer is not None
            for _ in range(5):
                await asyncio.gather(*(client.get(served.url) for _ in range(5)))
            assert connection._timer is timer
            assert not timer.cancelled()
        assert timer.cancelled()
        assert connection._timer is None

    run(main())


def test_who_is_less_patient_does_not_wait_for_the_others_timer(run: Run) -> None:
    """A timer is set already, for later; and who is more patient outlives the earlier one."""

    async def main() -> None:
        async with served_h2(answers) as served, Client(prior_knowledge=True) as client:
            silent = f"{served.url}/silent"
            patient = asyncio.create_task(client.get(silent, timeout=Timeouts(read=60)))
            await until(lambda: served.peers and served.peers[0].requests)
            for _ in range(2):
                with pytest.raises(ReadTimeout):
                    await client.get(silent, timeout=Timeouts(read=0.02))
            (peer,) = served.peers
            assert not patient.done()
            peer.answer(peer.requests[0], b"at last")
            assert (await patient).content == b"at last"
            assert client.pool.count == 1

    run(main())


def test_a_timer_that_comes_too_early_is_set_again(run: Run) -> None:
    def begin(peer: H2Peer, stream_id: int) -> None:
        peer.h2.send_headers(stream_id, [(":status", "200")])
        peer.flush()

    async def main() -> None:
        async with served_h2(begin) as served, Client(prior_knowledge=True) as client:
            async with client.stream("GET", served.url) as response:
                exchange = response._exchange
                waiting = asyncio.create_task(response.read())
                await asyncio.sleep(0)
                since, seconds = exchange._progress, exchange.timeouts.read
                assert seconds is not None
                assert exchange.look(since + seconds / 2) == since + seconds
                assert not exchange.over
                assert exchange.look(since + seconds) is None
                with pytest.raises(ReadTimeout):
                    await waiting
            assert exchange.look(since) is None

    run(main())


def test_credit_for_many_small_bodies_comes_in_few_frames(run: Run) -> None:
    """Together they are four times what the connection's window holds."""

    async def main() -> None:
        limits = Limits(streams=1)
        async with (
            served_h2(answers) as served,
            Client(prior_knowledge=True, limits=limits) as client,
        ):
            for _ in range(1000):
                assert (await client.get(served.url)).content == bytes(1000)
            (peer,) = served.peers
            assert len(peer.requests) == 1000
            assert peer.updates < 20

    run(main())


def test_a_malformed_response_fails_alone(run: Run) -> None:
    def answer(peer: H2Peer, stream_id: int) -> None:
        if stream_id == 1:
            return  # until the others have been answered
        if stream_id == 3:
            peer.h2.config.normalize_outbound_headers = False
            peer.h2.config.validate_outbound_headers = False
            peer.h2.send_headers(stream_id, [(b":status", b"200"), (b"X-Upper", b"case")])
            peer.h2.send_data(stream_id, b"of no use")
            peer.flush()
            return
        peer.answer(stream_id, b"good")

    async def main() -> None:
        async with served_h2(answer) as served, Client(prior_knowledge=True) as client:
            first = asyncio.create_task(client.get(served.url))
            await until(lambda: served.peers and served.peers[0].requests)
            with pytest.raises(BadMessage, match="X-Upper"):
                await client.get(served.url)
            assert (await client.get(served.url)).content == b"good"
            (peer,) = served.peers
            peer.answer(1, b"late")
            assert (await first).content == b"late"
            assert peer.resets == [(3, 1)]
            assert not peer.goodbyes

    run(main())


class Keeping(Connection):
    """A connection that keeps what it is given."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(Origin("http", "site", 80), Limits(), pool)
        self.received: list[bytes] = []

    def data_received(self, data: bytes | memoryview) -> None:
        self.received.append(bytes(data))


def test_there_is_more_space_where_more_comes(run: Run) -> None:
    """Reads that fill the space make it grow, to a limit; others leave it as it is."""

    async def main() -> None:
        async with Client() as client:
            connection = Keeping(client.pool)
            coming = bytes(range(256)) * 4096
            sizes = []
            for at in range(0, SPACE // 2 * 10, SPACE // 2):
                connection.get_buffer(-1)[: SPACE // 2] = coming[at : at + SPACE // 2]
                connection.buffer_updated(SPACE // 2)
            assert len(connection.get_buffer(-1)) == SPACE
            rest = coming[SPACE // 2 * 10 :]
            while rest:
                space = connection.get_buffer(-1)
                sizes.append(min(len(space), len(rest)))
                space[: sizes[-1]] = rest[: sizes[-1]]
                rest = rest[sizes[-1] :]
                connection.buffer_updated(sizes[-1])
            assert b"".join(connection.received) == coming
            assert max(sizes) == len(connection.get_buffer(-1)) == MOST_SPACE

    run(main())

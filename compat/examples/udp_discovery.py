"""UDP discovery: ask who is there, and ask again, since datagrams get lost.

Teaches: nobody tells the sender of a datagram whether it arrived. So every question has a number,
its answer repeats that number, and who hears nothing within a time asks again. An answer to a
question that is settled already is dropped: it may come twice.
Look for: the printer answers at once, the scanner's ears are bad, the archive answers everything
twice, and of the ghost's silence nobody can tell whether it is dead or only far away.
"""

import asyncio
import json
from functools import partial
from typing import Any, cast

PATIENCE = 0.3  # seconds until a question is asked again
TRIES = 3

Address = tuple[str, int]


class Service(asyncio.DatagramProtocol):
    """Answers the question who it is; misses the first few datagrams, repeats its answers."""

    def __init__(self, name: str, misses: int, times: int) -> None:
        self.name, self.misses, self.times = name, misses, times

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Address) -> None:
        if self.misses:
            self.misses -= 1
            return
        answer = {"number": json.loads(data)["number"], "name": self.name}
        for _ in range(self.times):
            self.transport.sendto(json.dumps(answer).encode(), address)


class Asker(asyncio.DatagramProtocol):
    """Asks any number of addresses through one socket, many at once if need be."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[str]] = {}
        self.last_number = self.dropped = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Address) -> None:
        answer: dict[str, Any] = json.loads(data)
        waiter = self.waiting.pop(answer["number"], None)
        if waiter is None:
            self.dropped += 1
        else:
            waiter.set_result(answer["name"])

    async def ask(self, address: Address) -> str:
        """Ask who is at `address`, several times if need be."""
        self.last_number += 1
        number = self.last_number
        self.waiting[number] = asyncio.get_running_loop().create_future()
        for attempt in range(1, TRIES + 1):
            self.transport.sendto(json.dumps({"number": number}).encode(), address)
            done, _ = await asyncio.wait([self.waiting[number]], timeout=PATIENCE)
            if done:
                return f"{done.pop().result()}, at try {attempt}"
        del self.waiting[number]
        return f"nobody, after {TRIES} tries"


async def main() -> None:
    """Start four services and ask them all at once."""
    loop = asyncio.get_running_loop()
    here = ("127.0.0.1", 0)
    kinds = {"printer": (0, 1), "scanner": (1, 1), "archive": (0, 2), "ghost": (99, 0)}
    transports = []
    for name, (misses, times) in kinds.items():
        service = partial(Service, name, misses, times)
        transport, _ = await loop.create_datagram_endpoint(service, here)
        transports.append(transport)
    transport, asker = await loop.create_datagram_endpoint(Asker, here)
    addresses = [one.get_extra_info("sockname") for one in transports]
    for answer in await asyncio.gather(*map(asker.ask, addresses)):
        print("who is there?", answer)
    print(f"{asker.dropped} answer came too often, {len(asker.waiting)} still waited for")
    for one in (transport, *transports):
        one.close()


if __name__ == "__main__":
    asyncio.run(main())

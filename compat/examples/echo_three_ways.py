"""The same words over TCP, over UDP, and over UDP with requests that are sent again.

Teaches: TCP brings every byte, or says that it could not. UDP promises nothing, so whoever
waits for an answer needs a time limit. To send again what may be lost is easy; then a request
may arrive twice, and the server has to know it for the same one.
Look for: a relay between client and server loses the first of everything and brings the rest
twice. Each payment is made once nevertheless, and the one that fails says why.
"""

import asyncio
from typing import Any, cast

from protocols import echo, reliable_udp, udp_echo

HEAD = 27  # bytes of a message of reliable_udp before its body; the second says its kind
SESSION = (1, 2)  # those that only open a session, which the relay leaves alone


class Relay(asyncio.DatagramProtocol):
    """Passes datagrams on, each kind of loss that UDP knows included."""

    client: Any = None

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.seen: set[tuple[bool, bytes]] = set()
        self.lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        to_client = address == self.server
        if not to_client:
            self.client = address
        target = self.client if to_client else self.server
        if data[1] in SESSION:
            self.transport.sendto(data, target)
        elif (to_client, data[:HEAD]) not in self.seen:
            self.seen.add((to_client, data[:HEAD]))
            self.lost += 1
        else:
            for _ in range(2):
                self.transport.sendto(data, target)


async def relayed(server: tuple[str, int]) -> tuple[Relay, tuple[str, int]]:
    """Start a relay to `server`; return it and where it listens."""
    loop = asyncio.get_running_loop()
    here = ("127.0.0.1", 0)
    transport, relay = await loop.create_datagram_endpoint(lambda: Relay(server), here)
    return relay, transport.get_extra_info("sockname")


async def over_tcp() -> None:
    """More bytes than fit between client and server: the client writes and reads at once."""
    async with await echo.serve() as server:
        data = b"hello" * 1_000_000
        back = await echo.send(*server.address, data)
        print(f"  {len(back)} bytes came back, the same: {back == data}")


async def over_udp() -> None:
    """One datagram at a time; the relay loses the first."""
    async with await udp_echo.serve() as server:
        async with await udp_echo.connect(*server.address) as client:
            print("  without loss:", await client.send(b"hello"))
        relay, address = await relayed(server.address)
        async with await udp_echo.connect(*address) as client:
            try:
                await client.send(b"hello?", timeout=0.05)
            except TimeoutError:
                print(f"  nothing came back; the relay has lost {relay.lost} datagram")
        relay.transport.close()


async def over_reliable_udp() -> None:
    """Three payments at once; requests and answers get lost and doubled."""
    account = 30
    made: list[int] = []

    async def pay(body: bytes) -> bytes:
        nonlocal account
        amount = int(body)
        if amount > account:
            raise reliable_udp.RequestFailed(f"{amount} is more than there is")
        account -= amount
        made.append(amount)
        return b"paid %d" % amount

    async with await reliable_udp.serve(pay) as server:
        relay, address = await relayed(server.address)
        async with await reliable_udp.connect(*address) as client:
            payments = [client.request(b"%d" % amount) for amount in (5, 100, 20)]
            for answer in await asyncio.gather(*payments, return_exceptions=True):
                print(f"  {answer!r}")
        print(f"  {relay.lost} datagrams lost; made: {sorted(made)}; left: {account}")
        relay.transport.close()


async def main() -> None:
    """From the simplest to the one that works."""
    print("TCP:")
    await over_tcp()
    print("UDP:")
    await over_udp()
    print("UDP, with numbers, patience and a memory:")
    await over_reliable_udp()


if __name__ == "__main__":
    asyncio.run(main())

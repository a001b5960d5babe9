"""A cache in Redis: ask the cache first, compute only what it does not know, forget when told.

Teaches: cache-aside: look for the key, on a miss call the slow function and store its result with
a time to live; one lock for each key keeps a crowd from computing the same thing; publish and
subscribe tell every process that a value is out of date.
Look for: ten callers at once cost one call of the slow function. After the price has changed, a
subscriber clears the key, and the next caller gets the new price.
"""

import asyncio
import os
import sys
from collections import Counter, defaultdict

import redis.asyncio

PRICES = {"tea": 3, "cake": 5}
CHANNEL = "prices changed"


async def slow_price(name: str) -> int:
    """Look a price up as if far away."""
    await asyncio.sleep(0.02)
    return PRICES[name]


class Cache:
    """Prices in Redis, each for `ttl` milliseconds."""

    def __init__(self, client: redis.asyncio.Redis, ttl: int) -> None:
        self.client, self.ttl = client, ttl
        self.counts: Counter[str] = Counter()
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def price(self, name: str) -> int:
        """Return a price, from the cache if it is there."""
        async with self.locks[name]:
            known = await self.client.get(f"price:{name}")
            if known is not None:
                self.counts["hits"] += 1
                return int(known)
            self.counts["misses"] += 1
            price = await slow_price(name)
            await self.client.set(f"price:{name}", price, px=self.ttl)
            return price

    async def invalidate(self, pubsub: redis.asyncio.client.PubSub) -> list[str]:
        """Forget each price whose change is announced, until the word "end"; return them."""
        forgotten = []
        async for message in pubsub.listen():
            if message["type"] == "message" and message["data"] == "end":
                break
            if message["type"] == "message":
                await self.client.delete(f"price:{message['data']}")
                forgotten.append(message["data"])
        return forgotten


async def main(url: str) -> None:
    """Fill the cache, let it expire, change a price."""
    async with redis.asyncio.Redis.from_url(url, decode_responses=True) as client:
        cache = Cache(client, ttl=60_000)
        crowd = await asyncio.gather(*(cache.price("tea") for _ in range(10)))
        print("ten at once:", set(crowd), dict(cache.counts))
        print("tea and cake:", await cache.price("tea"), await cache.price("cake"))
        print("expires:", 0 < await client.pttl("price:tea") <= cache.ttl)

        async with client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            listener = asyncio.create_task(cache.invalidate(pubsub))
            PRICES["tea"] = 4
            print("changed, not announced:", await cache.price("tea"))
            for name in ("tea", "end"):
                print("subscribers reached:", await client.publish(CHANNEL, name))
            print("forgotten:", await listener)
        print("changed and announced:", await cache.price("tea"))

        await client.pexpire("price:cake", 1)
        await asyncio.sleep(0.05)
        print("expired:", await client.exists("price:cake"), "left;", await cache.price("cake"))
        print("in all:", dict(cache.counts))


if __name__ == "__main__":
    if "REDIS_URL" not in os.environ:
        sys.exit("Set REDIS_URL, or run: python -m compat compare redis_cache")
    asyncio.run(main(os.environ["REDIS_URL"]))

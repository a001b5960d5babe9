"""A PostgreSQL manager: an async context manager around a pool of connections.

Teaches: entering opens the pool and leaving closes it, whatever happens in between; a connection
is borrowed for one statement or one transaction and given back by `async with`; a transaction
that is left by an exception is rolled back; a pool lets as many readers run at once as it has
connections, and the others wait for their turn.
Look for: Ann's money is still hers after the transfer that failed halfway. Eight readers need
eight queries, but never more than three connections.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import asyncpg


class Manager:
    """Accounts in a database, and the pool through which they are reached."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def __aenter__(self) -> Self:
        """Open the pool: it connects, and checks that there is a server."""
        self.pool = await asyncpg.create_pool(self.url, min_size=1, max_size=3)
        print("pool opened with", self.pool.get_size(), "connection")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        """Close the pool: it waits until every connection has been given back."""
        await self.pool.close()
        print("pool closed after", "no error" if kind is None else kind.__name__)

    async def create(self) -> None:
        """Make the table; an amount below nothing is refused by the database itself."""
        await self.pool.execute(
            "CREATE TABLE accounts (name text PRIMARY KEY, amount integer CHECK (amount >= 0))"
        )

    async def insert(self, rows: Sequence[tuple[str, int]]) -> None:
        """Insert many rows with one statement, prepared once."""
        await self.pool.executemany("INSERT INTO accounts VALUES ($1, $2)", rows)

    async def fetch(self) -> dict[str, int]:
        """Return all accounts."""
        rows = await self.pool.fetch("SELECT name, amount FROM accounts ORDER BY name")
        return {row["name"]: row["amount"] for row in rows}

    async def transfer(self, giver: str, taker: str, amount: int) -> None:
        """Move money: both updates happen, or neither."""
        change = "UPDATE accounts SET amount = amount + $2 WHERE name = $1"
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(change, taker, amount)
            await connection.execute(change, giver, -amount)

    async def slow_square(self, number: int) -> Any:
        """Have the database compute for a moment, on a connection of our own."""
        return await self.pool.fetchval("SELECT $1::int * $1 FROM pg_sleep(0.05)", number)


async def main(url: str) -> None:
    """Use a manager, with success and without."""
    async with Manager(url) as manager:
        await manager.create()
        await manager.insert([("Ann", 70), ("Bob", 30)])
        print("inserted: ", await manager.fetch())
        await manager.transfer("Ann", "Bob", 20)
        print("after 20: ", await manager.fetch())
        try:
            await manager.transfer("Ann", "Bob", 500)
        except asyncpg.CheckViolationError as error:
            print("refused:  ", type(error).__name__)
        print("after 500:", await manager.fetch())
        squares = await asyncio.gather(*(manager.slow_square(number) for number in range(1, 9)))
        print("squares:  ", squares, "by", manager.pool.get_size(), "connections")


if __name__ == "__main__":
    if "DATABASE_URL" not in os.environ:
        sys.exit("Set DATABASE_URL, or run: python -m compat compare asyncpg_manager")
    asyncio.run(main(os.environ["DATABASE_URL"]))

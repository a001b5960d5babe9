"""Lock: keep a sequence of steps together, although there is an await in its midst.

Teaches: between two awaits nothing else runs, so most programs need no lock; but a value that is
read before an await and written after it may have changed meanwhile. `async with lock` keeps the
others out for as long as the block lasts, and lets them in in the order of asking.
Look for: without the lock three deposits of 10 make 10; with the lock they make 30.
"""

import asyncio
import contextlib


class Account:
    """A balance that takes a moment to change."""

    def __init__(self) -> None:
        self.balance = 0

    async def deposit(self, who: str, amount: int) -> None:
        """Read, wait, write: the three steps of a lost update."""
        seen = self.balance
        print(f"  {who} sees {seen}")
        await asyncio.sleep(0.05)
        self.balance = seen + amount
        print(f"  {who} writes {self.balance}")


async def visit(
    account: Account, who: str, guard: contextlib.AbstractAsyncContextManager[object]
) -> None:
    """Make a deposit under the guard."""
    async with guard:
        await account.deposit(who, 10)


async def main() -> None:
    """The same deposits without and with a lock."""
    print("without a lock:")
    account = Account()
    nothing = contextlib.nullcontext()
    await asyncio.gather(*(visit(account, who, nothing) for who in ("Ann", "Bob", "Cid")))
    print("  balance:", account.balance)

    print("with a lock:")
    account = Account()
    lock = asyncio.Lock()
    await asyncio.gather(*(visit(account, who, lock) for who in ("Ann", "Bob", "Cid")))
    print("  balance:", account.balance)

    print("by hand:")
    await lock.acquire()
    print("  locked?", lock.locked())
    lock.release()
    print("  locked?", lock.locked())
    try:
        lock.release()
    except RuntimeError:
        print("  a lock that nobody holds cannot be released")


if __name__ == "__main__":
    asyncio.run(main())

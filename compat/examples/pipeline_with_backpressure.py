"""A pipeline with backpressure: a bounded queue makes a fast producer wait for a slow consumer.

Teaches: three stages joined by two queues; each `put` into a full queue waits, so nothing piles
up however fast the first stage is. A marker at the end of the data tells each stage to end.
Look for: the reader is never more than a few lines ahead of the writer.
"""

import asyncio

LINES = ["one", "two", "three", "four", "five", "six"]
END = ""


async def read(out: "asyncio.Queue[str]") -> None:
    """First stage: produce lines as fast as there is room."""
    for line in LINES:
        await out.put(line)
        print(f"  read {line}")
    await out.put(END)


async def translate(source: "asyncio.Queue[str]", out: "asyncio.Queue[str]") -> None:
    """Second stage: turn each line into capitals."""
    while (line := await source.get()) != END:
        await out.put(line.upper())
    await out.put(END)


async def write(source: "asyncio.Queue[str]", page: list[str]) -> None:
    """Third and slowest stage: write one line at a time."""
    while (line := await source.get()) != END:
        await asyncio.sleep(0.05)
        print(f"      wrote {line}")
        page.append(line)


async def main() -> None:
    """Join the stages with queues of one place each."""
    lines: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
    capitals: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
    page: list[str] = []
    await asyncio.gather(read(lines), translate(lines, capitals), write(capitals, page))
    print("the page:", " ".join(page))


if __name__ == "__main__":
    asyncio.run(main())

"""Bounded concurrency in batches: three at once, then the next three.

Teaches: the simplest way to limit how much runs at once is to gather a slice at a time. It is
easy to read, and it wastes time: each batch lasts as long as its slowest member.
Look for: no photo of the second batch starts before the slowest of the first has ended. (With a
semaphore, each would start as soon as there is room.)
"""

import asyncio
from collections.abc import Iterator, Sequence

Photo = tuple[str, float]  # what it shows, and how many seconds it takes

PHOTOS = [("cat", 0.05), ("dog", 0.15), ("fox", 0.1), ("owl", 0.1), ("bee", 0.05)]


def batches(items: Sequence[Photo], size: int) -> Iterator[Sequence[Photo]]:
    """Slices of at most `size` items each."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def develop(photo: str, seconds: float) -> str:
    """Develop one photo."""
    print(f"  {photo} goes into the bath")
    await asyncio.sleep(seconds)
    print(f"  {photo} is dry")
    return photo.upper()


async def main() -> None:
    """Develop all photos, three at a time."""
    album: list[str] = []
    for number, batch in enumerate(batches(PHOTOS, 3), start=1):
        print(f"batch {number}:")
        album += await asyncio.gather(*(develop(photo, seconds) for photo, seconds in batch))
    print("album:", ", ".join(album))


if __name__ == "__main__":
    asyncio.run(main())

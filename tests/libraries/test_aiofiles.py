"""aiofiles: files by way of the loop's executor."""

from __future__ import annotations

import asyncio
import os

import aiofiles
import aiofiles.os
import aiofiles.tempfile

from .cells import Say, Scenario, cases, outcome, same
from .serving import free_path


async def reading_and_writing(say: Say) -> None:
    with free_path() as folder:
        path = f"{folder}/text"
        async with aiofiles.open(path, "w", encoding="utf-8") as file:
            say(await file.write("first\n"), file.name == path)
            await file.writelines(f"line {n} ü\n" for n in range(3))
            await file.flush()
            say(await file.tell())
        async with aiofiles.open(path, encoding="utf-8") as file:
            say(await file.readline(), await file.read(4), await file.read())
            await file.seek(0)
            say(await file.readlines())
        async with aiofiles.open(path, encoding="utf-8") as file:
            say([line async for line in file])
        async with aiofiles.open(path, "rb+") as binary:
            await binary.seek(-3, os.SEEK_END)
            say(await binary.read())
            await binary.truncate(10)
        async with aiofiles.open(path, "a+b", buffering=0) as raw:
            await raw.write(b"end")
            await raw.seek(0)
            say(await raw.readall())
        say(file.closed, await outcome(file.read()))
        say((await outcome(_read(f"{folder}/none")))[0])


async def _read(path: str) -> bytes:
    async with aiofiles.open(path, "rb") as file:
        return await file.read()


async def many_at_once(say: Say) -> None:
    """Each file is written and read by a task of its own; the loop goes on meanwhile."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def one(path: str, number: int) -> int:
        async with aiofiles.open(path, "wb") as file:
            for _ in range(20):
                await file.write(bytes([number]) * 10_000)
        data = await _read(path)
        assert data == bytes([number]) * 200_000
        return number

    with free_path() as folder:
        counting = asyncio.create_task(count())
        say(await asyncio.gather(*(one(f"{folder}/{n}", n) for n in range(20))))
        counting.cancel()
        await asyncio.wait([counting])
        assert turns > 20


async def temporary(say: Say) -> None:
    async with aiofiles.tempfile.NamedTemporaryFile("w+") as file:
        await file.write("x\ny\n")
        await file.seek(0)
        say(await file.readlines(), await aiofiles.os.path.exists(str(file.name)))
    say(await aiofiles.os.path.exists(str(file.name)))
    async with aiofiles.tempfile.TemporaryDirectory() as folder:
        async with aiofiles.open(f"{folder}/inside", "w") as inside:
            await inside.write("x")
        say(await aiofiles.os.listdir(folder))
    say(await aiofiles.os.path.isdir(folder))
    async with aiofiles.tempfile.TemporaryFile("w+b") as plain:
        await plain.write(b"x" * 100)
        say(await plain.tell())
    async with aiofiles.tempfile.SpooledTemporaryFile(max_size=10, mode="w+b") as spooled:
        for _ in range(3):
            await spooled.write(b"12345678")
        await spooled.seek(0)
        say(await spooled.read())


async def system_calls(say: Say) -> None:
    with free_path() as folder:
        await aiofiles.os.makedirs(f"{folder}/a/b")
        async with aiofiles.open(f"{folder}/a/b/file", "wb") as file:
            await file.write(bytes(1234))
        say((await aiofiles.os.stat(f"{folder}/a/b/file")).st_size)
        await aiofiles.os.rename(f"{folder}/a/b/file", f"{folder}/a/file")
        await aiofiles.os.symlink(f"{folder}/a/file", f"{folder}/link")
        say(
            sorted(await aiofiles.os.listdir(folder)),
            await aiofiles.os.path.islink(f"{folder}/link"),
        )
        say(sorted(entry.name for entry in await aiofiles.os.scandir(folder)))
        say(await aiofiles.os.path.getsize(f"{folder}/link"))
        await aiofiles.os.remove(f"{folder}/a/file")
        await aiofiles.os.removedirs(f"{folder}/a/b")
        say((await outcome(aiofiles.os.remove(f"{folder}/a/file")))[0])
        say(await aiofiles.os.path.exists(f"{folder}/a"))


async def cancelled(say: Say) -> None:
    """A task that is cancelled while its file works leaves the file usable."""
    near, far = os.pipe()
    reader = await aiofiles.open(near, "rb", buffering=0)
    reading = asyncio.ensure_future(reader.read(10))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    say(reading.cancelled())
    os.write(far, b"1234567890abc")
    say(await reader.read(10) in (b"1234567890", b"abc"))
    os.close(far)
    await reader.close()


SCENARIOS: list[Scenario] = [
    reading_and_writing,
    many_at_once,
    temporary,
    system_calls,
    cancelled,
]


@cases(SCENARIOS, reading_and_writing, many_at_once, cancelled)
def test_as_on_asyncio(scenario: Scenario, debug: bool) -> None:
    same(scenario, debug=debug)

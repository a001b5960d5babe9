"""Other programs: start them, feed them, chain them, and end those that take too long.

Teaches: `communicate` writes, reads everything and waits for the end. A pipe between two programs
is `os.pipe`: one gets its writing end as standard output, the other its reading end as standard
input, and we must close our copies, or nobody ever sees the end of file. Exit codes below zero
are signals. A timeout does not end a program: `kill` does, and `wait` collects it.
Look for: `sort | uniq -c` as the shell would do it, and a program that had to be killed.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE

WORDS = "pear apple plum apple pear apple"


async def one() -> None:
    """Feed a program and read what it says."""
    sort = await asyncio.create_subprocess_exec("sort", "-u", stdin=PIPE, stdout=PIPE)
    output, _ = await sort.communicate(WORDS.replace(" ", "\n").encode())
    print("  sorted:", output.decode().split(), "exit code", sort.returncode)


async def chain() -> None:
    """Connect two programs by a pipe; talk to the first, listen to the second."""
    reading, writing = os.pipe()
    sort = await asyncio.create_subprocess_exec("sort", stdin=PIPE, stdout=writing)
    count = await asyncio.create_subprocess_exec("uniq", "-c", stdin=reading, stdout=PIPE)
    os.close(reading)
    os.close(writing)
    assert sort.stdin
    assert count.stdout
    sort.stdin.write(WORDS.replace(" ", "\n").encode() + b"\n")
    sort.stdin.close()
    async for line in count.stdout:
        print("  counted:", " ".join(line.decode().split()))
    print("  exit codes:", await asyncio.gather(sort.wait(), count.wait()))


async def conversation() -> None:
    """Speak with a program line by line while it runs."""
    shell = await asyncio.create_subprocess_exec("sh", stdin=PIPE, stdout=PIPE)
    assert shell.stdin
    assert shell.stdout
    for line in ("x=20", "echo $((x + 1))", "echo $((x * 2))", "exit 3"):
        shell.stdin.write(line.encode() + b"\n")
        if line.startswith("echo"):
            print(f"  {line} -> {(await shell.stdout.readline()).decode().strip()}")
    print("  exit code", await shell.wait())


async def failures() -> None:
    """A program that fails, one that is not there, one that never ends."""
    command = "echo no such fruit >&2; exit 5"
    failed = await asyncio.create_subprocess_shell(command, stdout=DEVNULL, stderr=PIPE)
    _, errors = await failed.communicate()
    print("  exit code", failed.returncode, "and on standard error:", errors.decode().strip())
    try:
        await asyncio.create_subprocess_exec("no-such-program")
    except FileNotFoundError:
        print("  no-such-program: not found")
    endless = await asyncio.create_subprocess_exec("sleep", "1000")
    try:
        await asyncio.wait_for(endless.wait(), 0.1)
    except asyncio.TimeoutError:
        print("  still running after the timeout?", endless.returncode is None)
        endless.kill()
    print("  killed, exit code", await endless.wait())


async def main() -> None:
    """One program, two in a chain, a conversation, failures."""
    for part in (one, chain, conversation, failures):
        print(f"{part.__name__}:")
        await part()


if __name__ == "__main__":
    asyncio.run(main())

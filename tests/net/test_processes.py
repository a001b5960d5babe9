"""Child processes where it is not the ordinary case: many, hurried, deaf, and what cannot start."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miniloop.net import children, subprocess
from miniloop.net.subprocess import DEVNULL, PIPE, STDOUT
from tests.sync.loops import REAL, run

from . import test_subprocesses as ordinary

on_ours = ordinary.on_ours
on_python = ordinary.on_python
no_child_is_left = ordinary.no_child_is_left
start = ordinary.start

PYTHON = (sys.executable, "-S", "-c")


def test_a_hundred_at_once(on_ours: Any) -> None:
    async def one(number: int) -> int:
        process = await subprocess.create_subprocess_exec("sh", "-c", f"exit {number}")
        return await process.wait()

    async def main() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(100)))

    assert on_ours(main()) == list(range(100))


def test_a_hundred_that_talk_are_killed(on_ours: Any) -> None:
    async def one() -> int:
        process = await start("cat")
        process.stdin.write(b"hello")
        assert await process.stdout.readexactly(5) == b"hello"
        process.kill()
        return int(await process.wait())

    async def main() -> set[int]:
        return set(await asyncio.gather(*(one() for _ in range(100))))

    assert on_ours(main()) == {-signal.SIGKILL}


@pytest.mark.parametrize("stdin", [None, PIPE, DEVNULL], ids=["ours", "pipe", "null"])
@pytest.mark.parametrize("stdout", [PIPE, DEVNULL], ids=["pipe", "null"])
@pytest.mark.parametrize("stderr", [PIPE, DEVNULL, STDOUT], ids=["pipe", "null", "stdout"])
def test_every_way_to_redirect(on_ours: Any, stdin: Any, stdout: Any, stderr: Any) -> None:
    async def main() -> Any:
        process = await subprocess.create_subprocess_shell(
            "echo out; echo err >&2; exit 5", stdin=stdin, stdout=stdout, stderr=stderr
        )
        streams = (process.stdin, process.stdout, process.stderr)
        assert [each is not None for each in streams] == [
            each == PIPE for each in (stdin, stdout, stderr)
        ]
        output = await process.communicate(b"" if stdin == PIPE else None)
        return *output, process.returncode

    out = b"out\nerr\n" if stderr == STDOUT else b"out\n"
    expected = (out if stdout == PIPE else None, b"err\n" if stderr == PIPE else None, 5)
    assert on_ours(main()) == expected


def test_a_file_for_each_stream(on_ours: Any, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"content")

    async def main() -> int:
        with open(tmp_path / "in") as given, open(tmp_path / "out", "w") as output:
            process = await subprocess.create_subprocess_exec("cat", stdin=given, stdout=output)
            return await process.wait()

    assert on_ours(main()) == 0
    assert (tmp_path / "out").read_bytes() == b"content"


def test_descriptors_that_are_passed_on(on_ours: Any) -> None:
    async def main() -> Any:
        reading, writing = os.pipe()
        process = await subprocess.create_subprocess_exec(
            "sh", "-c", f"echo hello > /proc/self/fd/{writing}", pass_fds=[writing]
        )
        os.close(writing)
        code = await process.wait()
        with open(reading, "rb") as pipe:
            return code, pipe.read()

    assert on_ours(main()) == (0, b"hello\n")


def test_where_and_with_what_it_runs(on_ours: Any, tmp_path: Path) -> None:
    async def main() -> bytes:
        process = await subprocess.create_subprocess_shell(
            'pwd; echo "$GREETING"; read x',
            stdin=PIPE,
            stdout=PIPE,
            cwd=tmp_path,
            env={"GREETING": "hello"},
            start_new_session=True,
        )
        assert os.getpgid(process.pid) == process.pid
        return (await process.communicate())[0] or b""

    assert on_ours(main()).decode().splitlines() == [str(tmp_path.resolve()), "hello"]


@pytest.mark.parametrize(
    ("command", "options", "error"),
    [
        (("/no/such/program",), {}, FileNotFoundError),
        (("/",), {}, PermissionError),
        (("true",), {"cwd": "/no/such/folder"}, FileNotFoundError),
        (("a\0b",), {}, ValueError),
        (("true",), {"preexec_fn": lambda: 1 / 0}, Exception),
        (("true",), {"no_such_option": 1}, TypeError),
        ((1,), {}, TypeError),
    ],
    ids=["nobody", "a folder", "nowhere", "a zero", "preexec", "option", "number"],
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_what_cannot_be_started_leaves_nothing(
    on_ours: Any, command: Any, options: Any, error: Any
) -> None:
    async def main() -> None:
        for _ in range(3):
            with pytest.raises(error):
                await start(*command, **options)

    on_ours(main())


def test_what_is_started_the_wrong_way(on_ours: Any) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        for make, args, options, message in (
            (loop.subprocess_exec, ("true",), {"shell": True}, "shell must be False"),
            (loop.subprocess_shell, ("true",), {"shell": False}, "shell must be True"),
            (loop.subprocess_shell, (["true"],), {}, "cmd must be a string"),
        ):
            with pytest.raises(ValueError, match=message):
                await make(asyncio.SubprocessProtocol, *args, **options)

    on_ours(main())


# -- those that do not listen --------------------------------------------------


def test_a_child_that_closes_its_input_early(on_ours: Any) -> None:
    async def main() -> Any:
        process = await start("sh", "-c", "exec <&-; echo closed; read x; exit 3")
        output = await process.communicate(b"x" * 2**20)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await process.stdin.wait_closed()
        return output[0], process.returncode

    assert on_ours(main()) == (b"closed\n", 3)


def test_much_in_both_directions(on_ours: Any) -> None:
    """More than the pipes and the streams' limits hold, while both sides write."""
    size = 5 * 2**20

    async def main() -> Any:
        process = await start("sh", "-c", "tee /dev/stderr")
        out, err = await process.communicate(bytes(size))
        return len(out), len(err), process.returncode

    assert on_ours(main()) == (size, size, 0)


def test_a_conversation_that_is_cancelled_leaves_the_child_running(on_ours: Any) -> None:
    async def main() -> Any:
        process = await start(*ordinary.WAIT)
        talking = asyncio.ensure_future(process.communicate(None))
        await asyncio.sleep(0)
        talking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talking
        assert process.returncode is None
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
        process._transport.close()
        return process.returncode

    assert on_ours(main()) == -signal.SIGTERM


def test_a_child_whose_grandchild_keeps_the_pipe(on_ours: Any) -> None:
    """The end of the child is known at once; its output goes on."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        exited = loop.create_future()

        class Watching(subprocess.SubprocessStreamProtocol):
            def process_exited(self) -> None:
                super().process_exited()
                exited.set_result(None)

        reading, writing = os.pipe()
        transport, protocol = await loop.subprocess_exec(
            lambda: Watching(2**16, loop),
            "sh",
            "-c",
            f"(read x; echo late) < /proc/self/fd/{reading} & exit 4",
            pass_fds=[reading],
            stdin=None,
            stderr=None,
        )
        os.close(reading)
        await exited
        assert transport.get_returncode() == 4
        os.write(writing, b"\n")
        os.close(writing)
        assert protocol.stdout is not None
        return await protocol.stdout.read()

    assert on_ours(main()) == b"late\n"


def test_signals_to_a_child_that_has_ended_are_harmless(on_ours: Any) -> None:
    async def main() -> int:
        process = await start("true")
        await process.stdout.read()
        for _ in range(50):  # it ends at some moment in here, and is reaped at another
            try:
                process.send_signal(signal.SIGTERM)
                process.terminate()
                process.kill()
            except ProcessLookupError:
                break
            await asyncio.sleep(0)
        return int(await process.wait())

    assert on_ours(main()) in (0, -signal.SIGTERM, -signal.SIGKILL)


def test_stopped_and_continued(on_ours: Any) -> None:
    """A child that was stopped has not ended."""

    async def main() -> Any:
        process = await start("cat")
        process.send_signal(signal.SIGSTOP)
        process.stdin.write(b"hello")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.stdout.readexactly(5), 0.02)
        assert process.returncode is None
        process.send_signal(signal.SIGCONT)
        return (await process.communicate())[0], process.returncode

    assert on_ours(main()) == (b"hello", 0)


# -- order ---------------------------------------------------------------------

STEPS = {
    "out": "echo out",
    "err": "echo err >&2",
    "close out": "exec >&-",
    "close err": "exec 2>&-",
    "close in": "exec <&-",
}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=5), st.integers(0, 255), st.booleans())
def test_a_protocol_is_told_in_order(steps: list[str], code: int, pidfd: bool) -> None:
    """First the connection, last its loss; data before the end of its pipe; all pipes; the exit."""
    with pytest.MonkeyPatch.context() as patch:
        if not pidfd:
            patch.setattr(children, "can_use_pidfd", lambda: False)
        script = "; ".join([STEPS[step] for step in steps] + [f"exit {code}"])

        async def main() -> Any:
            loop = asyncio.get_running_loop()
            transport, events = await loop.subprocess_exec(
                ordinary.Events, "sh", "-c", f"{{ {script}; }} 2>&2", stdin=PIPE
            )
            await events.lost
            returncode = transport.get_returncode()
            transport.close()
            return events.log, returncode

        log, returncode = run(REAL["miniloop"], main())
    assert returncode == code
    assert log[0] == "connection_made"
    assert log[-1] == ("connection_lost", None)
    assert log.count("process_exited") == 1
    for fd, data in ((1, b"out\n"), (2, b"err\n")):
        of_pipe = [entry[1] for entry in log if isinstance(entry, tuple) and entry[0] == fd]
        assert of_pipe[-1] is None
        # (The shell complains, on its standard error, of what it cannot write.)
        assert fd == 2 or b"".join(of_pipe[:-1]).replace(data, b"") == b""
    assert [entry for entry in log if isinstance(entry, tuple) and entry[0] == 0]


def test_a_script_that_does_it_all(on_python: Any) -> None:
    """Lines are asked and answered, the input is closed, the last words are read."""
    code = (
        "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)\nprint('bye')"
    )

    async def main() -> list[bytes]:
        process = await start(*PYTHON, code)
        answers = []
        for number in range(10):
            process.stdin.write(b"line %d\n" % number)
            await process.stdin.drain()
            answers.append(await process.stdout.readline())
        process.stdin.close()
        await process.stdin.wait_closed()
        answers += [line async for line in process.stdout]
        assert await process.wait() == 0
        return answers

    assert on_python(main()) == [b"LINE %d\n" % number for number in range(10)] + [b"bye\n"]

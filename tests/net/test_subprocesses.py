"""Child processes: what they say, how they end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import subprocess as blocking
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from miniloop.net import children, subprocess, subprocesses
from miniloop.support import states
from miniloop.sync.timeouts import wait_for
from tests.processes import child_processes
from tests.sync.loops import REAL, run

#: Copies its input to its output.
CAT = (sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")
#: Says that it is there, and waits to be ended.
WAIT = (sys.executable, "-c", "import sys; print('ready', flush=True); sys.stdin.read()")


@pytest.fixture(params=sorted(REAL))
def on(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what runs a coroutine on a real loop of each make."""
    return partial(run, REAL[request.param])


@pytest.fixture(params=["asyncio", "miniloop"])
def on_python(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """The same for the loops that promise one order of events."""
    return partial(run, REAL[request.param])


@pytest.fixture(params=["pidfd", "thread"])
def on_ours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return what runs a coroutine on our loop, with either way to wait for children."""
    if request.param == "thread":
        monkeypatch.setattr(children, "can_use_pidfd", lambda: False)
    elif not children.can_use_pidfd():
        pytest.skip("this system has no pidfd")
    return partial(run, REAL["miniloop"])


@pytest.fixture(autouse=True)
def no_child_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a child, dead or alive, or a thread or a descriptor."""
    # (uvloop opens descriptors of its own once and for all.)
    looks = os.path.isdir("/proc/self/fd") and "uvloop" not in request.node.name
    before, others = len(os.listdir("/proc/self/fd")) if looks else 0, child_processes()
    yield
    gc.collect()
    assert child_processes() <= others
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio-waitpid"):
            thread.join(5)
    assert not looks or len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize("module", [children, subprocesses], ids=["children", "transport"])
def test_the_diagram_is_the_table(module: Any) -> None:
    assert states.shown_in(module.__doc__, module.TRANSITIONS)


async def start(*command: str, **options: Any) -> Any:
    """Start *command* with all three pipes, or with what *options* say."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return await subprocess.create_subprocess_exec(*command, **(pipes | options))


def test_a_conversation(on: Any) -> None:
    async def main() -> tuple[Any, Any]:
        process = await start(*CAT)
        output = await process.communicate(b"x" * 2**20)
        return output, process.returncode

    assert on(main()) == ((b"x" * 2**20, b""), 0)


def test_the_shell(on: Any) -> None:
    async def main() -> tuple[Any, Any]:
        process = await subprocess.create_subprocess_shell(
            "echo out; echo err >&2; exit 7", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output = await process.communicate()
        return output, process.returncode

    assert on(main()) == ((b"out\nerr\n", None), 7)


@pytest.mark.parametrize("way", ["kill", "terminate", "send_signal"])
def test_an_end_by_signal(on_ours: Any, way: str) -> None:
    number = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM}.get(way, signal.SIGHUP)

    async def main() -> Any:
        process = await start(*WAIT)
        assert await process.stdout.readline() == b"ready\n"
        assert process.returncode is None
        getattr(process, way)(*([number] if way == "send_signal" else []))
        code = await process.wait()
        assert await process.wait() == code == process.returncode
        await asyncio.sleep(0)
        return code

    assert on_ours(main()) == -number


def test_many_wait_for_one(on_ours: Any) -> None:
    async def main() -> list[int]:
        process = await start(*CAT)
        waiting = asyncio.gather(*(process.wait() for _ in range(10)))
        await process.communicate(b"")
        return await waiting

    assert on_ours(main()) == [0] * 10


def test_many_at_once(on_ours: Any) -> None:
    async def main() -> list[bytes]:
        async def one(number: int) -> bytes:
            process = await start("sh", "-c", f"cat; exit {number}")
            output, _ = await process.communicate(b"%d" % number)
            assert process.returncode == number
            return bytes(output)

        return await asyncio.gather(*(one(number) for number in range(20)))

    assert on_ours(main()) == [b"%d" % number for number in range(20)]


# (uvloop's transport raises RuntimeError now and then.)
def test_a_process_that_does_not_want_its_input(on_python: Any) -> None:
    async def main() -> Any:
        process = await start("true")
        output = await process.communicate(b"x" * 2**20)
        return output, process.returncode

    assert on_python(main()) == ((b"", b""), 0)


def test_who_is_over_and_done_with_gets_no_signal(on_ours: Any) -> None:
    async def main() -> None:
        process = await start("true", stdin=None, stdout=None, stderr=None)
        await process.wait()
        await asyncio.sleep(0)
        with pytest.raises(ProcessLookupError):
            process.kill()

    on_ours(main())


def test_a_signal_to_a_process_that_has_just_been_reaped_hits_nobody(on_ours: Any) -> None:
    async def main() -> int:
        process = await start("true", stdin=None, stdout=None, stderr=None)
        popen = process._transport.get_extra_info("subprocess")
        popen.wait()  # somebody else was faster than the loop
        popen.pid = 2**22 + 1  # a number that nobody has; sending to it would raise
        process.kill()
        return int(await process.wait())

    assert on_ours(main()) == 0


def test_one_that_was_cancelled_while_it_started_is_killed(on_ours: Any) -> None:
    async def main() -> None:
        starting = asyncio.ensure_future(start(*WAIT))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    on_ours(main())


def test_a_wait_that_is_cancelled_leaves_it_running(on_ours: Any) -> None:
    async def main() -> int:
        process = await start(*WAIT)
        with pytest.raises(TimeoutError):
            await wait_for(process.wait(), 0.01)
        still_running = process.returncode is None
        await process.communicate(b"")
        assert still_running
        return int(await process.wait())

    assert on_ours(main()) == 0


def test_a_transport_that_is_closed_kills(on_ours: Any) -> None:
    async def main() -> int:
        process = await start(*WAIT)
        process._transport.close()
        return int(await process.wait())

    assert on_ours(main()) == -signal.SIGKILL


def test_a_loop_that_is_closed_leaves_nothing(on_ours: Any) -> None:
    async def main() -> Any:
        process = await start(*WAIT)
        return process, process._transport.get_extra_info("subprocess")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        process, popen = on_ours(main())
        assert popen.poll() is None
        del process
        gc.collect()
        assert popen.wait(5) == -signal.SIGKILL
        for pipe in (popen.stdin, popen.stdout, popen.stderr):
            pipe.close()
        gc.collect()
    assert any("unclosed transport <UnixSubprocess" in str(each.message) for each in caught)


def test_what_cannot_be_started(on_ours: Any) -> None:
    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await start("/no/such/program")

    on_ours(main())


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"universal_newlines": True}, "universal_newlines must be False"),
        ({"bufsize": 1}, "bufsize must be 0"),
        ({"text": True}, "text must be False"),
        ({"encoding": "utf-8"}, "encoding must be None"),
        ({"errors": "strict"}, "errors must be None"),
    ],
)
def test_only_bytes_and_no_buffers(on_python: Any, option: Any, text: str) -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match=text):
            await start("true", **option)
        with pytest.raises(ValueError, match=text):
            await subprocess.create_subprocess_shell("true", **option)

    on_python(main())


def test_the_text_of_a_transport(on_ours: Any) -> None:
    async def main() -> None:
        process = await start(*CAT)
        transport = process._transport
        assert repr(process) == f"<Process {process.pid}>"
        assert repr(transport).startswith(
            f"<UnixSubprocessTransport pid={process.pid} running stdin=<"
        )
        await process.communicate(b"")
        assert f"closed pid={process.pid} returncode=0" in repr(transport)

    on_ours(main())


def test_a_callback_for_sigchld_is_left_alone(on_ours: Any) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, came.set)
        process = await start("true", stdin=None, stdout=None, stderr=None)
        await process.wait()
        await came.wait()
        return bool(loop.remove_signal_handler(signal.SIGCHLD))

    assert on_ours(main())


class Events(asyncio.SubprocessProtocol):
    """Notes what a process' protocol is told."""

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.lost = asyncio.Future[None]()

    def connection_made(self, transport: Any) -> None:
        self.log.append("connection_made")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.log.append((fd, data))

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self.log.append((fd, exc))

    def process_exited(self) -> None:
        self.log.append("process_exited")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.log.append(("connection_lost", exc))
        self.lost.set_result(None)


def test_a_protocol_is_told_the_same_on_either_loop(on_python: Any) -> None:
    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            Events, "sh", "-c", "read line; echo $line; exec >&-; read line", stderr=None
        )
        stdin: Any = transport.get_pipe_transport(0)
        stdin.write(b"hello\n")
        while (1, None) not in protocol.log:  # its output is closed: the rest is in our hands
            await asyncio.sleep(0.001)
        stdin.close()
        await protocol.lost
        assert transport.get_returncode() == 1
        transport.close()
        return [entry for entry in protocol.log if entry != (0, None)]

    assert on_python(main()) == [
        "connection_made",
        (1, b"hello\n"),
        (1, None),
        "process_exited",
        ("connection_lost", None),
    ]


def test_a_status_that_somebody_else_took_is_not_lost_without_a_word(
    on_ours: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> int:
        process = await start(*WAIT)
        os.kill(process.pid, signal.SIGKILL)
        os.waitpid(process.pid, 0)
        return int(await process.wait())

    assert on_ours(main()) == 255
    assert "exit status already read" in caplog.text


def test_a_child_is_watched_even_without_a_descriptor_left(monkeypatch: Any) -> None:
    def none_left(pid: int, flags: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(children, "can_use_pidfd", lambda: True)
    monkeypatch.setattr(os, "pidfd_open", none_left)

    async def main() -> Any:
        return await (await start(*CAT)).communicate(b"x")

    assert run(REAL["miniloop"], main()) == (b"x", b"")


def test_names_are_those_of_the_blocking_module() -> None:
    assert (subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL) == (
        blocking.PIPE,
        blocking.STDOUT,
        blocking.DEVNULL,
    )

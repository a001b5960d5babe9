"""Child processes with streams: start one, talk to it, wait for its end.

`Process` is what a program holds.  `SubprocessStreamProtocol` stands between it
and the transport, and makes a stream of each pipe.

Invariants
    The transport is closed once the process has ended and its output is read.

Where it differs from asyncio
    ``loop=`` is accepted, as it was up to Python 3.9; it must be the running loop.

Read next: subprocesses.py
"""

from __future__ import annotations

import subprocess
from typing import Any

from ..interface import AbstractEventLoop, SubprocessProtocol
from ..support import describe
from ..sync.combinators import gather
from ..sync.mixins import check_loop
from .streams import DEFAULT_LIMIT, FlowControlMixin, StreamReader, StreamWriter

__all__ = [
    "DEVNULL",
    "PIPE",
    "STDOUT",
    "Process",
    "SubprocessStreamProtocol",
    "create_subprocess_exec",
    "create_subprocess_shell",
]

PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT
DEVNULL = subprocess.DEVNULL


class SubprocessStreamProtocol(FlowControlMixin, SubprocessProtocol):
    """Makes streams of a process' pipes; *limit* bytes is the readers' longest line.

    Counterpart: ``asyncio.subprocess.SubprocessStreamProtocol``.
    """

    def __init__(self, limit: int, loop: Any) -> None:
        super().__init__(loop=loop)
        self._limit = limit
        self.stdin: StreamWriter | None = None
        self.stdout: StreamReader | None = None
        self.stderr: StreamReader | None = None
        self._transport: Any = None
        self._process_exited = False
        self._pipe_fds: list[int] = []
        self._stdin_closed = self._loop.create_future()

    def __repr__(self) -> str:
        info = [type(self).__name__]
        for name in ("stdin", "stdout", "stderr"):
            stream = getattr(self, name)
            if stream is not None:
                info.append(f"{name}={stream!r}")
        return f"<{' '.join(info)}>"

    def connection_made(self, transport: Any) -> None:
        """Make a stream of each pipe that there is."""
        self._transport = transport
        self.stdout = self._reader(1)
        self.stderr = self._reader(2)
        stdin = transport.get_pipe_transport(0)
        if stdin is not None:
            self.stdin = StreamWriter(stdin, protocol=self, reader=None, loop=self._loop)

    def _reader(self, fd: int) -> StreamReader | None:
        pipe = self._transport.get_pipe_transport(fd)
        if pipe is None:
            return None
        reader = StreamReader(limit=self._limit, loop=self._loop)
        reader.set_transport(pipe)
        self._pipe_fds.append(fd)
        return reader

    def _reader_of(self, fd: int) -> StreamReader | None:
        return {1: self.stdout, 2: self.stderr}.get(fd)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Feed the stream of descriptor *fd*."""
        reader = self._reader_of(fd)
        if reader is not None:
            reader.feed_data(data)

    def pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        """End the stream of descriptor *fd*, with *exc* if that is not None."""
        if fd == 0:
            self._stdin_lost(exc)
            return
        reader = self._reader_of(fd)
        if reader is not None:
            if exc is None:
                reader.feed_eof()
            else:
                reader.set_exception(exc)
        if fd in self._pipe_fds:
            self._pipe_fds.remove(fd)
        self._maybe_close_transport()

    def _stdin_lost(self, exc: BaseException | None) -> None:
        if self.stdin is not None:
            self.stdin.close()
        self.connection_lost(exc)
        if self._stdin_closed.done():
            return
        if exc is None:
            self._stdin_closed.set_result(None)
        else:
            self._stdin_closed.set_exception(exc)
            # Nobody has to wait for it.
            self._stdin_closed._log_traceback = False

    def process_exited(self) -> None:
        """Close the transport, once the output is read as well."""
        self._process_exited = True
        self._maybe_close_transport()

    def _maybe_close_transport(self) -> None:
        if not self._pipe_fds and self._process_exited and self._transport is not None:
            self._transport.close()
            self._transport = None

    def _get_close_waiter(self, stream: Any) -> Any:
        return self._stdin_closed if stream is self.stdin else None


class Process:
    """A child process, as `create_subprocess_exec` returns it.

    ``stdin`` is a StreamWriter, ``stdout`` and ``stderr`` are StreamReaders; each
    is None unless it was asked for as PIPE.  ``pid`` is the process' number.
    Counterpart: ``asyncio.subprocess.Process``.
    """

    def __init__(self, transport: Any, protocol: Any, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._protocol = protocol
        self._loop = loop
        self.stdin: Any = protocol.stdin
        self.stdout: Any = protocol.stdout
        self.stderr: Any = protocol.stderr
        self.pid: int = transport.get_pid()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pid}>"

    @property
    def returncode(self) -> int | None:
        """The exit status, minus the number of the signal that ended it, or None: it runs."""
        return self._transport.get_returncode()  # type: ignore[no-any-return]

    async def wait(self) -> int:
        """Wait for the end of the process; return its exit status.

        Who asked for pipes has to read them meanwhile, or the process may wait
        for that for ever; `communicate` does.  Cancellation leaves it running.
        """
        return await self._transport._wait()  # type: ignore[no-any-return]

    def send_signal(self, signal: int) -> None:
        """Send *signal*; raises ProcessLookupError when the process is over and done with."""
        self._transport.send_signal(signal)

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM); raises as `send_signal` does."""
        self._transport.terminate()

    def kill(self) -> None:
        """End the process (SIGKILL); raises as `send_signal` does."""
        self._transport.kill()

    async def communicate(self, input: Any = None) -> tuple[bytes | None, bytes | None]:  # noqa: A002
        """Send *input*, read all output, wait for the end; return what was read.

        The pair is that of stdout and stderr, None for what is no pipe.  A process
        that does not want the input is no error.  Cancellation leaves it running.
        """
        _, stdout, stderr = await gather(
            _nothing() if self.stdin is None else self._feed_stdin(input),
            _nothing() if self.stdout is None else self._read_stream(1),
            _nothing() if self.stderr is None else self._read_stream(2),
        )
        await self.wait()
        return stdout, stderr

    async def _feed_stdin(self, data: Any) -> None:
        try:
            if data is not None:
                self.stdin.write(data)
                self._debug("feed stdin (%s bytes)", len(data))
            await self.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            self._debug("stdin got %r", error)
        self._debug("close stdin")
        self.stdin.close()

    async def _read_stream(self, fd: int) -> bytes:
        transport = self._transport.get_pipe_transport(fd)
        name = "stdout" if fd == 1 else "stderr"
        self._debug("read %s", name)
        output: bytes = await getattr(self, name).read()
        self._debug("close %s", name)
        transport.close()
        return output

    def _debug(self, text: str, *args: Any) -> None:
        if self._loop.get_debug():
            describe.logger.debug(f"%r communicate: {text}", self, *args)


async def _nothing() -> None:
    return None


async def create_subprocess_shell(
    cmd: bytes | str,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    limit: int = DEFAULT_LIMIT,
    *,
    loop: AbstractEventLoop | None = None,
    **kwds: Any,
) -> Process:
    """Have the shell run *cmd*; return the process.

    *stdin*, *stdout* and *stderr* may be PIPE, DEVNULL, a file or None (ours);
    *stderr* also STDOUT.  *limit* is the readers', in bytes; *kwds* are those of
    ``subprocess.Popen``.  Raises what that raises, and ValueError for what asks
    for text.  Cancellation kills the process.
    """
    running: Any = check_loop(loop, "create_subprocess_shell()")
    pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    return await _start(running, running.subprocess_shell, (cmd,), limit, pipes | kwds)


async def create_subprocess_exec(
    program: Any,
    *args: Any,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    limit: int = DEFAULT_LIMIT,
    loop: AbstractEventLoop | None = None,
    **kwds: Any,
) -> Process:
    """Run *program* with *args*; otherwise like `create_subprocess_shell`."""
    running: Any = check_loop(loop, "create_subprocess_exec()")
    pipes = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    return await _start(running, running.subprocess_exec, (program, *args), limit, pipes | kwds)


async def _start(
    loop: Any, start: Any, command: tuple[Any, ...], limit: int, options: dict[str, Any]
) -> Process:
    """Have *start*, a method of *loop*, start *command*; return the process."""
    transport, protocol = await start(
        lambda: SubprocessStreamProtocol(limit=limit, loop=loop), *command, **options
    )
    return Process(transport, protocol, loop)

"""The transport of a child process: up to three pipes, signals, and its end.

A child has no stream of its own: each of its pipes is a transport, with a small
protocol that passes everything on to the `SubprocessProtocol` together with the
number of the descriptor.

States
    starting -- pipes connected -----> running
             -- exited --------------> exited
    running  -- exited --------------> exited
    exited   -- pipes disconnected --> finished

Invariants
    The protocol hears ``connection_made`` first; what happens before that waits
    in ``_pending_calls``.
    ``connection_lost`` comes last: after the end of the process and of all pipes.
    A transport that is closed while its process runs kills it; whatever way it
    goes, the process is reaped by whoever watches it (``children.py``).

Where it differs from asyncio
    One class for all systems that are not Windows.  Waiting for the process does
    not hang when its pipes could not be connected.

Read next: subprocess.py
"""

from __future__ import annotations

import os
import signal as signals
import subprocess
import warnings as _warnings
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from ..interface import Protocol, SubprocessTransport
from ..support import describe
from . import children

__all__ = ["TRANSITIONS", "BaseSubprocessTransport", "subprocess_exec", "subprocess_shell"]

TRANSITIONS = (
    ("starting", "pipes connected", "running"),
    ("starting", "exited", "exited"),
    ("running", "exited", "exited"),
    ("exited", "pipes disconnected", "finished"),
)

_NAMES = ("stdin", "stdout", "stderr")


class BaseSubprocessTransport(SubprocessTransport):
    """A child process that runs *args* on *loop*, told about by *protocol*.

    *shell*, *stdin*, *stdout*, *stderr*, *bufsize* and *kwargs* are those of
    ``subprocess.Popen``, whose exceptions come out of here.  The future *waiter*
    is done when the pipes are connected.  *extra* is what `get_extra_info` knows.
    Counterpart: ``asyncio.base_subprocess.BaseSubprocessTransport``.
    """

    def __init__(
        self,
        loop: Any,
        protocol: Any,
        args: Any,
        shell: bool,
        stdin: Any,
        stdout: Any,
        stderr: Any,
        bufsize: int,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(extra)
        self._extra: dict[str, Any] = {} if extra is None else extra
        self._loop: Any = loop
        self._protocol: Any = protocol
        self._proc: Any = None
        self._pid: int | None = None
        self._returncode: int | None = None
        self._closed = False
        self._finished = False
        self._pipes_connected = False
        self._exit_waiters: list[Any] = []
        self._pending_calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] | None = deque()
        #: The protocol of each pipe, None until it is connected.
        self._pipes: dict[int, Any] = {
            fd: None
            for fd, redirected in enumerate((stdin, stdout, stderr))
            if redirected == subprocess.PIPE
        }
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        try:
            self._start(args=args, shell=shell, bufsize=bufsize, **streams, **kwargs)
        except BaseException:
            self.close()
            raise
        self._started(args)
        loop.create_task(self._connect_pipes(waiter))

    def _started(self, args: Any) -> None:
        process: Any = self._proc
        self._pid = process.pid
        self._extra["subprocess"] = process
        if self._loop.get_debug():
            program = args if isinstance(args, bytes | str) else args[0]
            describe.logger.debug("process %r created: pid %s", program, self._pid)

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._closed:
            info.append("closed")
        if self._pid is not None:
            info.append(f"pid={self._pid}")
        if self._returncode is not None:
            info.append(f"returncode={self._returncode}")
        else:
            info.append("not started" if self._pid is None else "running")
        for fd, name in enumerate(_NAMES):
            if self._pipes.get(fd) is not None:
                info.append(f"{name}={self._pipes[fd].pipe}")
        return f"<{' '.join(info)}>"

    def __del__(self, _warn: Any = _warnings.warn) -> None:
        if not self._closed:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self.close()

    def _start(self, args: Any, **options: Any) -> None:
        """Start the process."""
        self._proc = subprocess.Popen(args, universal_newlines=False, **options)

    # -- what programs ask of it -----------------------------------------------

    def set_protocol(self, protocol: Any) -> None:
        """Have *protocol* called from now on."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Return the protocol that is called."""
        return self._protocol

    def is_closing(self) -> bool:
        """Return True once `close` was called."""
        return self._closed

    def close(self) -> None:
        """Close the pipes, and kill the process if it still runs."""
        if self._closed:
            return
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            for pipe in self._pipes.values():
                if pipe is not None and pipe.pipe is not None:
                    pipe.pipe.close()
        # poll() finds out about an end that we have not been told of yet.
        if self._proc is None or self._returncode is not None or self._proc.poll() is not None:
            return
        if self._loop.get_debug():
            describe.logger.warning("Close running child process: kill %r", self)
        try:
            self._proc.kill()
        except (ProcessLookupError, PermissionError):
            pass  # it has ended just now, or it runs as somebody else

    def get_pid(self) -> int | None:  # type: ignore[override]
        """Return the process' number."""
        return self._pid

    def get_returncode(self) -> int | None:
        """Return the exit status, minus a signal's number, or None while the process runs."""
        return self._returncode

    def get_pipe_transport(self, fd: int) -> Any:
        """Return the transport of the pipe to descriptor *fd* of the process, or None."""
        return self._pipes[fd].pipe if fd in self._pipes else None

    def send_signal(self, signal: int) -> None:
        """Send *signal*; does nothing when the process has ended.

        Raises ProcessLookupError once the transport is done with the process.
        """
        if self._proc is None:
            raise ProcessLookupError
        if isinstance(self._proc.returncode, int):
            return  # it is reaped: the number may belong to another process
        try:
            os.kill(self._proc.pid, signal)
        except ProcessLookupError:
            pass

    def terminate(self) -> None:
        """Ask the process to end: SIGTERM."""
        self.send_signal(signals.SIGTERM)

    def kill(self) -> None:
        """End the process: SIGKILL."""
        self.send_signal(signals.SIGKILL)

    async def _wait(self) -> int | None:
        """Return the exit status, when there is one and all that was said is read."""
        if self._returncode is not None:
            return self._returncode
        waiter = self._loop.create_future()
        self._exit_waiters.append(waiter)
        return await waiter  # type: ignore[no-any-return]

    # -- its life --------------------------------------------------------------

    async def _connect_pipes(self, waiter: Any) -> None:
        process, loop = self._proc, self._loop
        try:
            for fd, name in enumerate(_NAMES):
                pipe = getattr(process, name)
                if pipe is None:
                    continue
                connect = loop.connect_read_pipe if fd else loop.connect_write_pipe
                _, self._pipes[fd] = await connect(partial(_Pipe, self, fd), pipe)
            loop.call_soon(self._protocol.connection_made, self)
            pending, self._pending_calls = self._pending_calls, None
            for callback, data in pending or ():
                loop.call_soon(callback, *data)
            self._pipes_connected = True
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._close_unconnected()
            if waiter is not None and not waiter.cancelled():
                waiter.set_exception(error)
        else:
            if waiter is not None and not waiter.cancelled():
                waiter.set_result(None)

    def _close_unconnected(self) -> None:
        for fd, name in enumerate(_NAMES):
            pipe = getattr(self._proc, name, None)
            if pipe is not None and self._pipes.get(fd) is None:
                pipe.close()

    def _call(self, callback: Callable[..., object], *data: Any) -> None:
        if self._pending_calls is not None:
            self._pending_calls.append((callback, data))
        else:
            self._loop.call_soon(callback, *data)

    def _pipe_data_received(self, fd: int, data: bytes) -> None:
        self._call(self._protocol.pipe_data_received, fd, data)

    def _pipe_connection_lost(self, fd: int, exc: BaseException | None) -> None:
        self._call(self._protocol.pipe_connection_lost, fd, exc)
        self._try_finish()

    def _process_exited(self, returncode: int) -> None:
        assert returncode is not None, returncode
        assert self._returncode is None, self._returncode
        if self._loop.get_debug():
            describe.logger.info("%r exited with return code %r", self, returncode)
        self._returncode = returncode
        self._call(self._protocol.process_exited)
        self._try_finish()

    def _try_finish(self) -> None:
        assert not self._finished
        if self._returncode is None:
            return
        if not self._pipes_connected:
            # Connecting them may have failed, and then nothing would come after this.
            self._wake_waiters()
        if all(pipe is not None and pipe.disconnected for pipe in self._pipes.values()):
            self._finished = True
            self._call(self._call_connection_lost, None)

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(exc)
        finally:
            self._wake_waiters()
            self._loop = None
            self._proc = None
            self._protocol = None

    def _wake_waiters(self) -> None:
        waiters, self._exit_waiters = self._exit_waiters, []
        for waiter in waiters:
            if not waiter.cancelled():
                waiter.set_result(self._returncode)


class UnixSubprocessTransport(BaseSubprocessTransport):
    """The transport of a real process; see its base."""


class _Pipe(Protocol):
    """Passes what happens to the pipe on descriptor *fd* on to the transport *process*."""

    def __init__(self, process: Any, fd: int) -> None:
        self.process = process
        self.fd = fd
        self.pipe: Any = None
        self.disconnected = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} fd={self.fd} pipe={self.pipe!r}>"

    def connection_made(self, transport: Any) -> None:
        self.pipe = transport

    def connection_lost(self, exc: BaseException | None) -> None:
        self.disconnected = True
        self.process._pipe_connection_lost(self.fd, exc)
        self.process = None

    def data_received(self, data: bytes) -> None:
        self.process._pipe_data_received(self.fd, data)

    def pause_writing(self) -> None:
        self.process._protocol.pause_writing()

    def resume_writing(self) -> None:
        self.process._protocol.resume_writing()


# -- what the loop offers ------------------------------------------------------


async def subprocess_exec(
    loop: Any,
    protocol_factory: Callable[[], Any],
    program: Any,
    *args: Any,
    stdin: Any = subprocess.PIPE,
    stdout: Any = subprocess.PIPE,
    stderr: Any = subprocess.PIPE,
    shell: bool = False,
    **options: Any,
) -> tuple[Any, Any]:
    """Run *program* with *args*; return the transport and the protocol.

    *options* are those of ``subprocess.Popen``.  Raises ValueError for those that
    ask for text or for a buffer, and what ``Popen`` raises.  Cancellation kills
    the process and waits for its end.
    """
    if shell:
        raise ValueError("shell must be False")
    what = f"execute program {program!r}"
    command = (program, *args)
    return await _run(
        loop, protocol_factory, command, False, (stdin, stdout, stderr), what, options
    )


async def subprocess_shell(
    loop: Any,
    protocol_factory: Callable[[], Any],
    cmd: bytes | str,
    *,
    stdin: Any = subprocess.PIPE,
    stdout: Any = subprocess.PIPE,
    stderr: Any = subprocess.PIPE,
    shell: bool = True,
    **options: Any,
) -> tuple[Any, Any]:
    """Have the shell run *cmd*; otherwise like `subprocess_exec`."""
    if not isinstance(cmd, bytes | str):
        raise ValueError("cmd must be a string")
    if not shell:
        raise ValueError("shell must be True")
    what = f"run shell command {cmd!r}"
    return await _run(loop, protocol_factory, cmd, True, (stdin, stdout, stderr), what, options)


async def _run(
    loop: Any,
    protocol_factory: Callable[[], Any],
    command: Any,
    shell: bool,
    pipes: tuple[Any, Any, Any],
    what: str,
    options: dict[str, Any],
) -> tuple[Any, Any]:
    for name, value in (("universal_newlines", False), ("bufsize", 0), ("text", False)):
        if options.pop(name, value):
            raise ValueError(f"{name} must be {value}")
    for name in ("encoding", "errors"):
        if options.pop(name, None) is not None:
            raise ValueError(f"{name} must be None")
    protocol = protocol_factory()
    debug = loop.get_debug()
    if debug:
        # The arguments are not logged: there may be a password among them.
        describe.logger.debug(_with_pipes(what, *pipes))
    waiter = loop.create_future()
    transport = UnixSubprocessTransport(
        loop, protocol, command, shell, *pipes, 0, waiter=waiter, **options
    )
    children.watch(loop, transport._proc, transport._process_exited)
    try:
        await waiter
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException:
        transport.close()
        await transport._wait()
        raise
    if debug:
        describe.logger.info("%s: %r", what, transport)
    return transport, protocol


def _with_pipes(what: str, stdin: Any, stdout: Any, stderr: Any) -> str:
    info = [what]
    if stdin is not None:
        info.append(f"stdin={_pipe(stdin)}")
    if stdout is not None and stderr == subprocess.STDOUT:
        info.append(f"stdout=stderr={_pipe(stdout)}")
    else:
        if stdout is not None:
            info.append(f"stdout={_pipe(stdout)}")
        if stderr is not None:
            info.append(f"stderr={_pipe(stderr)}")
    return " ".join(info)


def _pipe(redirected: Any) -> str:
    names = {subprocess.PIPE: "<pipe>", subprocess.STDOUT: "<stdout>"}
    return names.get(redirected) or repr(redirected)

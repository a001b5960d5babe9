"""A cell that is recorded: its loops have a recorder, and so has what the program prints.

    record:LIMIT:GATE:PATH in the place of the report's path, see `launch.py`; GATE is "-", or a
                           descriptor: a byte is waited for before each entry runs
    dump                   nothing is recorded, but SIGUSR1 makes it say why every task waits

Only loops of the main thread are recorded; others work, and are counted.
"""

import atexit
import os
import sys
import threading
import warnings
from collections.abc import Callable
from os.path import basename, dirname, isdir, realpath
from typing import Any

from .packages import miniloop

PREFIX = "record:"
DUMP = "dump"


def recorded_class(
    told: str, names: str, loop: str, target: str, kind: str, base: Callable[[str], Any]
) -> Any:
    """Return the class of the cell's loops, each with the recorder that `told` asks for.

    base: returns the class that the word `loop` stands for.
    Raises ImportError when the loop cannot be observed or the file not be written.
    """
    package = miniloop()
    from miniloop.study import Recorder, RecordingError
    from miniloop.study.recording import Writer

    limit, gate, path = told.removeprefix(PREFIX).split(":", 2)
    title = basename(target.rstrip("/")) if kind == "script" else target
    header: dict[str, Any] = {"program": title, "names": names, "loop": loop}
    header |= {"python": "{}.{}.{}".format(*sys.version_info), "clock": "monotonic"}
    header["unseen"] = unseen = ["loops of other threads than the main one"]
    if loop == "asyncio":
        from miniloop.study.asyncio_loop import UNSEEN

        unseen += UNSEEN
    try:
        writer = Writer(path, header)
    except RecordingError as error:
        raise ImportError(str(error)) from None
    folder = folder_of(target, kind)
    ignored = (__package__ or "", "compat.cell")
    recorder = Recorder(folder=folder, ignored=ignored, writer=writer, limit=int(limit))
    if gate != "-":
        recorder.gate = gate_at(int(gate), writer)
    atexit.register(finish, recorder, os.getpid())
    watch_output(recorder)
    watch_coroutines(recorder)
    if loop == "asyncio":
        return asyncio_class(recorder)
    return observed(base(loop), recorder, package)


def gate_at(descriptor: int, writer: Any) -> Callable[[], None]:
    """Return what stops the program until a byte comes; when there will be none it goes on."""

    def wait() -> None:
        writer.add([{"kind": "gate"}])
        os.read(descriptor, 1)

    return wait


def folder_of(target: str, kind: str) -> str:
    """Return the program's folder, to which places are told relative."""
    folder = realpath(target) if kind == "script" else os.getcwd()
    return folder if isdir(folder) else dirname(folder)


def dump_on_signal(target: str, kind: str) -> None:
    """Have the program say why its tasks wait when SIGUSR1 comes."""
    miniloop()
    from miniloop.study import dump_on

    dump_on(folder=folder_of(target, kind))


def observed(base: Any, recorder: Any, _package: Any) -> Any:
    """Return miniloop's loop class with `recorder` as the observer, unless there is another."""

    class EventLoop(base):  # type: ignore[misc]
        def __init__(
            self, selector: Any = None, clock: Any = None, chooser: Any = None, observer: Any = None
        ) -> None:
            super().__init__(selector, clock, chooser, observer or own(recorder))

    EventLoop.__module__, EventLoop.__qualname__ = base.__module__, base.__qualname__
    return EventLoop


def asyncio_class(recorder: Any) -> Any:
    """Return asyncio's own loop class, observed by `recorder`."""
    from miniloop.study.asyncio_loop import AsyncioLoop

    real = AsyncioLoop.__mro__[1]

    class Loop(AsyncioLoop):
        def __init__(self, selector: Any = None) -> None:
            super().__init__(own(recorder) or object(), selector)

    Loop.__module__, Loop.__name__, Loop.__qualname__ = (
        *(real.__module__, real.__name__),
        real.__qualname__,
    )
    return Loop


def own(recorder: Any) -> Any:
    """Return `recorder` in the thread and the process that it records, elsewhere None."""
    return recorder if threading.current_thread() is threading.main_thread() else None


def finish(recorder: Any, process: int) -> None:
    """Write the end, unless this is a fork of the program."""
    if os.getpid() == process:
        recorder.close()


def watch_output(recorder: Any) -> None:
    """Tell `recorder` of every line that the program prints, and print it all the same."""
    for name, stream in (("out", sys.stdout), ("err", sys.stderr)):
        if stream is not None:
            stream.write = telling(stream.write, recorder, name)  # type: ignore[method-assign]


def telling(write: Any, recorder: Any, name: str) -> Any:
    """Return a `write` that does what `write` does and tells of whole lines."""
    rest = ""

    def told(text: str) -> Any:
        nonlocal rest
        result = write(text)
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            recorder.output(name, line)
        return result

    return told


def watch_coroutines(recorder: Any) -> None:
    """Tell `recorder` of coroutines that are never awaited, and where they were made."""
    original: Any = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(max(depth, 1))

    def warn(coro: Any) -> None:
        origin = coro.cr_origin
        place = f"{recorder.names.file(origin[0][0])}:{origin[0][1]}" if origin else ""
        recorder.never_awaited(coro.__qualname__, place)
        if depth or sys.get_coroutine_origin_tracking_depth() > 1:
            original(coro)
        else:  # as it would be said if nobody had asked where it was made
            message = f"coroutine '{coro.__qualname__}' was never awaited"
            warnings.warn(message, category=RuntimeWarning, stacklevel=2, source=coro)

    warnings._warn_unawaited_coroutine = warn  # type: ignore[attr-defined]

"""A run of a World, recorded: its loop says what happens, and the World what it decides.

Nothing in a World knows of this; it is made with another loop, and decides as ever: the same
schedule is the same run, recorded or not.  Besides what every recording has, there is

    choice    a decision of the World's (see ``testing/choices.py``), as its schedule names it
    failure   what is wrong with the run

and a ``run`` whose ``pick`` is not 0 took an entry before others that were ready.

Read next: schedules.py
"""

from __future__ import annotations

import functools
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from contextvars import Context
from typing import Any, NamedTuple

from ..testing.bell import Bell
from ..testing.choices import Key
from ..testing.failures import Failure
from ..testing.labels import task_label
from ..testing.trial import Trial
from ..testing.world import Run, World
from .asyncio_loop import UNSEEN
from .recorder import Recorder
from .recording import Recording
from .world_loops import LOOPS, WorldWatch

__all__ = ["Recorded", "RecordedWorld", "WorldRecorder", "name_of", "recorded"]


_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Recorded(NamedTuple):
    """A run and its recording.

    Attributes:
        run: what it has shown, with its trace.
        recording: what happened.
        files: the paths of the files it names, by those names.
        tasks: what the recording calls the tasks, by what the run's own words call them.
    """

    run: Run
    recording: Recording
    files: dict[str, str]
    tasks: dict[str, str]

    def words(self, text: str) -> str:
        """Return *text*, which speaks of the run, with the names of the recording."""
        return renamed(text, self.tasks)


def recorded(
    trial: Trial, deviations: Mapping[Key, int] | None = None, *, quiet: bool = False
) -> Recorded:
    """Run *trial* once, recorded.

    What the program prints is in the recording, and printed as well unless *quiet*.
    """
    recorder = WorldRecorder(folder=folder_of(trial))
    with _outputs_told(recorder, quiet):
        world, run = trial.run_in_world(
            deviations, trace=True, make=functools.partial(RecordedWorld, recorder)
        )
    assert isinstance(world, RecordedWorld)
    for failure in run.failures:
        if failure not in world.told:
            recorder.failed(failure)
    recorder.close()
    tasks = {
        task_label(task): recorder.names.label(recorder.names.task(task)) for task in world.made
    }
    world.made.clear()
    recorder.header |= {"program": name_of(trial), "names": "asyncio", "loop": trial.library}
    recorder.header |= {"python": platform.python_version(), "clock": "virtual"}
    recorder.header |= {"schedule": str(run.schedule)}
    recorder.header["unseen"] = list(UNSEEN) if trial.library == "asyncio" else []
    recording = recorder.recording()
    for event in recording.events:
        for key in ("about", "label", "message"):
            if key in event:
                event[key] = renamed(event[key], tasks)
    return Recorded(run, recording, recorder.names.files, tasks)


def renamed(text: str, tasks: Mapping[str, str]) -> str:
    """Return *text* with the words for *tasks* replaced."""
    if not tasks:
        return text
    either = "|".join(re.escape(words) for words in sorted(tasks, key=len, reverse=True))
    replaced: str = re.sub(rf"(?<!\w)(?:{either})", lambda match: tasks[match[0]], text)
    return replaced


def name_of(trial: Trial) -> str:
    """Return what a scenario is called."""
    return str(getattr(trial.scenario, "__qualname__", "scenario")).rpartition("<locals>.")[2]


def folder_of(trial: Trial) -> str:
    """Return the folder that places are told relative to: where we are, or the scenario's."""
    function: Any = trial.scenario
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    code = getattr(function, "__code__", None)
    here = os.getcwd()
    if code is None or os.path.realpath(code.co_filename).startswith(os.path.join(here, "")):
        return here
    return str(os.path.dirname(os.path.realpath(code.co_filename)))


class RecordedWorld(World):
    """A World whose loop has *recorder* for an observer, and that tells it what it decides."""

    def __init__(self, recorder: WorldRecorder, **options: Any) -> None:
        super().__init__(**options)
        self._recorder = recorder
        self.choices.told = recorder.chosen
        #: The tasks that were made.
        self.made: list[Any] = []
        #: The failures that the recorder has been told of.
        self.told: list[Failure] = []
        never_awaited = self.checks.never_awaited

        def tell_of(coro: Any) -> None:
            recorder.never_awaited(getattr(coro, "__qualname__", type(coro).__name__), "")
            never_awaited(coro)

        self.checks.never_awaited = tell_of  # type: ignore[method-assign]

    def make_loop(self) -> Any:
        """Return a loop that tells the recorder."""
        return LOOPS[self.library](self, self._recorder)

    def add_task(self, task: Any, context: Context | None) -> None:
        """Remember *task*, for what it is called."""
        super().add_task(task, context)
        self.made.append(task)

    def _failure(self, error: BaseException) -> Failure:
        failure = super()._failure(error)
        self._recorder.failed(failure)
        self.told.append(failure)
        return failure


class WorldRecorder(Recorder):
    """A recorder that knows what a World can say besides."""

    watch_class = WorldWatch  # type: ignore[assignment]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._chosen: Counter[str] = Counter()

    def chosen(self, kind: str, count: int, value: int, about: str) -> None:
        """The World has taken alternative *value* of *count*."""
        name = f"{kind}{self._chosen[kind]}"
        self._chosen[kind] += 1
        own = {"choice": name, "count": count, "value": value, "about": about}
        self.tell("choice", None, self.names.caller(), **own)

    def failed(self, failure: Failure) -> None:
        """Something is wrong with the run."""
        message = _ADDRESS.sub("", failure.message.partition("\n")[0])
        self.tell("failure", 0, what=failure.kind, message=message)

    def entry_replaced(self, old: Any, new: Any) -> None:
        """The host of *old* has crashed: *new*, which does nothing, is in its place."""
        number = self._number_of(old)
        self.numbers.pop(id(old), None)
        self.numbers[id(new)] = number
        self.tell("drop", None, self.names.caller(), entry=number)

    def descriptor_watched(self, fd: int, event: int, callback: Any, args: Any) -> None:
        """*fd* is watched from now on."""
        instead = from_outside if isinstance(callback, Bell) else callback
        super().descriptor_watched(fd, event, instead, args)

    def _callback_added(self, entry: Any) -> tuple[dict[str, Any], int, str]:
        own, by, src = super()._callback_added(entry)
        if isinstance(entry._callback, Bell):
            own["label"] = entry._callback.words()
        return own, by, src


def from_outside() -> None:
    """Stand for what a World sends from outside, where a callback's name is shown."""


from_outside.__qualname__ = "what comes from outside"


# -- what the program prints -------------------------------------------------------------


class _Told:
    """A stream that tells *recorder* of every line."""

    def __init__(self, stream: Any, name: str, recorder: Recorder, quiet: bool) -> None:
        self._stream, self._name = stream, name
        self._recorder, self._quiet = recorder, quiet
        self._rest = ""

    def write(self, text: str) -> int:
        if not self._quiet:
            self._stream.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._recorder.output(self._name, line)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _outputs_told(recorder: Recorder, quiet: bool) -> Iterator[None]:
    out: Any = _Told(sys.stdout, "out", recorder, quiet)
    err: Any = _Told(sys.stderr, "err", recorder, quiet)
    with redirect_stdout(out), redirect_stderr(err):
        yield

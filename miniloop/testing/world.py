"""A World: one deterministic run of a program, with its time, its network and its choices.

    world = World(schedule=Schedule.parse("fifo:event0=2"))
    run = world.run(scenario)

*scenario* is an ``async def``, which may take the World as its argument.  It is ordinary
asyncio code, with whatever libraries it uses, and it runs on miniloop's loop or on the
standard library's: what the World decides reaches both through their selector, clock and
sockets.

States of a World
    new     -- run --------> running
    running -- main ends --> ending    (what is left is cancelled, as `asyncio.run` does)
    ending  -- all closed -> over

Read next: explore.py
"""

from __future__ import annotations

import functools
import random
import signal
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from ..core.handles import Handle
from .bell import Bell
from .checks import CHECKS, Broken, Checks
from .choices import Choices, Decide
from .ending import close, end_tasks
from .executor import WorldExecutor
from .failures import Deadlock, Escape, Failure, Livelock, WorldError
from .fence import caller, inside
from .history import History
from .hosts import HOST, Host, bury
from .labels import callback_label, entry_label, task_label
from .loops import LOOPS, WORLD_TASKS
from .network.network import Network
from .outside import Outside
from .run import Limits, Run, Scenario, takes_world
from .schedule import PLAIN, Schedule
from .selector import WorldSelector
from .waiting import who_waits

__all__ = ["Limits", "Run", "Scenario", "World"]

#: When Worlds begin, in seconds on their clock.
START = 1000.0
#: How long a run may be, unless somebody says otherwise.
UNLESS_SAID = Limits()


class World:
    """One run: made, run once, looked at.

    Args:
        schedule: where it deviates from what asyncio would do.
        decide: what decides where the schedule says nothing (default: as asyncio would).
        level: what may vary at all; default: the schedule's.
        library: whose loop it runs on, ``miniloop`` or ``asyncio``.
        seed: of the random numbers that the program draws.
        longest_delay: seconds that a step may take, or something may be late, at most;
            default: that of *limits*.
        horizon: how many polls later at most an outside event may land.
        trace: whether to keep what runs, and what each choice was about.
        ignore: checks to leave out, names from `CHECKS`.
        limits: how long it may be.

    Raises:
        ValueError: an unknown library, level or check.
    """

    #: The loop, as soon as it runs.
    loop: Any = None
    #: The entries that are ready to run, in the loop's own queue.
    ready: Any = ()
    #: What a coroutine that becomes a task is put into first, or None.
    around: Callable[[Any], Any] | None = None
    #: When somebody drives the World by hand: it runs up to this moment, and stops.
    paused_at: float | None = None
    #: Whether anything is to be looked at between two iterations.
    watchful = False
    _bell: Any = None
    _dead = False

    def __init__(
        self,
        *,
        schedule: Schedule | None = None,
        decide: Decide | None = None,
        level: str | None = None,
        library: str = "miniloop",
        seed: int = 0,
        longest_delay: float | None = None,
        horizon: int = 32,
        trace: bool = False,
        ignore: tuple[str, ...] = (),
        limits: Limits | None = None,
    ) -> None:
        schedule = PLAIN if schedule is None else schedule
        if library not in LOOPS:
            raise ValueError(f"the library is one of {', '.join(LOOPS)}, not {library!r}")
        if unknown := set(ignore) - set(CHECKS):
            raise ValueError(f"no such check: {', '.join(sorted(unknown))}")
        self.level = schedule.level if level is None else Schedule(level=level).level
        self.library = library
        self.seed = seed
        self.horizon = horizon
        self.limits = limits or UNLESS_SAID
        self.longest_delay = self.limits.delay if longest_delay is None else longest_delay
        self.choices = Choices(decide, schedule.deviations, labels=trace)
        self.trace: list[str] | None = [] if trace else None
        self.now = START
        self.polls = 0
        self.outside = Outside(self.choices)
        self.selector = WorldSelector(self)
        self.checks = Checks(self, frozenset(ignore))
        self.tasks: list[Any] = []
        self.background_tasks: set[Any] = set()
        self.signal_handlers: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self._task_number = 0
        #: The hashes of objects that are not the loop's, by their addresses: see `Hashes`.
        self.hashes: dict[int, tuple[int, Any]] = {}
        #: What has come from outside, and is still to be called.
        self.landed: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    # -- what is made when it is needed ----------------------------------------

    @functools.cached_property
    def network(self) -> Network:
        """The network: links, partitions, rules."""
        return Network(self)

    @property
    def has_network(self) -> bool:
        """Whether anybody has asked for the network."""
        return "network" in vars(self)

    @functools.cached_property
    def executor(self) -> WorldExecutor:
        """What functions in threads are called by."""
        return WorldExecutor(self)

    @functools.cached_property
    def history(self) -> History:
        """Who asked for what when, as far as the program records it."""
        return History()

    @functools.cached_property
    def random(self) -> random.Random:
        """Random numbers of the World's own, which the program's draws do not shift."""
        return random.Random(self.seed)

    @functools.cached_property
    def _hosts(self) -> dict[str, Host]:
        return {"localhost": Host(self, "localhost")}

    # -- running it ------------------------------------------------------------

    def run(self, scenario: Scenario) -> Run:
        """Run *scenario* to its end and return what happened; nothing is raised for it.

        Raises RuntimeError when the World has run before.
        """
        if self.loop is not None:
            raise RuntimeError("a World runs once; make another one")
        with inside(self):
            self._open()
            try:
                result = self._run_main(scenario)
                self.checks.over = True
            finally:
                close(self)
        return self._outcome(result)

    def _open(self) -> None:
        self.loop = self.make_loop()
        self.ready = self.loop.entries()
        self.loop.set_exception_handler(self.checks.reported)

    def make_loop(self) -> Any:
        """Return the loop that the program runs on."""
        return LOOPS[self.library](self)

    def _outcome(self, result: Any) -> Run:
        return Run(
            result,
            self.checks.failures,
            self.choices,
            self.level,
            self.polls,
            self.now - START,
            self.trace or [],
            self.outside.late,
        )

    def _run_main(self, scenario: Scenario) -> Any:
        loop, checks = self.loop, self.checks
        main = None
        try:
            main = loop.create_task(self._begin(scenario), name="main")
            result = loop.run_until_complete(main)
        except BaseException as error:  # whatever it is, it is the outcome
            checks.failures.insert(0, self._failure(error))
            if main is None or not main.done():
                return None
            result = None
        self.choices.calm_down()
        self._end(main)
        return result

    def _end(self, main: Any) -> None:
        """The program is done: look at what it has left, and end that."""
        checks = self.checks
        checks.main_is_done()
        try:
            end_tasks(self)
        except BaseException as error:
            checks.failures.append(self._failure(error))
        else:
            checks.all_is_done(main)

    def _begin(self, scenario: Scenario) -> Coroutine[Any, Any, Any]:
        return scenario(self) if takes_world(scenario) else scenario()

    def _failure(self, error: BaseException) -> Failure:
        if isinstance(error, Broken):
            return error.failure
        if isinstance(error, Deadlock):
            return Failure("deadlock", f"{error}\n{self.pending_tasks(stuck=True)}", error)
        if isinstance(error, Livelock):
            return Failure("livelock", f"{error}\n{self.pending_tasks()}", error)
        if isinstance(error, Escape):
            failures = self.checks.failures
            failures[:] = [one for one in failures if one.error is not error]  # see `escaped`
            return Failure("escape", str(error), error)
        if isinstance(error, KeyboardInterrupt):
            raise error
        words = f"{type(error).__name__}: {error}"
        if self.trace is not None and self.checks.pending():
            words += f"\n{self.pending_tasks()}"
        return Failure("exception", words, error)

    def pending_tasks(self, stuck: bool = False) -> str:
        """Return a line for each task that is not done: what it waits for, who could wake it.

        *stuck* says that nothing is on its way any more.
        """
        return who_waits(self.checks.pending(), stuck)

    # -- what the loop asks ----------------------------------------------------

    def time(self) -> float:
        """Return the World's time, in seconds."""
        return self.now

    def at_poll(self) -> None:
        """Look at what must hold between two iterations; raises Broken when it does not."""
        if self._dead:
            bury(self.loop)
        self.checks.at_poll()

    def pass_to(self, moment: float) -> None:
        """Let time pass, up to *moment*."""
        self.now = moment
        if moment - START > self.limits.seconds:
            raise Livelock(f"{self.limits.seconds:g} virtual seconds have passed, it is not done")

    def next_moment(self) -> float | None:
        """Return when the first timer is due or the first arrival may come, if that is later."""
        timer: float | None = self.loop.next_timer()
        arrival = self.outside.next_moment(self.now) if self.outside.coming else None
        if timer is None or timer <= self.now:
            return arrival
        return timer if arrival is None else min(timer, arrival)

    def timer_after(self, when: float) -> float | None:
        """Return the moment of the second timer if it is after *when*, or None."""
        moment: float | None = self.loop.timer_after(when)
        return moment

    def add_task(self, task: Any, context: Context | None) -> None:
        """Remember *task*, and whose it is: of the host that *context* names, or that runs."""
        self.tasks.append(task)
        boot = HOST.get() if context is None else context.get(HOST)
        if boot is not None:
            task.boot = boot

    @property
    def last_step(self) -> str:
        """What ran last, if a trace is kept."""
        return self.trace[-1] if self.trace else "the beginning"

    def next_task_number(self) -> int:
        """Return the number of a new task: 1, 2, 3, ..."""
        self._task_number += 1
        return self._task_number

    def renamed(self, name: str) -> None:
        """A task is not called *name* any more: up to Python 3.12 asyncio names them afterwards."""
        if name == f"Task-{self._task_number}":
            self._task_number -= 1

    def name_of(self, task: Any) -> str:
        """Return the name of *task*, the same in every run.

        A task that somebody has made without asking the loop has no number of this World's.
        """
        name: str = task.get_name()
        foreign = not isinstance(task, WORLD_TASKS) and name.startswith("Task-")
        return "Task-x" if foreign else name

    def pick(self, ready: Any) -> int:
        """Choose the entry that runs next; return its position in the ready queue."""
        positions = self.pickable(ready)
        count = len(positions)
        return int(
            positions[self.choices.choose("pick", count, lambda: self._words(ready, positions))]
        )

    def pickable(self, ready: Any) -> Any:
        """Return the positions in the ready queue of the entries that may run next."""
        if self.level == "any":
            return range(len(ready))
        if isinstance(ready[0], Handle):
            return (0,)
        return [at for at, entry in enumerate(ready) if not isinstance(entry, Handle)]

    def _words(self, ready: Any, positions: Any) -> str:
        return " | ".join(entry_label(ready[at]) for at in positions)

    def describe(self, what: Any) -> str:
        """Return what an entry or a callback is called in reports."""
        if hasattr(what, "get_coro"):
            return task_label(what)
        callback = getattr(what, "_callback", what)
        owner = getattr(callback, "__self__", None)
        return task_label(owner) if hasattr(owner, "get_coro") else callback_label(callback)

    # -- outside events --------------------------------------------------------

    def sometime(self, callback: Callable[..., object], *args: Any) -> None:
        """Have ``callback(*args)`` called from outside, at a poll that the schedule chooses.

        Plainly at the next one.  It comes as whatever comes over a socket: behind what
        is ready by then.
        """
        hold = self.choices.choose("event", 1 + self.horizon, lambda: self.describe(callback))
        self.outside.send(self.now, lambda: self.land(callback, args), hold)

    def land(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Have ``callback(*args)`` come from outside now."""
        if self._bell is None:
            self._bell = Bell(self)
        self.landed.append((callback, args))
        self._bell.ring()

    def take_landed(self) -> list[tuple[Callable[..., object], tuple[Any, ...]]]:
        """Return what has landed, to be called."""
        landed, self.landed = self.landed, []
        return landed

    def signal(self, number: int) -> None:
        """Have the program get the signal *number* sometime.

        Raises WorldError when it has no handler for it: it would be killed.
        """
        if number not in self.signal_handlers:
            raise WorldError(f"no handler was added for {signal.Signals(number).name}")
        callback, args = self.signal_handlers[number]
        self.sometime(callback, *args)

    # -- what a program says ---------------------------------------------------

    def background(self, task: Any) -> Any:
        """Say that *task* may be left when the program is done; return it."""
        self.background_tasks.add(task)
        return task

    def always(self, holds: Callable[[], object], words: str) -> None:
        """Have the run fail with *words* when ``holds()`` is false at a poll."""
        self.checks.always(holds, words)

    def eventually(self, holds: Callable[[], object], within: float, words: str) -> None:
        """Have the run fail with *words* unless ``holds()`` is true within so many seconds."""
        self.checks.eventually(holds, within, words)

    def choose(self, count: int, words: str = "") -> int:
        """Return a number below *count*, as the schedule chooses; plainly 0."""
        return self.choices.choose("draw", count, lambda: words)

    # -- hosts -----------------------------------------------------------------

    def host(self, name: str, address: str | None = None) -> Host:
        """Return the host called *name*; it is made when it is named first."""
        if name not in self._hosts:
            self._hosts[name] = Host(self, name, self.network.names.add(name, address))
        return self._hosts[name]

    def here(self) -> Host:
        """Return the host whose code runs."""
        boot = HOST.get()
        return self._hosts["localhost"] if boot is None else boot.host

    def host_at(self, address: str) -> Host | None:
        """Return the host that has *address*, or None."""
        return next((host for host in self._hosts.values() if host.address == address), None)

    def crashed(self, host: Host) -> None:
        """The power of *host* is cut."""
        self._dead = self.watchful = True
        self.network.vanish(host)
        bury(self.loop)

    # -- leaving it ------------------------------------------------------------

    def escape(self, what: str) -> Escape:
        """Return the error for a program that reached for *what*."""
        error = Escape(f"{what} at {caller(self)}: it would leave the World")
        self.escaped(error)
        return error

    def escaped(self, error: Escape) -> None:
        """Remember that the program tried to leave, even if it catches the error."""
        self.checks.failures.append(Failure("escape", str(error), error))

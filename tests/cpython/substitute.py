"""Miniloop under asyncio's name: the modules that test modules import in mode names.

``sys.modules`` gets a facade for ``asyncio`` and for those of its submodules that
have a counterpart here, in this process only and after everything else has been
imported.  A facade looks a name up in

1.  what the harness gives: twins under private names (``_PyTask`` is our Task);
    the names of C twins are left out, so that their tests skip themselves;
2.  the modules of miniloop that are the counterpart, then miniloop itself;
3.  asyncio's own module; such names are *borrowed*, and the report lists them.

Setting a name sets it in all modules that have it, so that ``mock.patch`` reaches
the code that is tested; deleting it brings the former value back, as mock does
when it stops patching.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .targets import PUBLIC_NAMES, modules_with

__all__ = ["Facade", "Taken", "import_all", "substitute"]

#: Submodules of asyncio with a counterpart, and where theirs is.  Those that are
#: not there (yet) are passed over.
COUNTERPARTS: dict[str, tuple[str, ...]] = {
    "base_events": (),
    "base_subprocess": ("net.subprocesses",),
    "coroutines": ("core.coroutines", "support.describe"),
    "events": ("core.handles", "core.timers", "support.current"),
    "futures": ("core.futures", "sync.chaining"),
    "locks": ("sync.locks",),
    "queues": ("sync.queues",),
    "runners": ("sync.runners",),
    "sslproto": ("net.tls", "net.tls_protocol", "net.tls_flow"),
    "streams": ("net.streams",),
    "subprocess": ("net.subprocess",),
    "taskgroups": ("sync.taskgroups",),
    "tasks": (
        "core.tasks",
        "sync.tasks",
        "support.current",
        "sync.combinators",
        "sync.sleeping",
        "sync.threads",
    ),
    "threads": ("sync.threads",),
    "timeouts": ("sync.timeouts",),
}

#: Names of asyncio's C twins, by module; a test class that needs one skips itself.
C_TWINS: dict[str, tuple[str, ...]] = {
    "asyncio.futures": ("_CFuture",),
    "asyncio.tasks": ("_CTask", "_c_"),
}

#: test_futures2 reads this one before it looks whether it is there.
NEEDS_C_TASK = "test_futures2"

_MISSING = object()


@dataclass
class Taken:
    """The names that tests took: from miniloop, and (borrowed) from asyncio itself."""

    ours: set[str] = field(default_factory=set)
    borrowed: set[str] = field(default_factory=set)


class Facade(ModuleType):
    """A module that has no names of its own but shows those of other modules.

    *given* are the names the harness adds, *owners* the modules to look in, in
    order, *real* is asyncio's own module, and *taken* collects what was found where.
    """

    def __init__(
        self,
        real: ModuleType,
        owners: list[ModuleType],
        given: dict[str, Any],
        taken: Taken,
    ) -> None:
        super().__init__(real.__name__, real.__doc__)
        hidden = vars(self)
        hidden["__spec__"] = real.__spec__
        hidden["__file__"] = getattr(real, "__file__", None)
        if hasattr(real, "__path__"):
            hidden["__path__"] = real.__path__
        hidden["__facade__"] = (real, owners, given, taken, {})

    def __getattr__(self, name: str) -> Any:
        real, owners, given, taken, _ = vars(self)["__facade__"]
        if name in given:
            return given[name]
        for alias in (name, *aliases(name)):
            for owner in owners:
                if alias in vars(owner):
                    taken.ours.add(alias)
                    return vars(owner)[alias]
        if name.startswith(C_TWINS.get(real.__name__, ())) or not hasattr(real, name):
            raise AttributeError(f"{self.__name__} has no {name} here")
        value = getattr(real, name)
        if not name.startswith("__") and not isinstance(value, ModuleType):
            taken.borrowed.add(f"{self.__name__}.{name}")
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        real, owners, given, _, former = vars(self)["__facade__"]
        places = [given, *map(vars, owners), vars(real)]
        places = [place for place in places if name in place] or [vars(real)]
        former.setdefault(name, [(place, place.get(name, _MISSING)) for place in places])
        for place in places:
            place[name] = value

    def __delattr__(self, name: str) -> None:
        *_, former = vars(self)["__facade__"]
        for place, value in former.pop(name, ()):
            if value is _MISSING:
                del place[name]
            else:
                place[name] = value


def aliases(name: str) -> tuple[str, ...]:
    """Return the names under which miniloop may have what asyncio calls *name*.

    ``_py_current_task`` is the Python twin of ``current_task``.
    """
    bare = name.removeprefix("_py_")
    return () if bare == name else (bare, "_" + bare)


def import_all() -> None:
    """Import every submodule of asyncio, so that none is found to be missing later."""
    package = importlib.import_module("asyncio")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith(("windows", "__")):
            importlib.import_module(f"asyncio.{module.name}")


def substitute(test_module: str, loop_class: Any, base_class: Any, taken: Taken) -> None:
    """Put facades in asyncio's place for *test_module*, which is imported afterwards.

    *loop_class* is made by whatever makes a loop, and *base_class* is what the test
    finds as BaseEventLoop.  unittest's IsolatedAsyncioTestCase is imported here, so
    that miniloop's Runner drives it.  *taken* collects what tests take from where.
    """
    miniloop: Any = importlib.import_module("miniloop")
    twins: dict[str, dict[str, Any]] = {
        "futures": {"_PyFuture": miniloop.Future},
        "tasks": {"_PyTask": miniloop.Task},
    }
    for describe in ours(("support.describe",)):
        twins["coroutines"] = {"_format_coroutine": vars(describe)["coroutine"]}
    if test_module == NEEDS_C_TASK:
        twins["tasks"]["_CTask"] = miniloop.Task
    facades: dict[str, Any] = {}
    for name, counterparts in COUNTERPARTS.items():
        real = sys.modules[f"asyncio.{name}"]
        owners = [*ours(counterparts), miniloop] if counterparts else []
        facades[name] = Facade(real, owners, twins.get(name, {}), taken)
    given = dict.fromkeys(PUBLIC_NAMES, loop_class)
    given["BaseEventLoop"] = base_class
    given["set_event_loop_policy"] = policy_setter(loop_class)
    package = Facade(sys.modules["asyncio"], [miniloop], facades | given, taken)
    sys.modules["asyncio"] = package
    sys.modules.update({f"asyncio.{name}": facade for name, facade in facades.items()})
    sys.modules.pop("unittest.async_case", None)
    importlib.import_module("unittest.async_case")


def policy_setter(loop_class: Any) -> Callable[[Any], None]:
    """Make loops of *loop_class*, and return what stands in for ``set_event_loop_policy``.

    Policies are asyncio's own, and on their way out there; but tests use them to have
    ``run`` make a loop that they have prepared.
    """
    (current,) = (module for module in modules_with("_loop_factory"))
    current.set_loop_factory(loop_class)

    def set_event_loop_policy(policy: Any) -> None:
        asyncio.set_event_loop_policy(policy)
        current.set_loop_factory(loop_class if policy is None else policy.new_event_loop)

    return set_event_loop_policy


def ours(names: tuple[str, ...]) -> list[ModuleType]:
    """Import and return the submodules *names* of miniloop, without those that it lacks."""
    return [
        importlib.import_module(f"miniloop.{name}")
        for name in names
        if importlib.util.find_spec(f"miniloop.{name}") is not None
    ]

"""asyncio's submodules under miniloop's name: `asyncio.queues` becomes `miniloop.queues`, and so on.

miniloop is laid out by floors, asyncio is flat.  For each submodule of asyncio a module object
`miniloop.X` is made that finds a name where miniloop keeps it: in the files named in COUNTERPARTS,
in files of the same name on any floor, and at last among the package's own names if asyncio's
submodule has that name.  A name found nowhere is an AttributeError (or ImportError) that names
miniloop.  These modules exist only in a cell; miniloop itself has no such submodules.
"""

import asyncio
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

FLOORS = ("core", "sync", "net")
NEWER = ("graph", "tools")  # submodules that miniloop's names include on interpreters without them
COUNTERPARTS = {
    "base_events": ("eventloop", "core.loop", "core.handles", "core.timers"),
    "base_subprocess": ("net.subprocesses",),
    "events": ("core.current", "core.handles", "core.timers", "interface"),
    "exceptions": ("interface",),
    "protocols": ("interface",),
    "selector_events": ("eventloop",),
    "sslproto": ("net.tls",),
    "subprocess": ("net.subprocesses",),
    "tasks": ("core.tasks", "sync.combinators", "sync.sleeping", "sync.timeouts", "sync.threads"),
    "transports": ("interface",),
    "unix_events": ("eventloop", "net.unix", "net.pipes"),
}


class Namespace(ModuleType):
    """The module `miniloop.<short>` of a cell: looks names up in miniloop when they are asked for.

    Raises AttributeError, naming itself, for a name that miniloop does not have.
    """

    def __init__(self, package: ModuleType, short: str) -> None:
        super().__init__(f"{package.__name__}.{short}")
        self.__package = package
        self.__short = short
        self.__path__: list[str] = []  # `import asyncio.queues` needs it of no one, tools look

    def __getattr__(self, name: str) -> object:
        if name == "__all__":
            return [public for public in self.__theirs() if self.__find(public) is not MISSING]
        found = MISSING if name.startswith("__") else self.__find(name)
        if found is MISSING:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return found

    def __dir__(self) -> list[str]:
        return sorted(name for name in self.__theirs() if self.__find(name) is not MISSING)

    def __theirs(self) -> list[str]:
        theirs = real_submodule(self.__short)
        return list(getattr(theirs, "__all__", ()))

    def __find(self, name: str) -> object:
        for module in counterparts(self.__package, self.__short):
            if name in vars(module):
                return vars(module)[name]
        theirs = real_submodule(self.__short)
        if theirs is None or hasattr(theirs, name):
            return getattr(self.__package, name, MISSING)
        return MISSING


MISSING = object()


def real_submodule(short: str) -> ModuleType | None:
    """Return asyncio's own submodule of that name, or None where this interpreter has none."""
    try:
        return importlib.import_module("asyncio." + short)
    except ImportError:
        return None


def counterparts(package: ModuleType, short: str) -> Iterator[ModuleType]:
    """Yield the modules of `package` that hold what asyncio keeps in its submodule `short`."""
    names = [*COUNTERPARTS.get(short, ()), *(f"{floor}.{short}" for floor in FLOORS)]
    for name in names:
        full = f"{package.__name__}.{name}"
        try:
            yield importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name is None or not full.startswith(error.name):
                raise  # it is there, but something that it needs is not


def add_submodules(package: ModuleType) -> None:
    """Give `package` the submodules that asyncio has, except where it has its own."""
    shorts = {module.name for module in pkgutil.iter_modules(asyncio.__path__)}
    for short in sorted(shorts.union(NEWER)):
        if short.startswith(("_", "windows_", "proactor_")):
            continue
        module = getattr(package, short, None)
        if not isinstance(module, ModuleType):
            module = Namespace(package, short)
            setattr(package, short, module)
        sys.modules.setdefault(f"{package.__name__}.{short}", module)

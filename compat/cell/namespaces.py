"""asyncio's submodules under miniloop's name: `asyncio.queues` as `miniloop.queues`, ...

miniloop is laid out by floors, asyncio is flat.  For each submodule of asyncio a module object
`miniloop.X` is made, which takes each name from where miniloop keeps it: the files named in
COUNTERPARTS, files of the same name on any floor, or else the package, if asyncio's submodule has
that name.  asyncio's constants are numbers and stay what they are.  A name found nowhere is an
AttributeError (or ImportError) that names miniloop.  These modules exist only in a cell; miniloop
itself has no such submodules.
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
    "events": ("support.current", "core.handles", "core.timers", "interface"),
    "exceptions": ("interface",),
    "log": ("support.describe",),
    "protocols": ("interface",),
    "selector_events": ("eventloop",),
    "sslproto": ("net.tls",),
    "subprocess": ("net.subprocess",),
    "tasks": (
        "core.tasks",
        "sync.tasks",
        "sync.combinators",
        "sync.sleeping",
        "sync.timeouts",
        "sync.threads",
    ),
    "transports": ("interface",),
    "trsock": ("interface",),
    "unix_events": ("eventloop", "net.unix", "net.pipes"),
}


def namespace(package: ModuleType, short: str) -> ModuleType:
    """Return a new module `miniloop.<short>` with all of asyncio's names that miniloop has.

    It is filled now and not by a `__getattr__`, which would show up in the program's tracebacks.
    """
    module = ModuleType(f"{package.__name__}.{short}", f"asyncio's {short}, by miniloop's names.")
    module.__path__ = []
    theirs = real_submodule(short)
    for name, value in vars(theirs).items() if theirs else ():
        dunder_or_module = name.startswith("__") or isinstance(value, ModuleType)
        if not dunder_or_module and hasattr(package, name):
            setattr(module, name, getattr(package, name))
        elif name.isupper() and short == "constants":
            setattr(module, name, value)
    own: list[str] = []
    for counterpart in counterparts(package, short):
        public = getattr(counterpart, "__all__", ())
        shared = [name for name in vars(theirs) if name in vars(counterpart)] if theirs else []
        for name in (*shared, *public):
            if not name.startswith("__") and not isinstance(vars(counterpart)[name], ModuleType):
                setattr(module, name, vars(package).get(name, vars(counterpart)[name]))
        own += public
    names = getattr(theirs, "__all__", own)
    vars(module)["__all__"] = [name for name in names if hasattr(module, name)]
    return module


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
            module = namespace(package, short)
            setattr(package, short, module)
        sys.modules.setdefault(f"{package.__name__}.{short}", module)

"""Make every loop that the program makes be the cell's.

asyncio makes loops in three places: the default policy's `_loop_factory` (used by `asyncio.run`,
`Runner`, `new_event_loop`, `get_event_loop` and the policy objects), and the classes
`SelectorEventLoop` and `EventLoop` that a program may call, subclass or pass as `loop_factory`.
All three are replaced.  The policy itself is not: it stays the default one, which is deprecated to
set on new interpreters, and a program that puts the default policy back gets the cell's loop too.
A program that asks for uvloop by name gets uvloop.

miniloop has no policies.  With its names the program finds asyncio's, and its loops are made by the
policy, so that a program with a policy of its own, or with `uvloop.install()`, does the same.  On
another loop than miniloop's `isinstance(task, asyncio.Task)` is true of that loop's tasks as well.
"""

import asyncio
import sys
from typing import Any

LoopClass = type[asyncio.AbstractEventLoop]
POLICIES = (
    "AbstractEventLoopPolicy",
    "DefaultEventLoopPolicy",
    "get_event_loop_policy",
    "set_event_loop_policy",
)


def loop_class(loop: str) -> LoopClass:
    """Return the loop class that the word `loop` stands for, callable with an optional selector.

    Raises ImportError when that loop is not installed.
    """
    if loop == "miniloop":
        from .packages import miniloop

        return miniloop().EventLoop  # type: ignore[no-any-return]
    if loop == "uvloop":
        return selector_blind_uvloop()
    return asyncio.SelectorEventLoop


def selector_blind_uvloop() -> LoopClass:
    """Return uvloop's loop as a class that accepts, and ignores, a selector as asyncio's does."""
    import uvloop

    class Loop(uvloop.Loop):
        def __init__(self, _selector: object = None) -> None:
            super().__init__()

    Loop.__module__, Loop.__qualname__ = "uvloop", "Loop"
    return Loop


def install(names: str, loop: str, instead: Any = None) -> None:
    """Make `loop` what asyncio's functions make, and miniloop's functions if `names` says so.

    instead: the class of the loops that are made, if not the usual one.
    """
    made_by_asyncio = asyncio.SelectorEventLoop
    cls = loop_class(loop) if instead is None else instead
    if cls is not made_by_asyncio:
        default_policy()._loop_factory = cls
        for module in (asyncio, sys.modules.get("asyncio.unix_events")):
            for name in ("SelectorEventLoop", "EventLoop"):
                if hasattr(module, name):
                    setattr(module, name, cls)
    if names == "miniloop":
        from .packages import miniloop

        package = miniloop()
        from miniloop.support import current  # loaded from our own place by miniloop() just above

        current.set_loop_factory(asyncio.new_event_loop)
        for name in POLICIES:
            if name in vars(asyncio):
                setattr(package, name, vars(asyncio)[name])
        if loop != "miniloop" or instead is not None:
            for name in ("SelectorEventLoop", "EventLoop"):
                setattr(package, name, cls)
        if loop != "miniloop":
            future, task = of_any_make(package.Future, package.Task)
            vars(package).update(Future=future, Task=task)


def of_any_make(future: Any, task: Any) -> tuple[type, type]:
    """Return the classes `future` and `task` as what asyncio's own are instances of, too."""

    class Either(type):
        def __instancecheck__(cls, instance: object) -> bool:
            if cls in like and isinstance(instance, like[cls]):
                return True
            return super().__instancecheck__(instance)

    Future = Either("Future", (future,), {"__slots__": (), "__module__": future.__module__})  # noqa: N806
    Task = Either("Task", (task, Future), {"__slots__": (), "__module__": task.__module__})  # noqa: N806
    like = {Future: asyncio.Future, Task: asyncio.Task}
    return Future, Task


def default_policy() -> Any:
    """Return the class of asyncio's default policy, which newer versions call private."""
    events = sys.modules["asyncio.unix_events"]
    for name in ("_DefaultEventLoopPolicy", "DefaultEventLoopPolicy"):
        if name in vars(events):
            return vars(events)[name]
    raise ImportError("this interpreter's asyncio has no default event loop policy")


def count_loops(loop: str, counts: dict[str, int]) -> None:
    """Count in `counts`, by class name, the loops made from now on.

    Lets the parent say when a program made no loop of the cell's kind: then a comparison that
    finds no difference has compared nothing.
    """
    classes: list[Any] = [asyncio.base_events.BaseEventLoop]
    if loop != "asyncio":
        base = loop_class(loop)
        classes.append(base if loop == "miniloop" else base.__mro__[1])
    for cls in classes:
        cls.__init__ = counting(cls.__init__, counts)


def counting(original: Any, counts: dict[str, int]) -> Any:
    """Return an `__init__` that does what `original` does and counts the object's loop class."""

    def __init__(self: Any, *args: Any, **keywords: Any) -> None:  # noqa: N807
        cls = type(self)
        name = f"{cls.__module__}.{cls.__qualname__}"
        counts[name] = counts.get(name, 0) + 1
        original(self, *args, **keywords)

    __init__.__wrapped__ = original  # type: ignore[attr-defined]
    return __init__

"""Let the interpreters that `multiprocessing` starts for the program be the same cell.

With the start methods "spawn" and "forkserver" the program's functions run in a new interpreter
that knows nothing of cells.  All of these are started through `multiprocessing.util`'s
`spawnv_passfds` with `-c CODE`; once the program imports that module, CODE gets a prefix that runs
`launch.py` in the new interpreter.  (Forked children are copies of the cell and need nothing.)
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from os.path import abspath, dirname, join
from types import ModuleType
from typing import Any

from . import names as substitution
from .names import ProgramFinder

STARTER = "multiprocessing.util"
STARTS = ("from multiprocessing.spawn import", "from multiprocessing.forkserver import")


class Watcher:
    """Finds nothing itself; calls `then` with the module STARTER once that has been executed."""

    def __init__(self, then: Callable[[ModuleType], None]) -> None:
        self.then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return STARTER's spec with a loader that tells; None for all others."""
        if fullname != STARTER:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = Telling(spec.loader, self.then)
        return spec


class Telling(Loader):
    """Loads as `loader` does and then calls `then` with the module."""

    def __init__(self, loader: Any, then: Callable[[ModuleType], None]) -> None:
        self.loader = loader
        self.then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave it to the loader."""
        module: ModuleType | None = self.loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module as the loader does, and tell."""
        self.loader.exec_module(module)
        self.then(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)  # get_source and the like, for inspect and linecache


def watch(names: str, loop: str, finder: ProgramFinder) -> None:
    """Make the processes that the program's `multiprocessing` starts become the same cell."""
    cell = (names, loop, list(finder.roots), finder.package)
    launch = join(dirname(abspath(__file__)), "launch.py")
    prefix = (
        f"__import__('runpy').run_path({launch!r}, {{'CELL': {cell!r}}}, '_miniloop_spawned'); "
    )

    def patch(util: Any) -> None:
        original = util.spawnv_passfds

        def spawnv_passfds(path: Any, args: Sequence[Any], passfds: Any) -> Any:
            return original(path, [with_prefix(prefix, word) for word in args], passfds)

        util.spawnv_passfds = spawnv_passfds

    if STARTER in sys.modules:
        patch(sys.modules[STARTER])
    else:
        sys.meta_path.insert(0, Watcher(patch))


def with_prefix(prefix: str, word: Any) -> Any:
    """Return a word of a command line, with `prefix` if it is the code of a new interpreter."""
    return prefix + word if isinstance(word, str) and word.startswith(STARTS) else word


def enter(names: str, loop: str, roots: list[str], package: str) -> None:
    """Become the cell in an interpreter that `multiprocessing` has started."""
    from .program import become

    finder = ProgramFinder(roots, package)
    become(names, loop, finder)
    if names == "miniloop":
        rename_main(finder)


def rename_main(finder: ProgramFinder) -> None:
    """Substitute the names in the program's main file too.

    `multiprocessing` runs that by `runpy.run_path`, past every finder.
    """
    import runpy

    original = runpy.run_path

    def run_path(path: Any, init_globals: Any = None, run_name: Any = None) -> Any:
        if not (isinstance(path, str) and path.endswith(".py") and finder.owns(run_name, path)):
            return original(path, init_globals, run_name)
        with open(path, "rb") as file:
            code = substitution.compiled(file.read(), path)
        namespace = dict(init_globals or {}, __name__=run_name, __file__=path, __spec__=None)
        namespace.update(__package__="", __loader__=None, __cached__=None)
        exec(code, namespace)
        return namespace

    runpy.run_path = run_path  # type: ignore[assignment]

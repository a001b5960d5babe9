"""Run one program as `__main__`, as python itself would, in a process that has become a cell.

The program sees what it sees under `python program.py`: `sys.argv`, `sys.path[0]`, `__file__`,
`__spec__`, `__name__`, its exit status, its traceback without our frames, the interpreter's
handling of KeyboardInterrupt and SystemExit.  What differs: `sys.orig_argv`, and asyncio is
imported already, so that no cell pays for an import that another one does not.

Kinds of target
    script      a file, or a directory with a `__main__.py`
    module      as `python -m`
    function    `module:function`, called without arguments and run by the names' `run` if it
                returns a coroutine; an int that it returns is the exit status
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from os import getcwd, listdir
from os.path import abspath, dirname, isdir, isfile, join, realpath
from types import CodeType, TracebackType
from typing import Any, NoReturn

from . import names as substitution
from .loops import install, loop_class
from .names import ProgramFinder
from .recorded import DUMP, PREFIX, dump_on_signal, recorded_class
from .report import Report

UNUSABLE = 2  # exit status for a target that cannot be run at all
KEPT = ("asyncio", "miniloop", "__main__")


def main(arguments: list[str], at_start: frozenset[str]) -> None:
    """Become the cell and run the program that `arguments` name; see `launch.py` for their order.

    at_start: the modules that the interpreter had loaded before our own.
    """
    names, loop, report_path, kind, target, *rest = arguments
    plain = report_path != DUMP and not report_path.startswith(PREFIX)
    report = Report(report_path if plain else "-")
    finder = ProgramFinder(*belongings(kind, target))
    try:
        instead = None
        if report_path.startswith(PREFIX):
            instead = recorded_class(report_path, names, loop, target, kind, loop_class)
        become(names, loop, finder, instead)
        if report_path == DUMP:
            dump_on_signal(target, kind)
    except ImportError as error:
        give_up(report, f"{error}")
    directory = dirname(realpath(target)) if kind == "script" and not isdir(target) else ""
    sys.argv[:] = [target, *rest]
    first = abspath(target) if kind == "script" and isdir(target) else directory or getcwd()
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, first)
    release_names(first, at_start)
    namespace: dict[str, Any] = sys.modules["__main__"].__dict__
    if kind == "function":
        call(names, loop, target, report)
        return
    try:
        spec, code = loaded(kind, target, names)
    except ImportError as error:
        give_up(report, str(error))
    except SyntaxError:
        show_only_theirs()
        raise
    fill_main(namespace, spec, abspath(target))
    report.started(loop)
    try:
        exec(code, namespace)
    except SystemExit:
        raise
    except BaseException:
        show_only_theirs()
        raise


def loaded(kind: str, target: str, names: str) -> tuple[ModuleSpec | None, CodeType]:
    """Return the spec and the code of the program; raises ImportError where there is none."""
    if kind == "module":
        sys.argv[0] = "-m"
        spec, code = found_module(target)
        sys.argv[0] = spec.origin or target
        return spec, code
    if isdir(target):
        package = PathFinder.find_spec("__main__", [abspath(target)])
        if package is None:
            raise ImportError(f"no __main__.py in {target}")
        return package, script_code(join(target, "__main__.py"), names)
    return None, script_code(target, names)


def belongings(kind: str, target: str) -> tuple[list[str], str]:
    """Return the directories and the package whose modules are the program's own."""
    if kind != "script":
        return [getcwd()], target.partition(":")[0].partition(".")[0]
    return [realpath(target) if isdir(target) else dirname(realpath(target))], ""


def become(names: str, loop: str, finder: ProgramFinder, instead: Any = None) -> None:
    """Set names and loop in this process.  Raises ImportError if a library is missing.

    instead: the class of the loops, if not the usual one.
    """
    install(names, loop, instead)
    if names == "miniloop":
        from .namespaces import add_submodules
        from .packages import miniloop

        add_submodules(miniloop())
        sys.meta_path.insert(0, finder)
    if names != "asyncio" or loop != "asyncio":
        from .spawned import watch

        watch(names, loop, finder)


def release_names(directory: str, at_start: frozenset[str]) -> None:
    """Forget the modules loaded for our purposes that the program has modules of its own for.

    Without us, a `json.py` next to the program would be what its `import json` finds; if we had
    imported the library's first, it would not.  Folders without an `__init__.py` do not count:
    the library's module wins over those.
    """
    try:
        entries = listdir(directory)
    except OSError:
        return
    for entry in entries:
        name = entry.removesuffix(".py")
        is_module = name != entry or isfile(join(directory, entry, "__init__.py"))
        if is_module and name in sys.modules and name not in at_start and name not in KEPT:
            for loaded in [key for key in sys.modules if (key + ".").startswith(name + ".")]:
                del sys.modules[loaded]


def script_code(path: str, names: str) -> CodeType:
    """Return the compiled program in the file `path`.  Raises SyntaxError; ImportError if none."""
    full = abspath(path)
    try:
        with open(full, "rb") as file:
            source = file.read()
    except OSError as error:
        raise ImportError(f"cannot read {path}: {error.strerror}") from None
    if names == "miniloop":
        return substitution.compiled(source, full)
    return compile(source, full, "exec", dont_inherit=True)


def found_module(name: str) -> tuple[ModuleSpec, CodeType]:
    """Return the spec and code of what `python -m name` would run.  Raises ImportError."""
    try:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(name + ".__main__")
    except (ImportError, ValueError, AttributeError) as error:
        raise ImportError(f"cannot find the module {name}: {error}") from None
    if spec is None:
        raise ImportError(f"there is no module {name}, or it is a package without a __main__")
    return spec, code_of(spec)


def code_of(spec: ModuleSpec) -> CodeType:
    """Return the code of the module that `spec` describes.  Raises ImportError, SyntaxError."""
    loader: Any = spec.loader
    code = loader.get_code(spec.name) if hasattr(loader, "get_code") else None
    if code is None:
        raise ImportError(f"there is no Python code for the module {spec.name}")
    return code  # type: ignore[no-any-return]


def fill_main(namespace: dict[str, Any], spec: ModuleSpec | None, path: str) -> None:
    """Make `namespace` what python makes of `__main__` before the program's first line."""
    namespace.clear()
    namespace.update(
        __name__="__main__",
        __doc__=None,
        __package__=spec.parent if spec else None,
        __loader__=spec.loader if spec else SourceFileLoader("__main__", path),
        __spec__=spec,
        __file__=spec.origin if spec else path,
        __cached__=spec.cached if spec else None,
        __builtins__=sys.modules["builtins"],
    )
    if sys.version_info < (3, 14):
        namespace["__annotations__"] = {}


def call(names: str, loop: str, target: str, report: Report) -> None:
    """Import the module of `module:function`, call the function, and wait for what it returns."""
    from importlib import import_module

    module_name, _, function_name = target.partition(":")
    try:
        if find_spec(module_name) is None:
            give_up(report, f"there is no module {module_name}")
    except (ImportError, ValueError) as error:
        give_up(report, f"cannot find the module {module_name}: {error}")
    report.started(loop)
    try:
        function: Any = import_module(module_name)
        for part in function_name.split("."):
            function = getattr(function, part, None)
        if not callable(function):
            give_up(report, f"the module {module_name} has no function {function_name}")
        result = function()
        if hasattr(result, "send") and hasattr(result, "throw"):
            result = sys.modules[names].run(result)
    except SystemExit:
        raise
    except BaseException:
        show_only_theirs()
        raise
    if isinstance(result, int) and not isinstance(result, bool):
        sys.exit(result)


def give_up(report: Report, reason: str) -> NoReturn:
    """Say in one sentence why the target cannot be run, and end with status 2."""
    report.unusable(reason)
    sys.stderr.write(f"miniloop: {reason}\n")
    sys.exit(UNUSABLE)


def show_only_theirs() -> None:
    """Let the traceback that python is about to print begin with the program's own frames.

    Wraps whatever `sys.excepthook` is by now, so that a program's own hook is respected.
    """
    hook = sys.excepthook

    def trimmed(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        while trace is not None and is_ours(trace):
            trace = trace.tb_next
        hook(kind, error.with_traceback(trace), trace)

    sys.excepthook = trimmed


def is_ours(trace: TracebackType) -> bool:
    """Return whether a traceback's first frame lies in this directory, or imports for us."""
    name = trace.tb_frame.f_code.co_filename
    return name.startswith((dirname(__file__), "<frozen importlib")) or (
        name.endswith("importlib/__init__.py") and trace.tb_frame.f_code.co_name == "import_module"
    )

"""Make `asyncio` mean miniloop in the program's own modules, and nowhere else.

How
    A finder, first on `sys.meta_path`, watches for modules that lie in the program's own
    directories.  Their source is parsed, every import of asyncio is turned into one of miniloop,
    and the result is compiled under the same file name with the same line numbers: tracebacks,
    `inspect.getsource`, pickling and debuggers see the file as it is.  Nothing is written to
    `__pycache__`, and no frame of ours is in any traceback.

What is turned
    import asyncio [as a]            import miniloop as asyncio [as a]
    import asyncio.queues            import miniloop.queues as asyncio, miniloop as asyncio
    import asyncio.queues as q       import miniloop.queues as q
    from asyncio[.queues] import x   from miniloop[.queues] import x
    import_module("asyncio..."), __import__("asyncio...")    the same with "miniloop..."

What is not
    Names worked out at run time: `import_module(variable)`, `exec("import asyncio")`,
    `sys.modules["asyncio"]`, `mock.patch("asyncio.sleep")`.  Modules that some other finder loads
    (pytest's rewritten test modules, zip files).
"""

import ast
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from os import sep
from os.path import abspath, dirname
from types import CodeType, ModuleType

THEIRS, OURS = "asyncio", "miniloop"
INSTALLED = (f"{sep}site-packages{sep}", f"{sep}dist-packages{sep}")
STDLIB = dirname(abspath(os.__file__)) + sep  # may lie below the program: a home, its pyenv
IMPORTING_CALLS = ("import_module", "__import__")


def renamed(name: str) -> str | None:
    """Return miniloop's name for asyncio's module `name`, or None if it is another module."""
    if name == THEIRS or name.startswith(THEIRS + "."):
        return OURS + name[len(THEIRS) :]
    return None


class Renamer(ast.NodeTransformer):
    """Turns a module's imports of asyncio into imports of miniloop, keeping their places."""

    def visit_Import(self, node: ast.Import) -> ast.Import:
        """Turn `import ...asyncio...`; other modules in the same statement stay."""
        node.names = [new for alias in node.names for new in self.aliases(alias)]
        return node

    def aliases(self, alias: ast.alias) -> list[ast.alias]:
        """Return what replaces one `name as asname` of an import statement."""
        name = renamed(alias.name)
        if name is None:
            return [alias]
        bound = [(name, alias.asname or THEIRS)]
        if "." in name and alias.asname is None:
            bound.append((OURS, THEIRS))  # `import a.b` binds `a`, once `a.b` is imported
        return [ast.copy_location(ast.alias(name=what, asname=to), alias) for what, to in bound]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        """Turn `from asyncio... import ...`; relative imports are the program's own."""
        if not node.level and node.module:
            node.module = renamed(node.module) or node.module
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Turn the constant in `import_module("asyncio")` and `__import__("asyncio")`."""
        self.generic_visit(node)
        called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        if called in IMPORTING_CALLS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                first.value = renamed(first.value) or first.value
        return node


def compiled(source: bytes, path: str) -> CodeType:
    """Compile `source`, as the file `path`, with its imports of asyncio turned.

    Raises what `compile` raises.
    """
    if THEIRS.encode() not in source:
        return compile(source, path, "exec", dont_inherit=True)
    tree = compile(source, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    renamed_tree: ast.Module = Renamer().visit(tree)
    return compile(renamed_tree, path, "exec", dont_inherit=True)


class RenamedModule(SourceFileLoader):
    """Loads one of the program's modules from code that the finder has compiled already.

    The finder compiles, so that a syntax error can be left to the ordinary loader: raised from
    here it would show our frames.
    """

    def __init__(self, fullname: str, path: str, code: CodeType) -> None:
        super().__init__(fullname, path)
        self.code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        """Return the module's code."""
        return self.code


class ProgramFinder:
    """Finds the program's own modules: those in its directories and, for `-m`, in its package.

    roots: directories with a separator at their end.  package: a top-level name that is the
    program's own wherever it is installed, or "".
    """

    def __init__(self, roots: Sequence[str], package: str) -> None:
        self.roots = tuple(abspath(root).rstrip(sep) + sep for root in roots)
        self.package = package

    def owns(self, fullname: str, path: str) -> bool:
        """Return whether the module `fullname` in the file `path` is the program's own."""
        top = fullname.partition(".")[0]
        if top in (OURS, THEIRS):
            return False
        if top == self.package:
            return True
        path = abspath(path)
        installed = path.startswith(STDLIB) or any(part in path for part in INSTALLED)
        return path.startswith(self.roots) and not installed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of the program's own modules, or None for any other."""
        spec = self.rest_find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return spec
        if type(spec.loader) is SourceFileLoader and self.owns(fullname, spec.origin):
            try:
                code = compiled(spec.loader.get_data(spec.origin), spec.origin)
            except (SyntaxError, ValueError, OSError):
                return spec  # the ordinary loader fails in the same way, and shows it better
            spec.loader = RenamedModule(fullname, spec.origin, code)
        return spec

    def rest_find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        """Return what the finders after this one find."""
        finders = iter(list(sys.meta_path))
        for finder in finders:
            if finder is self:
                break
        for finder in finders:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None

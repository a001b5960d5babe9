"""The rules of the house, as tests: who imports asyncio, how large things may grow, what is said.

Who may import whom among the floors is checked by import-linter (`make lint`).
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

HOUSE = Path(__file__).resolve().parent.parent
PACKAGES = ("miniloop", "protocols", "compat")
TOP_LEVEL = {*PACKAGES, "tests", "pyproject.toml", "README.md", "LICENSE", "Makefile"}

HEART_LINES = 1300
FILE_LINES = 500
#: Lines of a function without its docstring: about one screen.
FUNCTION_LINES = 40
#: The functions that may be longer, each with its own limit.
LONG_FUNCTIONS = {
    "miniloop/core/loop.py:Loop.iterations": 60,  # the hot loop: one screen, never two
}

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def sources(*folders: str) -> list[Path]:
    """Return every Python file below *folders*, which are named from the top of the checkout."""
    return sorted(path for folder in folders for path in (HOUSE / folder).rglob("*.py"))


def place(path: Path) -> str:
    """Return how *path* is named in a message: from the top of the checkout."""
    return path.relative_to(HOUSE).as_posix()


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of *path*."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield every function and class in *tree* with its dotted name, nested ones included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition):
            inside = "." if isinstance(node, ast.ClassDef) else ".<locals>."
            yield prefix + node.name, node
            yield from definitions(node, prefix + node.name + inside)
        else:
            yield from definitions(node, prefix)


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the absolute name of every module that *tree* imports, by statement or by call."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines *function* has from `def` to its end, its docstring left out."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_the_top_level_holds_nothing_else() -> None:
    found = {path.name for path in HOUSE.iterdir() if not path.name.startswith(".")}
    assert found - TOP_LEVEL == set()
    assert TOP_LEVEL - found == set()


def test_only_the_interface_imports_asyncio() -> None:
    importers = {
        place(path)
        for path in sources("miniloop")
        if any(name.split(".")[0] == "asyncio" for name in imported(parse(path)))
    }
    assert importers == {"miniloop/interface.py"}


def test_every_part_of_miniloop_is_on_a_floor() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())
    contracts = {entry["id"]: entry for entry in project["tool"]["importlinter"]["contracts"]}
    floors = {floor.strip("()") for floor in contracts["floors"]["layers"]}
    parts = {
        f"miniloop.{path.stem}"
        for path in (HOUSE / "miniloop").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts - floors == {"miniloop.__init__"}


def test_the_heart_can_be_read_in_an_afternoon() -> None:
    files = {place(path): len(path.read_text().splitlines()) for path in sources("miniloop/core")}
    assert sum(files.values()) <= HEART_LINES, files


def test_no_file_is_long() -> None:
    files = {
        place(path): len(path.read_text().splitlines()) for path in sources(*PACKAGES, "tests")
    }
    assert {name: lines for name, lines in files.items() if lines > FILE_LINES} == {}


def test_a_function_fits_one_screen() -> None:
    lengths = {
        f"{place(path)}:{name}": length(node)
        for path in sources(*PACKAGES)
        for name, node in definitions(parse(path))
        if not isinstance(node, ast.ClassDef)
    }
    too_long = {
        name: lines
        for name, lines in lengths.items()
        if lines > LONG_FUNCTIONS.get(name, FUNCTION_LINES)
    }
    assert too_long == {}
    unused = [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_LINES]
    assert unused == [], "these need no exception, or are gone"


@pytest.mark.parametrize("path", sources("miniloop"), ids=place)
def test_whatever_is_public_says_what_it_is(path: Path) -> None:
    tree = parse(path)
    silent = [name for name, node in definitions(tree) if must_speak(name, node)]
    assert ast.get_docstring(tree), "the module has no docstring"
    assert silent == []


def must_speak(name: str, node: Definition) -> bool:
    """Return whether *node* is public, is no variant of another definition, and has no docstring.

    What is defined inside a function is not public, and neither are magic methods.
    """
    variants = {"overload", "setter", "deleter", "override"}
    decorators = {ast.unparse(decorator).split(".")[-1] for decorator in node.decorator_list}
    hidden = any(part.startswith(("_", "<")) for part in name.split("."))
    return not (hidden or decorators & variants or ast.get_docstring(node))


@pytest.mark.parametrize("path", sources("miniloop"), ids=place)
def test_what_to_read_next_exists(path: Path) -> None:
    _, found, rest = (ast.get_docstring(parse(path)) or "").partition("Read next:")
    if not found:
        return
    target = rest.split()[0].rstrip(".,;:").removesuffix("()")
    candidates = (path.parent / target, HOUSE / "miniloop" / target, HOUSE / target)
    assert any(candidate.exists() for candidate in candidates), target

"""The list of differences and the tests that show them are the same list."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import miniloop

LIST = Path(miniloop.__file__).with_name("DIFFERENCES.md")


def listed() -> list[str]:
    """Return the names of the entries."""
    return re.findall(r"^- `(\w+)`: \S", LIST.read_text(encoding="utf-8"), re.MULTILINE)


def shown() -> list[str]:
    """Return the names of the tests, without what makes them tests."""
    names: list[str] = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path != Path(__file__):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names += [
                node.name.removeprefix("test_")
                for node in tree.body
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
            ]
    return names


def test_each_entry_has_its_test_and_each_test_its_entry() -> None:
    assert Counter(listed()) == Counter(shown())
    assert max(Counter(listed()).values()) == 1


def test_every_entry_is_one_the_program_can_read() -> None:
    for line in LIST.read_text(encoding="utf-8").splitlines():
        assert not line.startswith("-") or re.match(r"- `\w+`: .*\.$", line), line

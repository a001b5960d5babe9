"""What the README promises is run, and compared with what it shows.

Every fenced block of the README that shows commands or Python carries a
comment on the line before it (blank lines may stand between) that says what
becomes of it here; a block without one fails, so nothing is skipped unseen.

    <!-- file: hello.py -->     the block is written to hello.py, for the blocks below it
    <!-- runs -->               a `console` block: its commands run, one after the other, in a
                                shell; a `python` block: it runs as a program
    <!-- runs, status 1 -->     the same, and the last command ends with this exit status
    <!-- not run: reason -->    only read

In a `console` block a line `$ command` is a command and the lines below it are
what it prints, standard error included.  They must appear in that order among
the lines printed; `...` within a line stands for anything, and a line `...`
for any lines, so the other lines must follow each other directly.
All blocks run in one new folder, in the order of the README, in which the
checkout's own files and folders can be reached under their names.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
README = HOUSE / "README.md"

#: The kinds of block that promise something which can be tried.
TRIED = {"console", "python"}
#: The kinds of block that only show something.
SHOWN = {"text", "toml", "ini", "yaml", "json", "mermaid"}

FENCE = re.compile(
    r"(?:^<!--\s*(?P<fate>[^\n]*?)\s*-->\n\s*)?"
    r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FATE = re.compile(
    r"file: (?P<file>[\w./-]+)|runs(?:, status (?P<status>\d+))?|not run: (?P<reason>\S.*)"
)


@dataclass(frozen=True)
class Block:
    """One fenced block: its kind, what is said about it, its text and its first line's number."""

    kind: str
    fate: str
    body: str
    line: int


@dataclass(frozen=True)
class Command:
    """One command of a `console` block, the lines promised, and the exit status promised."""

    text: str
    promised: tuple[str, ...]
    status: int


def blocks(text: str) -> list[Block]:
    """Return every fenced block of *text*, in order."""
    return [
        Block(
            found["kind"].strip(),
            found["fate"] or "",
            found["body"],
            text.count("\n", 0, found.start("body")) + 1,
        )
        for found in FENCE.finditer(text)
    ]


def commands(body: str, status: int = 0) -> list[Command]:
    """Return the commands of a `console` block, of which the last ends with *status*."""
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    if parts[0].strip():
        raise ValueError(f"text before the first command: {parts[0]!r}")
    split = [part.rstrip("\n").split("\n") for part in parts[1:]]
    return [
        Command(text, tuple(promised), status if number == len(split) else 0)
        for number, (text, *promised) in enumerate(split, start=1)
    ]


def missing(promised: tuple[str, ...], printed: str) -> str | None:
    """Return None if *printed* holds the *promised* lines, or else a pattern of what is not there.

    Lines that are not parted by a line `...` must follow each other directly.
    """
    lines = [re.escape(line.rstrip()).replace(r"\.\.\.", ".*") for line in promised]
    position = 0
    printed = "\n".join(line.rstrip() for line in printed.splitlines())
    for group in "\n".join(lines).split("\n.*\n"):
        group = group.removeprefix(".*\n").removesuffix("\n.*")
        if group in ("", ".*"):
            continue
        found = re.compile(f"^{group}$", re.MULTILINE).search(printed, position)
        if found is None:
            return group
        position = found.end()
    return None


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run *command* in a shell in *folder*, this interpreter's commands first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text(encoding="utf-8")


@pytest.mark.timeout(600)
def test_the_readme_keeps_its_promises(text: str, tmp_path: Path) -> None:
    for entry in HOUSE.iterdir():
        if not entry.name.startswith("."):
            (tmp_path / entry.name).symlink_to(entry)
    broken = []
    for block in blocks(text):
        if (said := FATE.fullmatch(block.fate)) is None or block.kind not in TRIED:
            continue
        if said["file"]:
            (tmp_path / said["file"]).write_text(block.body)
        elif not said["reason"]:
            broken += try_block(block, int(said["status"] or 0), tmp_path)
    assert broken == [], "\n\n".join(broken)


def try_block(block: Block, status: int, folder: Path) -> list[str]:
    """Run *block* in *folder* and return what it promised and did not do."""
    if block.kind == "python":
        (folder / "block.py").write_text(block.body)
        todo = [Command(f"{sys.executable} block.py", (), status)]
    else:
        todo = commands(block.body, status)
    broken = []
    for command in todo:
        done = run(command.text, folder)
        lost = missing(command.promised, done.stdout)
        if done.returncode != command.status or lost is not None:
            broken.append(
                f"README.md:{block.line}: {command.text}\n"
                f"exit status {done.returncode}, promised {command.status}\n"
                f"not printed: {lost}\nprinted:\n{done.stdout}"
            )
    return broken


def test_every_block_says_what_becomes_of_it(text: str) -> None:
    silent = [
        f"README.md:{block.line}: {block.kind or 'no kind'}: {block.fate or 'nothing said'}"
        for block in blocks(text)
        if block.kind not in SHOWN
        and (block.kind not in TRIED or FATE.fullmatch(block.fate) is None)
    ]
    assert silent == []
    assert text.count("\n```") == 2 * len(blocks(text)), "a fence that was not read"


def test_python_that_is_shown_compiles(text: str) -> None:
    for block in blocks(text):
        if block.kind == "python":
            compile("\n" * (block.line - 1) + block.body, str(README), "exec")


def test_make_is_asked_only_for_what_it_makes(text: str) -> None:
    makefile = (HOUSE / "Makefile").read_text()
    asked = {
        target
        for block in blocks(text)
        if block.kind == "console"
        for target in re.findall(r"^\$ (?:\w+=\S+ )*make (\w+)", block.body, re.MULTILINE)
    }
    assert {"demo", "test"} <= asked
    assert {target for target in asked if f"\n{target}:" not in makefile} == set()


def test_links_inside_the_checkout_lead_somewhere(text: str) -> None:
    prose = FENCE.sub("", text)
    targets = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", prose)}
    local = {target for target in targets if target and "://" not in target}
    assert {target for target in local if not (HOUSE / target).exists()} == set()


def test_it_promises_no_package_that_is_not_published(text: str) -> None:
    assert re.search(r"\b(?:pip|pipx|uv) +(?:[\w-]+ +)*['\"]?miniloop\b", text) is None


def test_the_reader_of_blocks() -> None:
    sample = (
        "Text\n\n<!-- runs, status 1 -->\n\n```console\n$ a b\none\n...\n$ c\n```\n"
        "<!-- other -->\nprose\n```text\nx\n```\n"
    )
    first, second = blocks(sample)
    assert (first.kind, first.fate, second.kind, second.fate) == (
        "console",
        "runs, status 1",
        "text",
        "",
    )
    assert commands(first.body, 1) == [Command("a b", ("one", "..."), 0), Command("c", (), 1)]


@pytest.mark.parametrize(
    ("promised", "found"),
    [
        ((), True),
        (("two", "three"), True),
        (("one", "...", "three"), True),
        (("...", "t...e", "..."), True),
        (("one", "three"), False),
        (("three", "...", "one"), False),
        (("thre",), False),
        (("o.e",), False),
    ],
)
def test_what_counts_as_printed(promised: tuple[str, ...], found: bool) -> None:
    assert (missing(promised, "one\ntwo\nthree\n") is None) is found


def test_the_museum_s_table_is_what_the_museum_found() -> None:
    results = {}
    for line in (HOUSE / "tests/museum/RESULTS.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7:
            results[cells[0]] = (cells[3], cells[4], cells[6])
    _, table = README.read_text(encoding="utf-8").split("<!-- museum -->\n")
    rows = {}
    for line in table.split("\n\n")[0].splitlines():
        name, *rest = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = tuple(rest)
    del rows["bug"], results["exhibit"]
    assert rows == results

"""A program's tree as Python source: what is printed is what was run.

Every function has a number, higher than that of the function that starts it; a
task awaits tasks of higher numbers only, so no tasks wait for one another in a
circle (cancelling one of those is a stack overflow on any loop).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .grammar import BODIES, FUNCTIONS, TEMPLATES, Block, Operation, Program, hole_kind

#: Begins a file that can be run by itself; the rest is the program as the cells run it.
HEADER = '''\
"""Usage, in the checkout: python FILE [NAMES LOOP], each of them asyncio or miniloop."""
if __name__ == "__main__":
    import sys
    sys.path.insert(0, ".")
    from tests.differential.__main__ import show
    sys.exit(show(__file__, eager={eager}, salt={salt}))
'''

INDENT = "    "
_LEAVE = ["s(await asyncio.sleep(0))"]


@dataclass
class _Writer:
    """Writes the functions of one program, those that they start included."""

    finished: dict[int, list[str]] = field(default_factory=dict)
    functions: int = 0

    def function(self, kind: str, block: Block) -> str:
        """Write a function with the body *block*; return its name."""
        number = self.functions
        self.functions += 1
        name = f"{kind[0]}{number}"
        self.finished[number] = []  # its place is before those of the functions it starts
        body = _Body(self, name, number).block(block)
        match kind:
            case "callback":
                lines = [f"def {name}(*given):", *_indented([f"called('{name}', *given)", *body])]
            case "generator":
                tried = ["yield 1", *body, "yield 2"]
                lines = [
                    f"async def {name}():",
                    INDENT + "try:",
                    *_indented(_indented(tried)),
                    INDENT + "finally:",
                    *_indented(_indented(_step(f"{name} left", "Exception", "s", _LEAVE))),
                ]
            case "opening":
                lines = [f"async def {name}():", *_indented(body)]
            case _:
                lines = [f"async def {name}():", *_indented(body), INDENT + f"return '{name}'"]
        renewed = sorted(set(re.findall(r"^ *(future\d) = ", "\n".join(lines), re.MULTILINE)))
        if renewed:
            lines.insert(1, INDENT + "global " + ", ".join(renewed))
        self.finished[number] = lines
        return name


@dataclass
class _Body:
    """Writes the body of one function."""

    writer: _Writer
    name: str
    number: int
    steps: int = 0

    def block(self, block: Block) -> list[str]:
        lines = [line for operation in block for line in self.operation(operation)]
        return lines or ["pass"]

    def operation(self, operation: Operation) -> list[str]:
        self.steps += 1
        name = f"s{self.steps}"  # steps are nested in steps
        label = f"{self.name}.{self.steps} {operation.kind}"
        template = TEMPLATES[operation.kind]
        holes: dict[str, str] = {"me": str(self.number)}
        blocks: dict[str, list[str]] = {}
        for hole, filling in operation.fillings:
            kind = hole_kind(hole)
            if isinstance(filling, str):
                holes[hole] = filling
            elif kind in BODIES:
                holes[hole] = f"<{hole}>"
                blocks[f"<{hole}>"] = self.block(filling)
            else:
                assert kind in FUNCTIONS
                holes[hole] = self.writer.function(kind, filling)
        text = template.text.format(**holes)
        lines: list[str] = []
        for line in text.splitlines():
            bare = line.lstrip()
            spaces = line[: len(line) - len(bare)]
            bare = re.sub(r"^s\(", f"{name}(", bare)
            lines += [spaces + inner for inner in blocks.get(bare, [bare])]
        if template.is_expression:
            lines = [f"{name}({lines[0]})"]
        return _step(label, operation.catch, name, lines)


def _step(label: str, catch: str, name: str, lines: list[str]) -> list[str]:
    caught = f", {catch}" if catch else ""
    return [f"with step('{label}'{caught}) as {name}:", *_indented(lines)]


def _indented(lines: list[str]) -> list[str]:
    return [INDENT + line for line in lines]


def render(program: Program) -> str:
    """Return the source of *program*, to be run by `cells.perform`.

    Beside the functions of the program it has ``begin``, which starts its tasks.
    """
    writer = _Writer()
    begin = ["def begin():"]
    opening = writer.function("opening", program.opening) if program.opening else ""
    starts = []
    for block in program.tasks:
        name = writer.function("task", block)
        starts.append(f"{INDENT}keep(asyncio.create_task({name}(), name='{name}'))")
    if opening:
        writer.finished[0] += starts
        starts = [f"{INDENT}keep(asyncio.create_task({opening}(), name='{opening}'))"]
    begin += starts
    functions = ["\n".join(lines) for _, lines in sorted(writer.finished.items())]
    if len(begin) == 1:
        begin.append(INDENT + "pass")
    body = "\n\n\n".join([*functions, "\n".join(begin)])
    return "\n\n\n".join(filter(None, ("\n".join(_shared(program, body)), body))) + "\n"


def _shared(program: Program, body: str) -> list[str]:
    used = set(re.findall(r"\w+", body))
    if "cond1" in used:
        used.add("lock0")
    return [f"{name} = {made}" for name, made in program.shared if name in used]


def whole_file(program: Program) -> str:
    """Return *program* as a file that can be run by itself."""
    salt = program.salt if program.opening else None
    return HEADER.format(eager=program.eager, salt=salt) + "\n\n" + render(program)

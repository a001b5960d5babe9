"""Random programs: a tree of operations, made by filling the templates' holes.

The same rules make a program from a seed, which is fast, and from Hypothesis,
which makes it smaller when it fails: all that they need is `Choose`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from string import Formatter
from typing import NamedTuple, TypeAlias

from hypothesis import strategies as st

from . import network_templates
from .templates import (
    DOMAINS,
    EXPRESSIONS,
    FAMILIES,
    MEETING_PLACES,
    NOT_IF_EAGER,
    SHARED,
    STATEMENTS,
)

#: ``choose(n)`` returns a number from 0 to n - 1.
Choose: TypeAlias = Callable[[int], int]

#: Holes that are filled by a block; for those in `FUNCTIONS` it is a function's body.
BODIES = frozenset({"body", "rest"})
FUNCTIONS = frozenset({"child", "callback", "generator"})

#: What a step lets pass: its own failure, or a cancellation, may end the task.
CATCHES = (*["Exception"] * 7, *[""] * 2, "(Exception, asyncio.CancelledError)")

FEWEST_TASKS = 2
LONGEST_BLOCK = 6
DEEPEST = 4
MOST_OPERATIONS = 32
MOST_LINKS = 3


class Operation(NamedTuple):
    """One step: its *kind*, the exceptions it catches, and what fills the template's holes."""

    kind: str
    catch: str
    fillings: tuple[tuple[str, str | tuple[Operation, ...]], ...]


Block: TypeAlias = tuple[Operation, ...]


@dataclass(frozen=True)
class Program:
    """Tasks that start together, the objects they share, and how the loop starts tasks.

    A program of the network first does what is in *opening*, and *salt* decides which of
    the descriptors that are ready at once comes first.
    """

    tasks: tuple[Block, ...]
    shared: tuple[tuple[str, str], ...]
    eager: bool = False
    opening: Block = ()
    salt: int = 0


@dataclass(frozen=True)
class Template:
    """An operation's source, and what there is to fill in."""

    text: str
    holes: tuple[str, ...]
    needs_await: bool
    is_expression: bool


def _templates() -> Iterator[tuple[str, str, Template]]:
    tables = (
        (EXPRESSIONS, True),
        (STATEMENTS, False),
        (network_templates.EXPRESSIONS, True),
        (network_templates.STATEMENTS, False),
    )
    for table, is_expression in tables:
        for family, kinds in table.items():
            for kind, text in kinds.items():
                named = [hole for _, hole, _, _ in Formatter().parse(text) if hole]
                holes = tuple(hole for hole in dict.fromkeys(named) if hole != "me")
                needs_await = "await " in text or "async " in text
                yield family, kind, Template(text, holes, needs_await, is_expression)


_DOMAINS = DOMAINS | network_templates.DOMAINS
TEMPLATES = {kind: template for _, kind, template in _templates()}
_FAMILY = {kind: family for family, kind, _ in _templates()}


@cache
def _kinds(family: str, without: frozenset[str], may_await: bool) -> tuple[str, ...]:
    """Return the kinds of operation to choose from."""
    return tuple(
        kind
        for kind, template in TEMPLATES.items()
        if _FAMILY[kind] == family and kind not in without
        if may_await or not template.needs_await
    )


def hole_kind(hole: str) -> str:
    """Return what fills *hole*: ``child`` for ``child2``."""
    return hole.rstrip("0123456789")


def awaits(hole: str, around: bool) -> bool:
    """Return whether the block in *hole* may wait, given whether the block *around* may."""
    kind = hole_kind(hole)
    return around if kind in BODIES else kind != "callback"


@dataclass
class Growing:
    """A program in the making."""

    choose: Choose
    families: tuple[str, ...]
    without: frozenset[str]
    operations: int = 0
    #: In this program these holes are always filled with the same object.
    same: dict[str, str] = field(default_factory=dict)

    def meet(self) -> None:
        """Choose objects that all tasks use, of which there could be several."""
        for hole in MEETING_PLACES:
            if self.choose(2):
                self.same[hole] = self.fill(hole)

    def pick(self, options: tuple[str, ...]) -> str:
        return options[self.choose(len(options))]

    def fill(self, hole: str) -> str:
        """Return what stands in the place of *hole*."""
        if hole in self.same:
            return self.same[hole]
        domain = _DOMAINS[hole]
        options = tuple(option for option in domain if option not in self.without)
        return self.text(self.pick(options or domain))

    def block(self, depth: int, may_await: bool) -> Block:
        """Return some operations; fewer the deeper they are."""
        longest = max(1, LONGEST_BLOCK - 2 * depth)
        operations = []
        for _ in range(1 + self.choose(longest)):
            if self.operations >= MOST_OPERATIONS:
                break
            operations.append(self.operation(depth, may_await))
        return tuple(operations)

    def operation(self, depth: int, may_await: bool) -> Operation:
        self.operations += 1
        kinds = _kinds(self.pick(self.families), self.without, may_await)
        kind = self.pick(kinds or _kinds("core", self.without, may_await))
        return self.make(kind, depth, may_await)

    def make(self, kind: str, depth: int, may_await: bool) -> Operation:
        """Return an operation of this *kind*, or one that is no deeper than it may be."""
        if depth >= DEEPEST:
            while any(hole_kind(hole) in BODIES | FUNCTIONS for hole in TEMPLATES[kind].holes):
                kind = "turn" if may_await else "cancel"
        fillings = tuple(
            (hole, self.filling(hole, depth, may_await)) for hole in TEMPLATES[kind].holes
        )
        return Operation(kind, self.pick(CATCHES), fillings)

    def filling(self, hole: str, depth: int, may_await: bool) -> str | Block:
        kind = hole_kind(hole)
        if kind in BODIES | FUNCTIONS:
            return self.block(depth + 1, awaits(hole, may_await))
        return self.fill(kind)

    def text(self, template: str) -> str:
        """Fill the holes of a value that has some itself."""
        while "{" in template:
            hole = template[template.index("{") + 1 : template.index("}")]
            template = template.replace("{" + hole + "}", self.fill(hole_kind(hole)), 1)
        return template


def grow(choose: Choose, without: Collection[str] = (), about: Collection[str] = ()) -> Program:
    """Return a program made by *choose*; it does nothing of the kinds *without*.

    Among these ``"eager"`` means that tasks are never started eagerly,
    ``"name if eager"`` leaves out ``"name"`` where they are, and what a hole can
    be filled with is not chosen (unless there is nothing else).  With kinds
    *about*, it does what belongs to their families.
    """
    families = {_FAMILY[kind] for kind in about if kind in _FAMILY}
    chosen = sorted(families) or [FAMILIES[choose(len(FAMILIES))] for _ in range(1 + choose(3))]
    eager = choose(5) == 4 and "eager" not in without
    without = frozenset(without)
    if eager:
        without |= NOT_IF_EAGER | {kind.removesuffix(" if eager") for kind in without}
    growing = Growing(choose, ("core", *chosen), without)
    growing.meet()
    shared = tuple((name, growing.text(made)) for name, made in SHARED.items())
    tasks = tuple(growing.block(0, True) for _ in range(FEWEST_TASKS + choose(3)))
    return Program(tuple(filter(None, tasks)), shared, eager)


def grow_network(
    choose: Choose, without: Collection[str] = (), about: Collection[str] = ()
) -> Program:
    """Return a program of the network made by *choose*; see `grow` for the rest."""
    links = network_templates.LINKS
    kinds = tuple(kind for kind in links if kind in about) or tuple(links)
    kinds = tuple(kind for kind in kinds if kind not in without)
    chosen = [kinds[choose(len(kinds))] for _ in range(1 + choose(MOST_LINKS))]
    families = {_FAMILY[kind] for kind in about if kind in _FAMILY} - {"opening"}
    used = sorted(families) or [family for kind in chosen for family in links[kind]]
    others = network_templates.FAMILIES
    extra = ("opening", others[choose(len(others))])[choose(2) :]
    growing = Growing(choose, ("core", *used, *extra[: choose(3)]), frozenset(without))
    growing.meet()
    opening = tuple(growing.make(kind, 0, True) for kind in chosen)
    shared = tuple((name, growing.text(made)) for name, made in SHARED.items())
    tasks = tuple(growing.block(0, True) for _ in range(FEWEST_TASKS + choose(3)))
    return Program(tuple(filter(None, tasks)), shared, False, opening, choose(4))


def network_from_seed(
    seed: int, without: Collection[str] = (), about: Collection[str] = ()
) -> Program:
    """Return the network program number *seed*; see `grow` for the rest."""
    chance = random.Random(seed).random
    return grow_network(lambda count: int(chance() * count), without, about)


def from_seed(seed: int, without: Collection[str] = (), about: Collection[str] = ()) -> Program:
    """Return the program number *seed*; see `grow` for the rest."""
    chance = random.Random(seed).random
    return grow(lambda count: int(chance() * count), without, about)


@st.composite
def programs(draw: st.DrawFn, without: Collection[str] = ()) -> Program:
    """Return a strategy for programs."""
    return grow(lambda count: draw(st.integers(0, count - 1)), without)


@st.composite
def network_programs(draw: st.DrawFn, without: Collection[str] = ()) -> Program:
    """Return a strategy for programs of the network."""
    return grow_network(lambda count: draw(st.integers(0, count - 1)), without)


def does(program: Program) -> frozenset[str]:
    """Return the kinds of operation in *program*, and what `grow` can be told to leave out."""
    found: set[str] = set()

    def look(block: Block) -> None:
        for operation in block:
            found.add(operation.kind)
            for _, filling in operation.fillings:
                if isinstance(filling, tuple):
                    look(filling)

    for block in (program.opening, *program.tasks):
        look(block)
    if program.eager:
        found |= {"eager", *(f"{kind} if eager" for kind in found)}
    return frozenset(found)

"""The table of the attacks, as Markdown.

Read next: __main__.py
"""

from __future__ import annotations

from pathlib import Path

import protocols.http
from protocols.http.limits import Limits

from .target import Attack

__all__ = ["FILE", "row", "rows", "written"]

FILE = Path(protocols.http.__file__).parent / "ATTACKS.md"

_HEAD = """\
# What the server withstands

Each row is an attack that the tests try (tests/protocols/http/attacks/), with the limits
that are the defaults (protocols/http/limits.py; one that stands in the way of another is
lifted), in a World, where time is exact: floods are a thousand frames in a second.  The
figure is what was measured on the way to the outcome; memory is the worst moment of all
that Python allocated, the attacker, the network and the World's notes included.
`python -m tests.protocols.http.attacks write` writes this file.

| attack | known as | limit | what happens | measured | may be |
|---|---|---|---|---|---|
"""


def row(attack: Attack, value: float) -> str:
    """Return the row of *attack*, for which *value* was measured."""
    limits = Limits()
    defaults = {name: getattr(limits, name) for name in limits.__slots__}
    limit, outcome = attack.limit.format(**defaults), attack.outcome.format(**defaults)
    words = [attack.name, attack.known, limit, outcome, _figure(value, attack.unit)]
    return "| " + " | ".join([*words, _figure(attack.most, "")]) + " |"


def _figure(value: float, unit: str) -> str:
    number = f"{value:,.1f}" if value != int(value) else f"{int(value):,}"
    return f"{number.removesuffix('.0')} {unit}".rstrip()


def written(values: dict[Attack, float]) -> str:
    """Return the whole file."""
    return _HEAD + "".join(row(attack, value) + "\n" for attack, value in values.items())


def rows() -> dict[str, str]:
    """Return the rows of the file as it is, by the attack's name."""
    lines = FILE.read_text().splitlines()
    body = lines[lines.index("|---|---|---|---|---|---|") + 1 :]
    return {line.split(" | ")[0].removeprefix("| "): line for line in body}

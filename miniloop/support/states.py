"""State tables as data, and the plain-text diagram that a docstring carries.

What it is
    An object with states keeps its transitions in a tuple of
    ``(state, event, new state)`` rows.  `diagram` turns the rows into text; the
    module that owns the object pastes that text into its docstring, indented by
    four spaces, and a test asserts `shown_in`, so the picture cannot rot.

Where it differs from asyncio and why
    asyncio describes its states in prose or not at all.

Read next: ../core/__init__.py
"""

from __future__ import annotations

import textwrap
from typing import TypeAlias

#: ``(state, event, new state)``; a state without a row that leaves it is final.
Transition: TypeAlias = tuple[str, str, str]


def diagram(transitions: tuple[Transition, ...]) -> str:
    """Return *transitions* as lines ``state -- event --> new state``, aligned.

    The rows keep their order; a state that repeats is written once.  The text
    is not indented and has no newline at its end.
    """
    state_width = max(len(state) for state, _, _ in transitions)
    event_width = max(len(event) for _, event, _ in transitions)
    lines = []
    shown = None
    for state, event, new_state in transitions:
        name = "" if state == shown else state
        arrow = f"{event} ".ljust(event_width + 1, "-")
        lines.append(f"{name:{state_width}} -- {arrow}--> {new_state}")
        shown = state
    return "\n".join(lines)


def shown_in(docstring: str | None, transitions: tuple[Transition, ...]) -> bool:
    """Tell whether *docstring* carries the diagram of *transitions*, indented by four."""
    return textwrap.indent(diagram(transitions), "    ") in (docstring or "")

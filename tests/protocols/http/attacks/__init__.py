"""Attacks on the server: each is tried, ends as its row says, and costs what is measured.

`python -m tests.protocols.http.attacks write` tries them all and writes the table
protocols/http/ATTACKS.md, of which the tests check every word but the figures, and that
these are no worse than the rows allow.

Read next: target.py
"""

from __future__ import annotations

from . import bodies, credit, floods, heads, sockets, waiting
from .target import ATTACKS, Attack

__all__ = ["ATTACKS", "Attack", "bodies", "credit", "floods", "heads", "sockets", "waiting"]

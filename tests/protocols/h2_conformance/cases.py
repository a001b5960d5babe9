"""A conformance case, and the tables they are kept in.

A case is a function that sends frames, with the section of the RFC it is
written from, a line that says what it does (its docstring) and a verdict on
what the peer does then.  Its name is "suite/section/number", and the order in
a table is that of the sections.

Read next: server_cases_generic.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from .frames import Setting
from .verdicts import Verdict
from .wire import Connection

__all__ = ["NO_WINDOW", "Act", "Case", "ClientAct", "ClientCase", "ClientSuite", "Suite"]

Act: TypeAlias = Callable[[Connection], None]
ClientAct: TypeAlias = Callable[[Connection, int], None]

#: The settings of a client that takes no DATA at first: no response can end.
NO_WINDOW: dict[int, int] = {Setting.INITIAL_WINDOW_SIZE: 0}


@dataclass(frozen=True)
class Case:
    """One thing that a server must do: *act* sends, *verdict* looks."""

    id: str
    rfc: str
    act: Act
    verdict: Verdict
    settings: dict[int, int] = field(default_factory=dict)
    handshake: bool = True

    @property
    def says(self) -> str:
        """What the case does, in one line."""
        return (self.act.__doc__ or "").strip()

    def run(self, peer: Connection) -> None:
        """Test the server at the other end; raises Failed."""
        if self.handshake:
            peer.handshake(self.settings)
        self.act(peer)
        self.verdict(peer)


@dataclass(frozen=True)
class ClientCase:
    """One thing that a client must do, which has sent a GET request.

    *end* sends the rest of a response that the client must get, if it is to get one.
    """

    id: str
    rfc: str
    act: ClientAct
    verdict: Callable[[int], Verdict]
    end: ClientAct | None = None

    @property
    def says(self) -> str:
        """What the case does, in one line."""
        return (self.act.__doc__ or "").strip()

    def run(self, peer: Connection) -> None:
        """Test the client at the other end; raises Failed."""
        stream = peer.welcome()
        self.act(peer, stream)
        self.verdict(stream)(peer)
        if self.end is not None:
            self.end(peer, stream)


class Suite:
    """A table of server cases: `case` adds one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases: list[Case] = []

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def case(
        self,
        number: str,
        rfc: str,
        verdict: Verdict,
        settings: dict[int, int] | None = None,
        *,
        handshake: bool = True,
    ) -> Callable[[Act], Act]:
        """Add the decorated function to the table."""

        def add(act: Act) -> Act:
            case = Case(f"{self.name}/{number}", rfc, act, verdict, settings or {}, handshake)
            self.cases.append(case)
            return act

        return add


class ClientSuite:
    """A table of client cases: `case` adds one that must fail, `good` one that must not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases: list[ClientCase] = []

    def __iter__(self) -> Iterator[ClientCase]:
        return iter(self.cases)

    def case(
        self, number: str, rfc: str, verdict: Callable[[int], Verdict]
    ) -> Callable[[ClientAct], ClientAct]:
        """Add the decorated function to the table; its verdict is told the stream."""
        return self._adder(number, rfc, verdict, None)

    def good(
        self, number: str, rfc: str, verdict: Verdict, end: ClientAct = Connection.respond
    ) -> Callable[[ClientAct], ClientAct]:
        """Add a function after which the client must still get its response."""
        return self._adder(number, rfc, lambda stream: verdict, end)

    def _adder(
        self, number: str, rfc: str, verdict: Callable[[int], Verdict], end: ClientAct | None
    ) -> Callable[[ClientAct], ClientAct]:
        def add(act: ClientAct) -> ClientAct:
            case = ClientCase(f"{self.name}/{number}", rfc, act, verdict, end)
            self.cases.append(case)
            return act

        return add

"""h11 as a client needs it: the same, with short ways through states it has been through.

h11 reads every byte of a response.  But for each event it also looks through the tables of
its states, and copies and compares them, several times; for most events what comes of that
is known.  That a request was sent, all of it, leads to where it led the last time; a piece
of a body leads nowhere; and the end of a response leads to the next cycle.

Whatever is not that plain, such as an upgrade, a body that is still to be sent, or a server
that wants to close, goes h11's own way.

Read next: http1.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import h11
from h11._readers import READERS

__all__ = ["END", "Http1Parser", "Told"]

END = h11.EndOfMessage()
_IDLE = {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
#: What changes when a plain request is sent; and what is compared by its contents.
_CHANGED = frozenset(("_request_method", "_writer", "_reader", "_receive_buffer", "_cstate"))


class _Sent(NamedTuple):
    """Where h11 is when a plain request has been sent, which is when its response begins."""

    states: dict[Any, Any]
    request_method: bytes | None
    writer: Callable[..., Any] | None
    reader: Callable[..., Any] | None


class Told(NamedTuple):
    """What h11 is told of a request: as much as it has to know.

    Attributes:
        request: the request.
        sent: where h11 is when it, and its end, have been sent; None if it is not plain.
    """

    request: h11.Request
    sent: _Sent | None

    @classmethod
    def of(cls, request: h11.Request) -> Told:
        """Find out where *request* leads, by sending it; h11.LocalProtocolError as `send`."""
        parser = Http1Parser()
        parser.send(request)
        if parser.our_state is not h11.SEND_BODY or h11.SEND_RESPONSE is not parser.their_state:
            return cls(request, None)
        try:
            parser.send(END)
        except h11.LocalProtocolError:  # there has to be a body
            return cls(request, None)
        if _rest(parser) != _rest(Http1Parser()):
            return cls(request, None)
        states = parser._cstate.states
        return cls(request, _Sent(states, parser._request_method, parser._writer, parser._reader))


def _rest(parser: h11.Connection) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all of *parser* that a plain request leaves as it is."""
    state = {name: value for name, value in vars(parser._cstate).items() if name != "states"}
    return {name: value for name, value in vars(parser).items() if name not in _CHANGED}, state


class Http1Parser(h11.Connection):
    """One connection, of which responses are read.

    Args:
        most: bytes of a head, or of a line between chunks, that is not complete.
    """

    def __init__(self, most: int = 16 * 1024) -> None:
        super().__init__(h11.CLIENT, max_incomplete_event_size=most)

    def send_whole(self, told: Told) -> None:
        """Note that a request was sent from beginning to end.

        Raises:
            h11.LocalProtocolError: it is not the time for that.
        """
        sent = told.sent
        if sent is None or self._cstate.states != _IDLE:
            self.send(told.request)
            self.send(END)
        else:
            self._cstate.states = dict(sent.states)
            self._request_method = sent.request_method
            self._writer = sent.writer
            self._reader = sent.reader

    def _process_event(self, role: Any, event: h11.Event) -> None:
        state = self._cstate
        states = state.states
        if states[h11.SERVER] is h11.SEND_BODY and role is h11.SERVER:
            kind = type(event)
            if kind is h11.Data:
                return
            plain = state.keep_alive and not state.pending_switch_proposals
            if kind is h11.EndOfMessage and plain and states[h11.CLIENT] is h11.DONE:
                states[h11.SERVER] = h11.DONE
                self._reader = READERS[h11.SERVER, h11.DONE]  # type: ignore[assignment]
                return
        super()._process_event(role, event)

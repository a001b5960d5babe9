"""Every state table of the client is what its module's docstring shows."""

from __future__ import annotations

from types import ModuleType

import pytest

from miniloop.support.states import diagram, shown_in
from protocols.client import (
    connection,
    exchange,
    http1,
    http2,
    tunnel,
    websocket_pings,
    websocket_session,
)


@pytest.mark.parametrize(
    "module",
    [connection, exchange, http1, http2, tunnel, websocket_pings, websocket_session],
    ids=lambda module: module.__name__,
)
def test_docstring_shows_the_table(module: ModuleType) -> None:
    assert shown_in(module.__doc__, module.TRANSITIONS), "\n" + diagram(module.TRANSITIONS)

"""In every test here, what has states goes only where the drawing in its module goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protocols.http import connection, exchange, http1, http2, server, websocket

DRAWN: dict[type, tuple[tuple[str, str, str], ...]] = {
    connection.Connection: connection.TRANSITIONS,
    exchange.Exchange: exchange.TRANSITIONS,
    http1.Http1: http1.TRANSITIONS,
    http2.Http2: http2.TRANSITIONS,
    server.Server: server.TRANSITIONS,
    websocket.WebSocket: websocket.TRANSITIONS,
}


def watching(
    transitions: tuple[tuple[str, str, str], ...], wrong: list[str]
) -> Callable[[Any, str, Any], None]:
    """Return a ``__setattr__`` that notes steps that are not drawn."""
    drawn = {(old, new) for old, _, new in transitions}

    def set_attribute(self: Any, name: str, value: Any) -> None:
        if name == "state":
            old = getattr(self, "state", value)
            if old != value and (old, value) not in drawn:
                wrong.append(f"{type(self).__name__}: {old} --> {value}")
        object.__setattr__(self, name, value)

    return set_attribute


@pytest.fixture(autouse=True)
def _only_as_drawn(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    if request.path.name == "test_tools.py":  # so many requests that watching would cost seconds
        yield
        return
    wrong: list[str] = []
    for kind, transitions in DRAWN.items():
        monkeypatch.setattr(kind, "__setattr__", watching(transitions, wrong), raising=False)
    yield
    assert not wrong, f"not drawn: {sorted(set(wrong))}"

"""Our client passes every case, over TLS and in clear text, on either loop.

An error must have the code that the RFC asks for, with the exception that
test_our_server.py explains.
"""

from __future__ import annotations

import asyncio

import pytest

from miniloop import EventLoop

from .cases import ClientCase
from .conftest import Secured
from .ours import NewLoop, with_ours
from .suites import CLIENT_CASES, NEWER_CLIENT_CASES, client_failure
from .wire import Mode

ANY_CODE = {"client/6.5/1"}


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "clear"])
@pytest.mark.parametrize("new_loop", [asyncio.SelectorEventLoop, EventLoop])
@pytest.mark.parametrize("case", [*CLIENT_CASES, *NEWER_CLIENT_CASES], ids=lambda case: case.id)
def test_conforms(case: ClientCase, new_loop: NewLoop, secure: bool, secured: Secured) -> None:
    fetch = with_ours(new_loop, secured.client)
    mode = Mode(strict=case.id not in ANY_CODE, patience=30)
    why = client_failure(case, fetch, secured.server if secure else None, mode)
    assert why is None, why

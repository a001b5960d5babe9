"""Our server passes every case, over TLS and in clear text, on either loop.

An error must have the code that the RFC asks for, but for one: hyperframe does not
parse an acknowledgement with a payload, and h2 says PROTOCOL_ERROR to all such frames.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterator

import pytest

from miniloop import EventLoop

from .cases import Case
from .conftest import Secured
from .ours import NewLoop, serving
from .suites import NEWER_SERVER_CASES, SERVER_CASES, failure
from .wire import Mode

ANY_CODE = {"http2/6.5/1"}


@pytest.fixture(scope="module", params=["tls", "clear"])
def secure(request: pytest.FixtureRequest) -> bool:
    """Return whether to use TLS."""
    return bool(request.param == "tls")


@pytest.fixture(scope="module", params=[asyncio.SelectorEventLoop, EventLoop])
def port(request: pytest.FixtureRequest, secure: bool, secured: Secured) -> Iterator[int]:
    """Run the server on a loop; return its port."""
    new_loop: NewLoop = request.param
    context: ssl.SSLContext | None = None
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(secured.file)
    with serving(new_loop, context) as port:
        yield port


@pytest.mark.parametrize("case", [*SERVER_CASES, *NEWER_SERVER_CASES], ids=lambda case: case.id)
def test_conforms(
    case: Case, port: int, secure: bool, secured: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    # In clear text the port speaks HTTP/1.1 as well, and answers what is no preface in that.
    mode = Mode(strict=case.id not in ANY_CODE, http1_too=not secure, patience=30)
    why = failure(case, "127.0.0.1", port, secured.client if secure else None, mode)
    assert why is None, why
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

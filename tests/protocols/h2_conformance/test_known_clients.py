"""The cases for clients against two whose results are known, over TLS and in clear text.

The h2 library takes no notice of RST_STREAM on an idle stream, once it has
opened one of its own; httpx does not send the GOAWAY that h2 has written.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from .cases import ClientCase
from .clients import with_h2, with_httpx
from .conftest import Secured
from .suites import CLIENT_CASES, Fetch, client_failure
from .wire import Mode

PATIENT = Mode(patience=30)
#: For what is known to fail by silence: it fails after any time.
BRIEF = Mode(patience=0.5)

IGNORED = {"client/5.1/2", "client/6.4/2"}
FAILING: dict[Callable[[ssl.SSLContext], Fetch], set[str]] = {
    with_h2: IGNORED,
    with_httpx: {*IGNORED, "client/5.4.1/2"},
}


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "clear"])
@pytest.mark.parametrize("client", FAILING, ids=["h2", "httpx"])
@pytest.mark.parametrize("case", CLIENT_CASES, ids=lambda case: case.id)
def test_as_known(
    case: ClientCase,
    client: Callable[[ssl.SSLContext], Fetch],
    secure: bool,
    secured: Secured,
) -> None:
    fails = case.id in FAILING[client]
    mode = BRIEF if fails else PATIENT
    why = client_failure(case, client(secured.client), secured.server if secure else None, mode)
    assert bool(why) == fails, why

"""The cases against servers whose results are known, over TLS and in clear text.

hypercorn passes all over TLS; in clear text it takes a preface that is none for
a request of HTTP/1.1.  nghttpd says nothing to a stream below one that was opened.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from .cases import Case
from .conftest import Secured
from .servers import hypercorn, nghttpd
from .suites import SERVER_CASES, failure
from .wire import Mode

PATIENT = Mode(patience=30)
#: For what is known to fail by silence: it fails after any time.
BRIEF = Mode(patience=0.5)

Start = Callable[[str | None, ssl.SSLContext | None], AbstractContextManager[int]]

#: What fails, by server and whether over TLS.
FAILING: dict[tuple[Start, bool], set[str]] = {
    (hypercorn, True): set(),
    (hypercorn, False): {"http2/3.5/2"},
    (nghttpd, True): {"http2/5.1.1/2"},
    (nghttpd, False): {"http2/5.1.1/2"},
}


@pytest.fixture(scope="module", params=["tls", "clear"])
def tls(request: pytest.FixtureRequest, secured: Secured) -> Secured | None:
    """Return what TLS needs, or None for clear text."""
    return secured if request.param == "tls" else None


@pytest.fixture(
    scope="module",
    params=[hypercorn, nghttpd],
    ids=["hypercorn", "nghttpd"],
)
def server(request: pytest.FixtureRequest, tls: Secured | None) -> Iterator[tuple[Start, int]]:
    """Return how a server was started, and its port."""
    secrets = (tls.file, tls.client) if tls else (None, None)
    with request.param(*secrets) as port:
        yield request.param, port


@pytest.mark.parametrize("case", SERVER_CASES, ids=lambda case: case.id)
def test_as_known(case: Case, server: tuple[Start, int], tls: Secured | None) -> None:
    start, port = server
    fails = case.id in FAILING[start, tls is not None]
    mode = BRIEF if fails else PATIENT
    why = failure(case, "127.0.0.1", port, tls.client if tls else None, mode)
    assert bool(why) == fails, why

"""The cases themselves: none is missing, and none is passed by whoever does nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest

from .cases import Case, ClientCase
from .peers import client_of, server_of
from .suites import CLIENT_CASES, NEWER_CLIENT_CASES, NEWER_SERVER_CASES, SERVER_CASES
from .wire import Connection, Failed

LISTED: list[Case | ClientCase] = [*SERVER_CASES, *CLIENT_CASES]
ALL: list[Case | ClientCase] = [*LISTED, *NEWER_SERVER_CASES, *NEWER_CLIENT_CASES]

#: How many cases each section has.
SECTIONS = {
    "generic": "1:1 2:5 3.1:3 3.2:3 3.3:5 3.4:1 3.5:1 3.7:1 3.8:1 3.9:2 3.10:2 4:4 5:15",
    "http2": "3.5:2 4.1:3 4.2:3 4.3:3 5.1:13 5.1.1:2 5.1.2:1 5.3.1:2 5.4.1:2 5.5:2 6.1:3 6.2:4 "
    "6.3:2 6.4:3 6.5:3 6.5.2:5 6.5.3:2 6.7:4 6.8:1 6.9:3 6.9.1:3 6.9.2:3 6.10:6 7:2 "
    "8.1:1 8.1.2:1 8.1.2.1:4 8.1.2.2:2 8.1.2.3:7 8.1.2.6:2 8.2:1",
    "hpack": "2.3.3:2 4.2:1 5.2:3 6.1:1 6.3:1",
    "client": "1:1 4.1:3 4.2:3 4.3:1 5.1:10 5.1.1:1 5.4.1:2 5.5:1 6.1:3 6.2:3 6.3:2 6.4:3 6.5:3 "
    "6.5.2:4 6.5.3:1 6.7:4 6.8:1 6.9:3 6.9.1:2 6.10:6",
}

#: After GOAWAY a peer may go on or end the connection: only an error or silence fails.
EITHER = {"generic/3.8/1", "http2/7/1"}


def test_no_case_is_missing() -> None:
    expected = {
        f"{suite}/{section}/{number + 1}"
        for suite, line in SECTIONS.items()
        for section, count in (pair.split(":") for pair in line.split())
        for number in range(int(count))
    }
    assert Counter(case.id for case in LISTED) == dict.fromkeys(expected, 1)
    assert (len(SERVER_CASES), len(CLIENT_CASES)) == (147, 57)
    assert len({case.id for case in ALL}) == len(ALL)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_each_case_says_what_it_does_and_why(case: Case | ClientCase) -> None:
    assert re.fullmatch(r"\S.*[.:]( \S.*)?", case.says)
    assert re.fullmatch(r"(9113|7540|7541|8441|9218) \d(\.\d+)*", case.rfc)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_no_case_is_passed_by_everyone(case: Case | ClientCase) -> None:
    new: Callable[..., Connection] = server_of if isinstance(case, Case) else client_of
    forgiving, timid = (passes(case, new(timid=each)) for each in (False, True))
    if case.id in EITHER:
        assert forgiving
        assert timid
    else:
        assert not (forgiving and timid)


def passes(case: Case | ClientCase, peer: Connection) -> bool:
    """Return whether a peer passes a case."""
    try:
        case.run(peer)
    except Failed:
        return False
    return True

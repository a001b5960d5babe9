"""Every attack of the table ends as its row says, at no more than it says; see attacks/."""

from __future__ import annotations

import pytest

from .attacks import ATTACKS, Attack
from .attacks.table import row, rows

ALL = [*ATTACKS.values()]
OVER_TLS = [attack for attack in ALL if attack.tls]


def named(attack: Attack) -> str:
    return attack.name


def tried(attack: Attack, caplog: pytest.LogCaptureFixture, library: str, tls: bool) -> None:
    value = attack.measure(library, tls)
    assert value <= attack.most, f"{value:g} {attack.unit}"
    assert len(caplog.records) == attack.logged


@pytest.mark.parametrize("attack", ALL, ids=named)
def test_it_is_withstood(attack: Attack, caplog: pytest.LogCaptureFixture) -> None:
    tried(attack, caplog, "miniloop", tls=False)


@pytest.mark.parametrize(
    "attack", [attack for attack in ALL if "memory" not in attack.unit], ids=named
)
def test_it_is_withstood_on_asyncio(attack: Attack, caplog: pytest.LogCaptureFixture) -> None:
    tried(attack, caplog, "asyncio", tls=False)


@pytest.mark.parametrize("attack", OVER_TLS, ids=named)
def test_it_is_withstood_over_tls(attack: Attack, caplog: pytest.LogCaptureFixture) -> None:
    tried(attack, caplog, "miniloop", tls=True)


def test_the_table_has_a_row_for_each() -> None:
    found = rows()
    assert [*found] == [*ATTACKS]
    for attack in ALL:
        words, expected = found[attack.name].split(" | "), row(attack, 0).split(" | ")
        measured = words.pop(4)
        unit = expected.pop(4).partition(" ")[2]
        assert words == expected
        number = measured.partition(" ")
        assert number[2] == unit
        assert float(number[0].replace(",", "")) <= attack.most

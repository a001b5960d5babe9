"""What found.md says is so, on the versions that it names; with others nothing is claimed."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniloop.testing import explore, replay

from .found import FINDINGS, Finding

STORY = Path(__file__).with_name("found.md")

EACH = pytest.mark.parametrize(
    "finding", FINDINGS, ids=[finding.scenario.__name__ for finding in FINDINGS]
)


def only_there(finding: Finding) -> None:
    here = finding.here()
    if here not in finding.versions:
        pytest.skip(f"it was looked at with {', '.join(finding.versions)}, this is {here}")


@EACH
def test_it_is_found_on_the_standard_librarys_loop(finding: Finding) -> None:
    only_there(finding)
    failure = explore(finding.scenario, library="asyncio").failure
    assert failure is not None
    assert finding.words in str(failure.failure)
    assert str(failure.schedule) == finding.schedule
    assert failure.found_by == "sweep"


@EACH
def test_the_line_repeats_it(finding: Finding) -> None:
    only_there(finding)
    run = replay(finding.scenario, finding.schedule, library="asyncio")
    assert run.failure is not None
    assert finding.words in str(run.failure)


@EACH
def test_plain_order_shows_nothing(finding: Finding) -> None:
    assert replay(finding.scenario, "fifo", library="asyncio").failures == []


@EACH
def test_the_story_has_the_line_and_the_versions(finding: Finding) -> None:
    story = STORY.read_text()
    name = finding.scenario.__name__
    line = f"miniloop replay tests.museum.found:{name} {finding.schedule} --library asyncio"
    assert line in story
    for each in finding.versions:
        package, number = each.split()
        assert package in story
        assert number in story

"""Where the marker may stand, and what the plugin says where something is not as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.test_pytest_plugin import run

MARKED = """
import asyncio
import pytest
from hypothesis import given, settings, strategies as st

{module}
made = {{}}

async def count(world, name):
    made[name] = made.get(name, 0) + 1
    world.sometime(lambda: None)
    world.sometime(lambda: None)
    await asyncio.gather(*(asyncio.sleep(0.01 * number) for number in range(6)))

{tests}

def test_how_many():
    print("MADE", sorted(made.items()))
    assert 0
"""

NEAR = """
@pytest.mark.world(runs=7)
class TestAll:
    async def test_one(self, world):
        await count(world, "class")

    @pytest.mark.world(runs=5)
    async def test_nearer(self, world):
        await count(world, "nearer")

@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.world(runs=6))])
async def test_parameter(world, n):
    await count(world, "parameter")

@pytest.mark.world(runs=4)
@settings(max_examples=3, database=None)
@given(st.integers())
async def test_above_given(world, number):
    await count(world, f"given {number}")
"""


def made(output: str) -> str:
    return next(line for line in output.splitlines() if line.startswith("MADE"))


def test_a_marker_counts_at_a_class_at_a_parameter_and_above_given(tmp_path: Path) -> None:
    _, output = run(tmp_path, MARKED.format(module="", tests=NEAR))
    found = made(output)
    for expected in ("('class', 7)", "('nearer', 5)", "('parameter', 6)"):
        assert expected in found
    examples = [words for words in found.split("(") if words.startswith("'given ")]
    assert examples
    assert all(words.rstrip(", )]").endswith(" 4") for words in examples), found


def test_a_marker_of_the_module_makes_all_its_coroutine_tests_ones_in_a_world(
    tmp_path: Path,
) -> None:
    tests = "async def test_it():\n    made['it'] = made.get('it', 0) + 1\n"
    tests += "    await asyncio.gather(*(asyncio.sleep(n) for n in range(6)))\n"
    module = "pytestmark = pytest.mark.world(runs=9)"
    _, output = run(tmp_path, MARKED.format(module=module, tests=tests))
    assert "MADE [('it', 9)]" in output


SAID = {
    "a marker's argument without a name": (
        "@pytest.mark.world(7)\nasync def test_it(world): pass",
        "the marker takes options by name only, as in world(runs=500), not 7",
    ),
    "a World where none runs": (
        "def test_it(world): world.host('a')",
        "no World runs here, so no host: only an `async def` test has one",
    ),
    "a test that does not repeat itself": (
        """
seen = []
@pytest.mark.world(runs=20)
async def test_it(world):
    seen.append(1)
    world.sometime(print)
    for _ in seen: await asyncio.sleep(1)
""",
        "the test did not repeat itself",
    ),
    "a quote in a parameter": (
        "@pytest.mark.parametrize('s', [\"it's\"])\nasync def test_it(world, s): assert 0",
        """Again: pytest 'test_it.py::test_it[it'"'"'s]' --miniloop-replay 'fifo'""",
    ),
    "pytest.fail": (
        "async def test_it(world):\n    pytest.fail('no')",
        "test_it: Failed: no, raised at test_it.py:5",
    ),
}


@pytest.mark.parametrize("what", SAID)
def test_it_is_said(tmp_path: Path, what: str) -> None:
    test, words = SAID[what]
    _, output = run(tmp_path, f"import asyncio\nimport pytest\n\n{test}\n", "-rw")
    assert words in output


def test_a_skip_is_no_failure(tmp_path: Path) -> None:
    test = "import pytest\nasync def test_it(world):\n    pytest.skip('not today')\n"
    status, output = run(tmp_path, test, "-rs")
    assert status == 0, output
    assert "1 skipped" in output
    assert "not today" in output
    assert "Found by" not in output


def test_a_wrong_number_in_the_ini_file_is_a_sentence(tmp_path: Path) -> None:
    test = "async def test_it(world):\n    pass\n"
    status, output = run(tmp_path, test, ini="miniloop_runs = many\n")
    assert status != 0
    assert "miniloop_runs in the ini file is 'many'" in output

"""Which files have changed."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from protocols.http.serve.reload import Stamp, Watcher, snapshot


def test_new_written_and_gone_files_are_told_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "deep" / "two.py"
    two.parent.mkdir()
    two.write_text("2")
    watcher = Watcher([tmp_path])
    assert watcher.changes() == []
    one.write_text("1")
    assert watcher.changes() == [one]
    two.write_text("22")
    one.unlink()
    assert watcher.changes() == [two, one]
    assert watcher.changes() == []


def test_a_file_that_takes_another_s_place_is_a_change_at_the_same_time_and_size(
    tmp_path: Path,
) -> None:
    path, other = tmp_path / "a.py", tmp_path / "b.txt"
    path.write_text("x = 1")
    os.utime(path, ns=(1, 1))
    watcher = Watcher([tmp_path])
    other.write_text("x = 2")
    os.utime(other, ns=(1, 1))
    other.rename(path)
    assert watcher.changes() == [path]


def test_only_sources_are_looked_at(tmp_path: Path) -> None:
    for name in (".hidden/a.py", "__pycache__/a.py", "venv/a.py", "a.pyc", "a.txt", ".#a.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    assert snapshot([tmp_path]) == {}
    assert set(snapshot([tmp_path], (".txt",))) == {tmp_path / "a.txt"}


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert snapshot([tmp_path / "none"]) == {}


def test_a_link_to_nothing_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to(tmp_path / "gone.py")
    assert snapshot([tmp_path]) == {}


stamps = st.dictionaries(
    st.sampled_from([Path("a"), Path("b"), Path("c")]),
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.just(0)),
)


@given(st.lists(stamps, min_size=1))
def test_changes_are_exactly_the_differences(states: list[dict[Path, Stamp]]) -> None:
    from unittest.mock import patch

    with patch("protocols.http.serve.reload.snapshot", side_effect=[{}, *states]):
        watcher = Watcher([])
        before: dict[Path, Stamp] = {}
        for now in states:
            expected = {path for path in {*before, *now} if before.get(path) != now.get(path)}
            assert watcher.changes() == sorted(expected)
            before = now

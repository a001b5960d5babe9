"""The page as text: one file, safe whatever a program calls its tasks, and nothing lost in it.

Read next: test_html_player.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from compat.__main__ import status_of
from compat.commands.html import html as command
from miniloop.study import html, html_compare
from miniloop.study.recording import Recording, write

from ..effort import effort
from .synthetic import chat, record

ASSETS = Path(html.__file__).with_name("assets")


def embedded(page: str) -> dict[str, Any]:
    """Return the recording that is on *page*."""
    found = r'<script type="application/json" id="recording">(.*?)</script>'
    match = re.search(found, page, re.DOTALL)
    assert match is not None
    told: dict[str, Any] = json.loads(match[1])
    return told


def decoded(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events on a page: what its own script does, in Python."""
    taken = dict.fromkeys(told["kinds"], 0)
    spread = {
        key: [v for v, n in zip(told[key][::2], told[key][1::2], strict=True) for _ in range(n)]
        for key in ("it", "step")
    }
    events, micros = [], 0
    for place, number in enumerate(told["kind"]):
        kind = told["kinds"][number]
        micros += told["t"][place]
        event: dict[str, Any] = {"n": told["first"] + place, "kind": kind, "t": micros / 1e6}
        if told["numbers"]:
            event["n"] = told["numbers"][place]
        event |= {key: values[place] for key, values in spread.items()}
        if back := told["by"][place]:
            event["by"] = told["first"] + place - back
        if source := told["src"][place]:
            event["src"] = told["strings"][source - 1]
        for key, (form, values) in told["own"][kind].items():
            value = values[taken[kind]]
            if value is None or (form in "sl" and not value):
                continue
            if form in "sl":
                value = told["strings"][value - 1]
            outer, _, inner = key.partition("/")
            value = value.split("\n") if form == "l" else value
            if inner:
                event.setdefault(outer, {})[inner] = value
            else:
                event[outer] = value
        taken[kind] += 1
        events.append(event)
    return events


def test_nothing_is_lost_on_the_way_to_the_page() -> None:
    recording = record(chat())
    events = decoded(embedded(html.page(recording, title="chat.py")))
    expected = [{k: v for k, v in e.items() if v is not None} for e in recording.events]
    assert events == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=effort(50, 15))
@given(st.lists(st.tuples(st.sampled_from("abc"), st.dictionaries(st.text(), values, max_size=3))))
def test_any_names_and_values_are_safe(own: list[tuple[str, dict[str, Any]]]) -> None:
    common = {"it": 1, "step": 1, "t": 0.0}
    events = [
        {"n": n, **common, "kind": kind} | {f"x{key}": value for key, value in more.items()}
        for n, (kind, more) in enumerate(own, 1)
    ]
    page = html.page(Recording({"program": "x"}, events), title="x")
    page.encode()  # lone surrogates are escaped
    assert len(embedded(page)["kind"]) == len(events)
    assert page.count("<script") == page.count("</script>") == 3


def test_names_that_look_like_tags_end_nothing() -> None:
    recording = record(chat(name="</script><img src=x onerror=alert(1)>"))
    page = html.page(recording, title="</title><b>&amp; {{script}} Größe ☃ \udce4")
    assert "<img" not in page
    assert "<b>" not in page
    assert page.count("</script>") == 3
    assert "{{script}} Größe ☃ \\udce4" in page


def test_nothing_is_asked_of_the_network() -> None:
    page = html.page(record(chat()), title="chat.py")
    assert re.findall(r"https?://|//cdn|@import|url\((?!data:)", page) == []
    assert "default-src 'none'" in page


def test_the_assets_are_small_and_are_all_used() -> None:
    sizes = {path.name: path.stat().st_size for path in ASSETS.iterdir()}
    assert sum(sizes.values()) < 150_000
    scripts = {*html.COMMON_SCRIPTS, *html.PLAYER, *html_compare.SCRIPTS}
    assert scripts == {name for name in sizes if name.endswith(".js")}
    lines = {path.name: path.read_text().count("\n") for path in ASSETS.iterdir()}
    assert max(lines.values()) <= 500, lines


def test_of_a_long_recording_the_end_is_shown_and_it_is_said() -> None:
    recording = record(chat())
    told = embedded(html.page(recording, title="chat.py", most=100))
    assert told["left"] == len(recording.events) - 100
    assert [event["n"] for event in decoded(told)] == [e["n"] for e in recording.events[-100:]]


def test_only_the_lines_that_are_named_are_on_the_page() -> None:
    recording = record(chat())
    text = "\n".join(f"line {k}" for k in range(1, 200))
    sources = embedded(html.page(recording, title="x", sources={"chat.py": text, "b.py": "no"}))[
        "sources"
    ]
    assert sources.keys() == {"chat.py"}
    named = {int(e["src"].rpartition(":")[2]) for e in recording.events if "src" in e} - {0}
    assert named <= {int(number) for number in sources["chat.py"]}
    assert sources["chat.py"]["7"] == "line 7"
    assert "150" not in sources["chat.py"]


@pytest.mark.parametrize("name", ["chat.mlt", "chat.mlt.gz", "chat"])
def test_the_command_writes_a_page_beside_the_recording(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, record(chat()))
    (tmp_path / "chat.py").write_text("# the text of the program\n" * 60)
    result = CliRunner().invoke(command, [str(tmp_path / name)])
    assert result.exit_code == 0, result.output
    told = embedded((tmp_path / "chat.html").read_text(encoding="utf-8"))
    assert told["header"]["program"] == "chat.py"
    assert told["sources"]["chat.py"]["7"] == "# the text of the program"


def test_the_command_reads_nothing_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("the secret\n" * 60)
    (tmp_path / "inside").mkdir()
    write(tmp_path / "inside" / "run.mlt", record(chat(), file="../secret.py"))
    page = tmp_path / "page.html"
    result = CliRunner().invoke(command, [str(tmp_path / "inside" / "run.mlt"), "-o", str(page)])
    assert result.exit_code == 0, result.output
    assert "the secret" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["page.html", "perfetto.json"])
def test_what_is_no_recording_is_refused_in_a_sentence(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("print('hello')\n")
    program = "html" if name == "page.html" else "perfetto"
    assert status_of([program, str(tmp_path / "app.py"), "-o", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert said == f"miniloop: {tmp_path}/app.py is not a recording\n"
    assert status_of([program, str(tmp_path / "none.mlt")]) == 2
    assert "cannot read" in capsys.readouterr().err
    assert not (tmp_path / name).exists()

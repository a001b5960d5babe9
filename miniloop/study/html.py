"""A recording as one page that plays it: no network, no framework, opened by any browser.

    page(recording, title="chat.py")      the player: phases, queue, timers, selector, lanes, tasks

The page is made of the files in `assets`, which are read as they stand, and of the recording as
JSON: one array for each key (a column), strings by their number in a table.  So 100,000 events
take some three megabytes, and the browser makes them objects again in a tenth of a second.  No
``<`` is left in the JSON: nothing that a program calls its tasks ends the script.

What the page shows of the program's text are the lines around those that the recording names.

Read next: assets/model.js
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

from .events import COMMON, Event
from .lints import Finding
from .recording import Recording

__all__ = ["MOST_EVENTS", "Columns", "page", "picture"]

#: How many events a page holds; of a longer recording it shows the last ones, and says so.
MOST_EVENTS = 1_000_000
#: How many lines of the program are kept on either side of one that the recording names.
AROUND = 8

COMMON_SCRIPTS = ("decode.js", "model.js", "words.js", "panels.js", "lanes.js")
PLAYER = ("arrows.js", "minimap.js", "player.js", "controls.js", "predict.js", "start.js")


def page(
    recording: Recording,
    *,
    title: str,
    sources: Mapping[str, str] | None = None,
    findings: Iterable[Finding] = (),
    most: int = MOST_EVENTS,
) -> str:
    """Return the page that plays *recording*.

    Args:
        title: what the page is called, in its head and in its first line.
        sources: the text of the program's files by the names that the recording gives them.
        findings: what the lints found in it; each becomes a jump to its event.
        most: how many events it may hold; the last ones are kept.
    """
    content = picture(recording, sources or {}, most)
    content["findings"] = [asdict(finding) for finding in findings]
    return filled(title, "single.html", (*COMMON_SCRIPTS, *PLAYER), content)


def filled(title: str, main: str, scripts: Iterable[str], data: Any) -> str:
    """Return the frame of a page, filled with the assets named, and with *data* as JSON."""
    readable = title.encode("utf-8", "backslashreplace").decode()
    parts = {
        "title": html.escape(readable),
        "style": asset("style.css"),
        "layout": main.partition(".")[0],
        "main": asset(main),
        "data": as_json(data),
        "script": "\n".join(asset(name) for name in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], asset("player.html"))


@cache
def asset(name: str) -> str:
    """Return the text of one of the files that a page is made of."""
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def as_json(data: Any) -> str:
    """Return *data* as JSON that may stand in a script element."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False, default=str)
    return text.replace("<", "\\u003c")


def picture(recording: Recording, sources: Mapping[str, str], most: int) -> dict[str, Any]:
    """Return all that the page is told of *recording*, ready to be written as JSON."""
    events = recording.events[-most:] if most else []
    left = len(recording.events) - len(events)
    header = finite(recording.header) | {"remarks": recording.remarks}
    told = {
        "header": header,
        "dropped": recording.dropped,
        "complete": recording.complete,
        "left": left,
        "sources": excerpts(events, sources),
    }
    return told | Columns(events).told


class Columns:
    """Events as arrays: one for each key that all have, and one for each key of a kind."""

    def __init__(self, events: list[Event]) -> None:
        self._strings: dict[str, int] = {}
        self._places = {event["n"]: place for place, event in enumerate(events, 1)}
        first = events[0]["n"] if events else 1
        dense = all(event["n"] == first + place for place, event in enumerate(events))
        kinds = {kind: number for number, kind in enumerate({e["kind"]: 0 for e in events})}
        micros = [round(finite(event["t"] or 0) * 1e6) for event in events]
        self.told: dict[str, Any] = {
            "first": first,
            "numbers": None if dense else [event["n"] for event in events],
            "kinds": list(kinds),
            "kind": [kinds[event["kind"]] for event in events],
            "it": runs(event["it"] for event in events),
            "step": runs(event["step"] for event in events),
            "t": [now - before for now, before in zip(micros, [0, *micros], strict=False)],
            "by": [self._back(event, place) for place, event in enumerate(events, 1)],
            "src": [self._string(event.get("src")) for event in events],
            "own": self._own(events),
            "strings": list(self._strings),
        }

    def _back(self, event: Event, place: int) -> int:
        """Return how many places before *event* its cause is; 0 if there is none on the page."""
        cause = self._places.get(event.get("by", 0), 0)
        return place - cause if 0 < cause < place else 0

    def _string(self, text: str | None) -> int:
        """Return the number of *text* in the table, from 1; 0 for none."""
        return 0 if text is None else self._strings.setdefault(text, len(self._strings)) + 1

    def _own(self, events: list[Event]) -> dict[str, dict[str, Any]]:
        rows: dict[str, list[Event]] = {}
        for event in events:
            rows.setdefault(event["kind"], []).append(flat(event))
        return {
            kind: {key: self._column([row.get(key) for row in of]) for key in keys_of(of)}
            for kind, of in rows.items()
        }

    def _column(self, values: list[Any]) -> list[Any]:
        """Return a column with its type: n numbers, s strings, l lists of lines, j anything."""
        kinds = {type(value) for value in values if value is not None}
        if kinds <= {str}:
            return ["s", [self._string(value) for value in values]]
        if kinds <= {int, float}:
            return ["n", [finite(value) for value in values]]
        if kinds == {list} and all(lines(value) for value in values if value is not None):
            joined = [None if value is None else "\n".join(value) for value in values]
            return ["l", [self._string(value) for value in joined]]
        return ["j", [finite(value) for value in values]]


def lines(value: list[Any]) -> bool:
    """Return whether *value* is a list of lines, not an empty one."""
    return bool(value) and all(isinstance(each, str) and "\n" not in each for each in value)


def flat(event: Event) -> Event:
    """Return the keys that are *event*'s own, those of dictionaries in it as ``outer/inner``."""
    own: Event = {}
    for key, value in event.items():
        if isinstance(value, dict):
            own |= {f"{key}/{inner}": each for inner, each in value.items()}
        elif key not in COMMON:
            own[key] = value
    return own


def keys_of(rows: Iterable[Event]) -> dict[str, None]:
    """Return all keys of *rows*, in the order in which they come."""
    return {key: None for row in rows for key in row}


def runs(values: Iterable[int]) -> list[int]:
    """Return *values* as ``[value, how often, value, how often, ...]``."""
    found: list[int] = []
    for value in values:
        if found and found[-2] == value:
            found[-1] += 1
        else:
            found += [value, 1]
    return found


def finite(value: Any) -> Any:
    """Return *value* with what JSON has no word for (infinity, NaN) as None, however deep."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value


def excerpts(events: list[Event], sources: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the lines of *sources* that the page may show: file -> number -> text."""
    wanted: dict[str, set[int]] = {}
    for event in events:
        for place in (event.get("src") or "", *(event.get("stack") or ())):
            file, _, number = str(place).partition(" ")[0].rpartition(":")
            if file in sources and number.isdigit():
                wanted.setdefault(file, set()).add(int(number))
    shown: dict[str, dict[str, str]] = {}
    for file, numbers in wanted.items():
        text = sources[file].splitlines()
        near = {k for number in numbers for k in range(number - AROUND, number + AROUND + 1)}
        shown[file] = {str(k): text[k - 1] for k in sorted(near) if 0 < k <= len(text)}
    return shown

"""Keys as the DevTools protocol wants them: each with its name, place, number and text.

https://chromedevtools.github.io/devtools-protocol/tot/Input/#method-dispatchKeyEvent

Read next: test_browser.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["ALTERING", "key_event"]

#: Keys that alter others, and their bits.
ALTERING = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

#: Windows' numbers of the keys without a text, which Chromium goes by, and of some with one.
NUMBERS = {
    "Backspace": 8,
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Insert": 45,
    "Delete": 46,
    **{f"F{number}": 111 + number for number in range(1, 13)},
}
TEXTS = {"Enter": "\r", "Tab": ""}


def key_event(key: str, modifiers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what Input.dispatchKeyEvent takes to press and to release a *key*."""
    held = sum(ALTERING[name] for name in modifiers)
    text = TEXTS.get(key, key if len(key) == 1 else "")
    if held & ~ALTERING["Shift"]:
        text = ""  # a command, not a letter
    event: dict[str, Any] = {"key": key, "code": place(key), "modifiers": held}
    event["windowsVirtualKeyCode"] = NUMBERS.get(key) or ord(key.upper()[0])
    yield {"type": "keyDown" if text else "rawKeyDown", "text": text, **event}
    yield {"type": "keyUp", **event}


def place(key: str) -> str:
    """Return the name of the place of a *key* on an American keyboard."""
    if key == " ":
        return "Space"
    if len(key) == 1 and key.isascii():
        return f"Key{key.upper()}" if key.isalpha() else f"Digit{key}" if key.isdigit() else ""
    return key

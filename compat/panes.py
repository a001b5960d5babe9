"""The stepper as a screen: a Textual application whose panes are the text views.

Every pane is a pure function's lines; what is here is only keys and layout.  It runs on
miniloop's own loop, and plays a recording or a program that waits at its gate.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Input, Static

from miniloop import EventLoop
from miniloop.study import text
from miniloop.study.events import Event
from miniloop.study.state import Player, State
from miniloop.study.waits import why

#: How many lines of the source are shown before and after the one that counts.
AROUND = 4


def said(player: Player) -> str:
    """Return what happened last, with its place."""
    if player.event is None:
        return "nothing has happened yet"
    return text.told(player.event, player.state)


def title(player: Player) -> list[str]:
    """Return the line at the top: what is played, and where it is."""
    header, state = player.recording.header, player.state
    ends = "" if player.recording.complete else "+"
    cell = f"{header.get('names', '')}/{header.get('loop', '')}"
    words = f"{header.get('program', 'a recording')}   {cell}   iteration {state.iteration}"
    words += f"   step {state.step}   event {state.n}/{len(player)}{ends}   t={state.t:.6f} s"
    return [words]


def source(player: Player, folder: Path) -> list[str]:
    """Return the lines of the program around the place where the last event happened."""
    event = player.event
    place = _place(player, event) if event is not None else ""
    file, _, number = place.rpartition(":")
    try:
        lines = (folder / file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return [place or "(not in the program)"]
    at = int(number)
    shown = [place]
    for line in range(max(1, at - AROUND), min(len(lines), at + AROUND) + 1):
        mark = ">" if line == at else " "
        shown.append(f"{mark}{line:>4} {lines[line - 1]}")
    return shown


def _place(player: Player, event: Event) -> str:
    """Return the line to show: the event's own, or where the task that runs stands."""
    if event.get("src"):
        return str(event["src"])
    running = player.state.running
    if running is not None and running.task in player.state.tasks:
        task = player.state.tasks[running.task]
        return task.at or task.made_at
    return ""


def reasons(player: Player, name: str | None) -> list[str]:
    """Return why the chosen task does not run, or each task that waits."""
    state: State = player.state
    waiting = [task.name for task in state.tasks.values() if task.state == "waiting"]
    names = [name] if name in state.tasks else waiting[:3]
    lines = [line for one in names if one for line in why(state, one, player.recording)]
    return lines or ["no task waits"]


class Panes(App[None]):
    """The panes of one player."""

    CSS = """
    #title { height: 1; text-style: bold; }
    #said { height: 1; color: $accent; }
    #phase { height: 1; }
    #find { dock: bottom; display: none; }
    Vertical > Static { border: round $primary; padding: 0 1; height: 1fr; }
    #ready, #tasks { width: 1fr; }
    """
    AUTO_FOCUS = None  # the keys are ours until something is asked
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right", "go('step')", "step"),
        Binding("b,left", "go('step', True)", "back"),
        Binding("i,down", "go('next_iteration')", "iteration"),
        Binding("I,up", "go('next_iteration', True)", "iteration back", show=False),
        Binding("e,full_stop", "event(1)", "event"),
        Binding("E,comma", "event(-1)", "event back", show=False),
        Binding("home", "end(0)", "first", show=False),
        Binding("end", "end(1)", "last", show=False),
        Binding("w", "why", "why: next task"),
        Binding("o", "output", "output"),
        Binding("p", "predict", "predict"),
        Binding("slash", "find", "find"),
        Binding("escape", "leave", "", show=False),
        Binding("q", "quit", "leave"),
    ]

    def __init__(self, player: Player, folder: Path | None = None) -> None:
        super().__init__()
        self.player = player
        self.folder = Path.cwd() if folder is None else folder
        self.chosen: str | None = None
        self.shows_output = False
        self.right = self.asked = 0
        self._what = ""
        self._said = ""

    def compose(self) -> ComposeResult:
        """Make the panes."""
        for name in ("title", "phase", "said"):
            yield Static(id=name)
        with Horizontal():
            with Vertical():
                yield Static(id="ready")
                yield Static(id="tasks")
            with Vertical():
                yield Static(id="timers")
                yield Static(id="selector")
                yield Static(id="source")
                yield Static(id="why")
        yield Input(id="find")
        yield Footer()

    def on_mount(self) -> None:
        """Show where it begins."""
        self.show()

    def show(self) -> None:
        """Fill every pane anew."""
        state, player = self.player.state, self.player
        below = text.tasks(state)
        if self.shows_output:
            below = ["output", *(f"    {line}" for _, line in state.output)]
        views: dict[str, list[str]] = {
            "title": title(player),
            "phase": [text.phase(state)],
            "said": [self._said or said(player)],
            "ready": text.ready(state),
            "tasks": below,
            "timers": text.timers(state),
            "selector": text.selector(state),
            "source": source(player, self.folder),
            "why": reasons(player, self.chosen),
        }
        self._said = ""
        for name, lines in views.items():
            self.query_one(f"#{name}", Static).update(Text("\n".join(lines), no_wrap=True))

    # -- keys ------------------------------------------------------------------

    def action_go(self, how: str, back: bool = False) -> None:
        """Go on, or back, by a step or an iteration."""
        go: Callable[..., bool] = getattr(self.player, how)
        if not go(back=back):
            self._said = "this is the beginning" if back else "this is the end"
        self.show()

    def action_event(self, by: int) -> None:
        """Go on, or back, by one event."""
        if by > 0 and self.player.n == len(self.player):
            self.player.more()
        self.player.seek(self.player.n + by)
        self.show()

    def action_end(self, last: int) -> None:
        """Go to the first event, or to the last that there is."""
        self.player.seek(len(self.player) if last else 0)
        self.show()

    def action_why(self) -> None:
        """Explain the next of the tasks that wait."""
        names = [task.name for task in self.player.state.tasks.values() if task.state == "waiting"]
        if names:
            at = names.index(self.chosen) + 1 if self.chosen in names else 0
            self.chosen = names[at % len(names)]
        self.show()

    def action_output(self) -> None:
        """Show what the program has printed in the place of the tasks, or the tasks again."""
        self.shows_output = not self.shows_output
        self.show()

    def action_find(self) -> None:
        """Ask for a text to go to."""
        self._ask("find", "find: a task, a word, a line of the source")

    def action_predict(self) -> None:
        """Ask who runs next."""
        self._ask("predict", "who runs next?")

    def action_leave(self) -> None:
        """Put the question away."""
        field = self.query_one("#find", Input)
        field.display = False
        self.set_focus(None)

    def _ask(self, what: str, words: str) -> None:
        self._what = what
        field = self.query_one("#find", Input)
        field.value, field.placeholder, field.display = "", words, True
        field.focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Take the answer."""
        value = message.value.strip()
        self.action_leave()
        if self._what == "find":
            self._find(value)
        else:
            self._compare(value)
        self.show()

    def _find(self, words: str) -> None:
        for event in self.player.recording.events[self.player.n :]:
            told = f"{text.sentence(event)} {event.get('src', '')} {event.get('task', '')}"
            if words and words.lower() in told.lower():
                self.player.seek(event["n"])
                return
        self._said = f"nothing further on has {words!r} in it"

    def _compare(self, guess: str) -> None:
        if not self.player.step():
            self._said = "nothing runs any more"
            return
        running = self.player.state.running
        label = running.label if running is not None else ""
        self.asked += 1
        self.right += label == guess
        verdict = "right" if label == guess else f"no: {label} runs"
        self._said = f"{verdict}   {self.right} of {self.asked} right so far"

    # -- running it ------------------------------------------------------------

    def run_on_miniloop(self, **options: Any) -> None:
        """Run until it is left, on miniloop's loop."""
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            runner.run(self.run_async(**options))

"""A stepper in the plain terminal: go through a recording forward and back, and ask why.

It reads commands as `pdb` does, over whatever lines it is given; an empty line repeats the
last one.  What it prints is made by ``text.py`` and ``waits.py``.

Read next: html.py
"""

from __future__ import annotations

import cmd
from typing import IO, Any

from .state import Player
from .text import WIDTH, panes, sentence, told
from .waits import NotATaskError, why

__all__ = ["Stepper"]


class Stepper(cmd.Cmd):
    """Steps through what *player* plays; reads from *stdin* and prints to *stdout*."""

    intro = "n step, i iteration, e event, b back, g NUMBER, / TEXT, w TASK, p predict, ? help"
    prompt = "(loop) "

    def __init__(
        self, player: Player, stdin: IO[str] | None = None, stdout: IO[str] | None = None
    ) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.player = player
        self.use_rawinput = stdin is None
        self.right = self.asked = 0
        self._guess: str | None = None

    # -- moving ----------------------------------------------------------------

    def do_n(self, line: str) -> None:
        """n [COUNT]: on to where the next entry begins to run."""
        self._move(lambda: self.player.step(), line)

    def do_i(self, line: str) -> None:
        """i [COUNT]: on to where the next iteration begins."""
        self._move(lambda: self.player.next_iteration(), line)

    def do_e(self, line: str) -> None:
        """e [COUNT]: on by one event."""
        self._move(lambda: self._by(1), line)

    def do_b(self, line: str) -> None:
        """b [COUNT]: back to where the entry before began to run."""
        self._move(lambda: self.player.step(back=True), line)

    def do_bi(self, line: str) -> None:
        """bi [COUNT]: back to where the iteration before began."""
        self._move(lambda: self.player.next_iteration(back=True), line)

    def do_be(self, line: str) -> None:
        """be [COUNT]: back by one event."""
        self._move(lambda: self._by(-1), line)

    def do_g(self, line: str) -> None:
        """g NUMBER: go to an event by its number; g end: to the last."""
        number = str(len(self.player)) if line.strip() == "end" else line.strip()
        if not number.isdecimal():
            self._say("say which event: g NUMBER")
            return
        self.player.seek(int(number))
        self._show()

    def do_find(self, line: str) -> None:
        """find TEXT, or / TEXT: on to the next event whose sentence or place has TEXT in it."""
        if not line:
            self._say("say what to look for: / TEXT")
            return
        events = self.player.recording.events
        for event in events[self.player.n :]:
            words = f"{event['kind']} {sentence(event)} {event.get('src', '')}"
            if line.lower() in words.lower() or line == event.get("task"):
                self.player.seek(event["n"])
                self._show()
                return
        self._say(f"nothing further on has {line!r} in it")

    def _by(self, count: int) -> bool:
        n = self.player.n
        self.player.seek(n + count)
        return self.player.n != n

    def _move(self, step: Any, line: str) -> None:
        if line and not line.isdecimal():
            self._say(f"{line!r} is not a number of times")
            return
        for _ in range(int(line or 1)):
            if not step():
                break
        self._show()

    # -- looking ---------------------------------------------------------------

    def do_l(self, line: str) -> None:
        """l: look at the whole state again."""
        self._show()

    def do_w(self, line: str) -> None:
        """w TASK: why a task does not run; without TASK for every task that waits."""
        state = self.player.state
        names = [line] if line else [n for n, t in state.tasks.items() if t.state == "waiting"]
        for name in names:
            try:
                self._say(*why(state, name, self.player.recording))
            except NotATaskError as error:
                self._say(str(error))
        if not names:
            self._say("no task waits at this point")

    def do_o(self, line: str) -> None:
        """o: what the program has printed so far."""
        self._say(*[text for _, text in self.player.state.output] or ["nothing yet"])

    def do_p(self, line: str) -> None:
        """p NAME: predict who runs next, and see; your score is kept."""
        if not line:
            self._say("say who runs next: p NAME")
            return
        n = self.player.find("run")
        if n is None:
            self._say("nothing runs any more")
            return
        self.player.seek(n)
        running = self.player.state.running
        label = running.label if running is not None else ""
        self.asked += 1
        self.right += label == line
        verdict = "Right" if label == line else f"No: {label} runs"
        self._show()
        self._say(f"{verdict}. {self.right} of {self.asked} right so far.")

    def do_q(self, line: str) -> bool:
        """q: leave."""
        return True

    do_EOF = do_q  # noqa: N815 - the name that cmd asks for

    def default(self, line: str) -> None:
        """Do what the line means that is no command: / TEXT, or say that it means nothing."""
        if line.startswith("/"):
            self.do_find(line[1:].strip())
        else:
            self._say(f"no command {line.split()[0]!r}; ? lists them")

    # -- printing --------------------------------------------------------------

    def preloop(self) -> None:
        """Show where it begins."""
        self._show()

    def _show(self) -> None:
        event = self.player.event
        self._say(*panes(self.player.state, WIDTH))
        if event is not None:
            self._say(f"* {told(event, self.player.state)}")
        if self.player.n in (0, len(self.player)):
            self._say("this is the " + ("end" if self.player.n else "beginning"))

    def _say(self, *lines: str) -> None:
        for line in lines:
            print(line, file=self.stdout)

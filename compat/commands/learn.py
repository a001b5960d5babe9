"""`miniloop learn`: a loop built up in steps, and what is easily believed of loops, and why not.

Read next: ../examples/learning.py
"""

import html
import re
import subprocess
import sys
import webbrowser
from pathlib import Path

import click

from compat.commands.html import texts, write
from compat.commands.tracing import recorded
from compat.examples.learning import MISCONCEPTIONS, STEPS, Misconception, Step, program
from compat.options import BadUsage, Cell, Plan, Target
from miniloop.study.html import page
from miniloop.study.lints import lint
from miniloop.study.recording import Recording
from miniloop.study.state import Player
from miniloop.study.text import sentence

#: What of a page the lesson's words are put before.
MARK = '<p id="banner"'


@click.command()
@click.argument("name", required=False)
@click.option(
    "--loop", type=click.Choice(("miniloop", "asyncio")), default="miniloop", show_default=True,
    help="On whose loop it is recorded.",
)  # fmt: skip
@click.option("--text", "as_text", is_flag=True, help="Print it, and make no page.")
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the page; NAME.html if not.",
)  # fmt: skip
def learn(
    name: str | None, loop: str, as_text: bool, open_it: bool, output: Path | None
) -> int | None:
    """List what there is to learn from, or record NAME and show where it clicks.

    The page plays the recording of NAME from there on, forward and back.
    """
    if name is None:
        click.echo("\n".join(listing()))
        return None
    found = program(name)
    if found is None:
        names = ", ".join(each.name for each in (*STEPS, *MISCONCEPTIONS))
        raise BadUsage(f"there is nothing called {name!r} to learn from; there are {names}")
    if isinstance(found, Step):
        return shown(found)
    cell = Cell("asyncio", loop)
    recording = recorded(cell, Target("script", str(found.path)), Plan((cell,)))
    if as_text:
        click.echo("\n".join(lesson_text(found, recording)))
        return None
    path = output or Path(f"{name}.html")
    write(path, lesson_page(found, recording))
    address = path.resolve().as_uri() + address_of(found, recording)
    click.echo(f"{path}: {sentence(found.moment.of(recording))}\n{address}")
    if open_it:
        webbrowser.open(address)
    return None


def listing() -> list[str]:
    """Return what there is, a line each."""
    width = max(len(each.name) for each in (*STEPS, *MISCONCEPTIONS))
    lines = ["A loop, built up in nine steps:"]
    lines += [f"  {each.name:<{width}}  {each.summary}" for each in STEPS]
    lines += ["", "What is easily believed, and is not so:"]
    return lines + [f"  {each.name:<{width}}  {each.summary}" for each in MISCONCEPTIONS]


def shown(step: Step) -> int:
    """Print a step's text and run it; return the exit status."""
    click.echo(f"{step.text}\n# {step.path.name} prints:\n")
    sys.stdout.flush()
    return subprocess.run([sys.executable, str(step.path)], check=False).returncode


def lesson_text(lesson: Misconception, recording: Recording) -> list[str]:
    """Return the lesson as lines for a terminal: what is believed, what is true, what happens."""
    lines = [lesson.docstring, "", *numbered(lesson), ""]
    return [*lines, *lesson.story(recording)]


def numbered(lesson: Misconception) -> list[str]:
    """Return the lines of the program, without its docstring, with their numbers."""
    lines = lesson.text.rstrip().splitlines()
    first = next(n for n, line in enumerate(lines[1:], 2) if line.endswith('"""')) + 1
    return [f"{n:>4}  {line}".rstrip() for n, line in enumerate(lines, 1) if n > first]


def lesson_page(lesson: Misconception, recording: Recording) -> str:
    """Return the page that plays the recording, with the lesson's words above it."""
    sources = texts(recording, [lesson.path.parent])
    findings = lint(recording)
    made = page(recording, title=lesson.path.name, sources=sources, findings=findings)
    belief, truth, look = (
        f"<b>{part}:</b> {marked_up(lesson.part(part))}" for part in ("Belief", "Truth", "Look")
    )
    body = f"<summary>{belief}</summary><p>{truth}</p><p>{look}</p>"
    words = f'<details id="lesson" class="card" open>{body}</details>\n'
    before, mark, after = made.partition(MARK)
    return before + words + mark + after


def marked_up(words: str) -> str:
    """Return *words* for a page, with what is in backticks as code."""
    return re.sub("`(.+?)`", r"<code>\1</code>", html.escape(words))


def address_of(lesson: Misconception, recording: Recording) -> str:
    """Return the part of the page's address that opens it where it clicks."""
    event = lesson.moment.of(recording)
    running = Player(recording).seek(event["n"]).running is not None
    return f"#event={event['n']}" + (f"&sel=step:{event['step']}" if running else "")

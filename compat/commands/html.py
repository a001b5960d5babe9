"""`miniloop html`: a recording as one page that plays it.

Read next: ../../miniloop/study/html.py
"""

import platform
import sysconfig
import webbrowser
from pathlib import Path

import click

from compat.commands import HERE, LEARNING
from compat.commands.recordings import load
from miniloop.study.html import page
from miniloop.study.html_compare import compare_page
from miniloop.study.lints import lint
from miniloop.study.recording import Recording


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it; beside the recording if not.",
)  # fmt: skip
@click.option("--title", help="What the page is called; the program's name if not.")
@click.option(
    "--source", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the program, whose lines are shown; where you are if not.",
)  # fmt: skip
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="OTHER",
    help="Show RECORDING and OTHER, one above the other, and where they part.",
)  # fmt: skip
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
def html(
    recording: Path,
    output: Path | None,
    title: str | None,
    source: Path | None,
    against: Path | None,
    open_it: bool,
) -> None:
    """Make a page that plays RECORDING: forward and back, by steps, iterations or events.

    The page is one file that needs no network.
    """
    loaded = load(str(recording))
    folders = [source] if source is not None else [Path.cwd(), recording.parent]
    folders += [HERE, *(HERE / folder for folder in LEARNING), *libraries(loaded)]
    title = title or str(loaded.header.get("program") or recording.name)
    if against is None:
        found = texts(loaded, folders)
        made = page(loaded, title=title, sources=found, findings=lint(loaded))
    else:
        other = load(str(against))
        heads = heads_of((recording, loaded), (against, other))
        found = texts(other, folders) | texts(loaded, folders)
        made = compare_page(loaded, other, title=title, heads=heads, sources=found)
    path = output or beside(recording, ".html")
    write(path, made)
    click.echo(f"{path}: {len(loaded.events)} events, {len(made) / 1e6:.1f} MB")
    if open_it:
        webbrowser.open(path.resolve().as_uri())


def heads_of(left: tuple[Path, Recording], right: tuple[Path, Recording]) -> tuple[str, str]:
    """Return what to call two recordings: by their loops if those differ, else by their files."""
    one, other = (str(recording.header.get("loop")) for _, recording in (left, right))
    return (one, other) if one != other else (left[0].stem, right[0].stem)


def write(path: Path, text: str) -> None:
    """Write *text*; raises ClickException where that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None


def beside(recording: Path, suffix: str) -> Path:
    """Return the path of what is made of *recording*: its name with another suffix."""
    name = recording.name.removesuffix(".gz")
    stem, dot, _ = name.rpartition(".")
    return recording.with_name((stem if dot and stem else name) + suffix)


def libraries(recording: Recording) -> list[Path]:
    """Return where the libraries are, if it is this interpreter that was recorded."""
    if recording.header.get("python") != platform.python_version():
        return []
    return [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")]


def texts(recording: Recording, folders: list[Path]) -> dict[str, str]:
    """Return the text of the program's files that can be found, by their recorded names.

    A recording may come from somebody else: nothing but Python, and nothing outside *folders*.
    """
    found: dict[str, str] = {}
    for name in {event["src"].rpartition(":")[0] for event in recording.events if "src" in event}:
        for folder in folders:
            path = (folder / name).resolve()
            if name in found or path.suffix != ".py" or not path.is_relative_to(folder.resolve()):
                continue
            try:
                found[name] = path.read_text(encoding="utf-8")
            except (OSError, ValueError):
                continue
    return found

"""What a program's log says, without the parts that must differ between cells.

A traceback runs through the loop's own files, which are other files in every cell.  Only the
program's frames and the last line are kept; a warning reported in a library's file loses the place.
`exceptions` and `warnings` read the types back out, for the summary.
"""

import re
from collections.abc import Iterable, Iterator

ANSI = re.compile(r"\x1b\[[0-9;]*m")
LIBRARY = re.compile(
    r"<frozen [\w.]+>|\.pyx$|[/\\]lib[/\\]python3\.\d+[/\\]|site-packages|dist-packages"
    r"|[/\\]miniloop[/\\](?:\w+[/\\])*\w+\.py$|[/\\]compat[/\\]cell[/\\]"
)
FRAME = re.compile(r'^(?P<margin>[ |+]*)File "(?P<path>[^"]*)", line \d+(?:, in .*)?$')
WARNING = re.compile(r"^(?P<path>.+?):\d+: (?P<kind>\w*Warning): (?P<text>.*)$")
EXCEPTION = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?:: .*)?$")
TRACE_BEGINS = re.compile(
    r"^(?P<margin>[ |+-]*)(?:Exception Group )?Traceback \(most recent call last\):$"
)


def any_traceback(lines: Iterable[str]) -> bool:
    """Return whether there is a traceback among `lines`."""
    return any(TRACE_BEGINS.match(ANSI.sub("", line)) for line in lines)


def cleaned(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a stream without library frames and library places."""
    margin: str | None = None  # of the frame being dropped: its source lines are indented deeper
    after_warning = False
    for raw in lines:
        line = ANSI.sub("", raw)
        frame = FRAME.match(line)
        if frame:
            margin = frame["margin"] if LIBRARY.search(frame["path"]) else None
            if margin is None:
                yield line
            continue
        if margin is not None and line.startswith(margin + "  "):
            continue
        margin = None
        if after_warning and line.startswith("  "):
            after_warning = False
            continue
        warning = WARNING.match(line)
        after_warning = bool(warning and LIBRARY.search(warning["path"]))
        yield f"{warning['kind']}: {warning['text']}" if warning and after_warning else line


def exceptions(lines: Iterable[str]) -> list[str]:
    """Return the types of the exceptions whose tracebacks are among `lines`, in order."""
    found = []
    margin: str | None = None
    for raw in lines:
        line = ANSI.sub("", raw)
        begins = TRACE_BEGINS.match(line)
        if begins:
            margin = begins["margin"].replace("+", " ").replace("-", " ")
            continue
        if margin is not None:
            rest = line[len(margin) :] if len(line) > len(margin) else ""
            if rest and not rest.startswith((" ", "|", "+")):
                match = EXCEPTION.match(rest)
                if match:
                    found.append(match["kind"].rpartition(".")[2])
                margin = None
    return found


def warnings(lines: Iterable[str]) -> list[str]:
    """Return the warnings among `lines`, each as "Category: message"."""
    matches = (WARNING.match(ANSI.sub("", line)) for line in lines)
    return [f"{match['kind']}: {match['text']}" for match in matches if match]

"""The process between us and a server: it starts the server, and stops it whatever happens to us.

    python keeper.py    with the orders as one line of JSON on standard input

Standard input is a pipe that only our process holds open.  When it ends (because we close it, or
because we die, of whatever) the keeper stops the server and removes its folder.  It runs in a
session of its own, so that a Ctrl-C at the terminal does not end it before its work is done.

Orders
    directory   the server's folder, which exists; it is removed at the end
    user        null, or [user id, group id] for the server
    copy        null, or [from, [part, ...], to]: folders to copy first
    prepare     the command that makes the server's files, or null
    serve       the command that runs the server, in the foreground
    signal      the number of the signal that stops it

Lines after that are `stop` and `start`, each answered with `done` when it is, and `end`, which
does what the end of standard input does.  If the server ends by itself, or cannot be prepared, the
end of what it wrote is printed, and the keeper ends.
It imports nothing but the standard library, and nothing of ours.

Read next: postgresql.py
"""

import json
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

PATIENCE = 10  # seconds that a server may take to stop before it is killed
SHOWN = 2000  # bytes of a server's last words
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Keeper:
    """One server and its folder."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders = orders
        self.directory = Path(orders["directory"])
        self.server: subprocess.Popen[bytes] | None = None

    def prepare(self) -> bool:
        """Make the server's files; return whether that succeeded."""
        if self.orders["user"]:
            os.chown(self.directory, *self.orders["user"])
        if self.orders["copy"]:
            source, parts, place = self.orders["copy"]
            for part in parts:
                if os.path.isdir(f"{source}/{part}"):
                    shutil.copytree(
                        f"{source}/{part}",
                        f"{place}/{part}",
                        symlinks=True,
                        ignore=shutil.ignore_patterns("include"),
                    )
        return not self.orders["prepare"] or self.run(self.orders["prepare"]).wait() == 0

    def start(self) -> None:
        """Start the server."""
        self.server = self.run(self.orders["serve"])

    def stop(self) -> None:
        """Stop the server if it runs, and wait for its end."""
        if self.server is None:
            return
        self.server.send_signal(self.orders["signal"])
        try:
            self.server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        self.server = None

    def run(self, words: list[str]) -> "subprocess.Popen[bytes]":
        """Start a command as the server's user, in its folder; what it writes goes to its log."""
        user, group = self.orders["user"] or (None, None)
        with open(self.directory / "log", "ab") as log:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )

    def last_words(self) -> bytes:
        """Return the end of what the server wrote."""
        return (self.directory / "log").read_bytes()[-SHOWN:]


def follow(keeper: Keeper, signals: int) -> bytes:
    """Do as we are told until it is time to end; return what is to be said about that."""
    if not keeper.prepare():
        return keeper.last_words()
    keeper.start()
    while True:
        readable, _, _ = select.select([0, signals], [], [])
        if signals in readable:
            number = os.read(signals, 1)[0]
            if number in ENDING:
                return b""
            if keeper.server is not None and keeper.server.poll() is not None:
                return keeper.last_words()
        if 0 in readable:
            word = line()
            if word not in ("stop", "start"):
                return b""
            keeper.stop() if word == "stop" else keeper.start()
            os.write(1, b"done\n")


def line() -> str:
    """Return the next line of standard input, read without taking more than that."""
    found = b""
    while (letter := os.read(0, 1)) not in (b"", b"\n"):
        found += letter
    return found.decode()


def main() -> None:
    """Keep one server."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (*ENDING, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    text = line()
    if not text:  # whoever started us was gone before the first word
        return
    keeper = Keeper(json.loads(text))
    words = b""
    try:
        words = follow(keeper, reader)
    except OSError as error:
        words = str(error).encode()
    finally:
        keeper.stop()
        shutil.rmtree(keeper.directory, ignore_errors=True)
    try:
        os.write(1, words)
    except BrokenPipeError:
        pass  # nobody is left to hear them


if __name__ == "__main__":
    main()

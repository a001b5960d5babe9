"""`miniloop serve`, as whoever types it sees it, and its clients."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..loops import LOOPS

SECONDS = 60

APPLICATION = """
import asyncio, json, os
from pathlib import Path
from protocols.http.handlers import Response

VERSION = 1

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    path = scope["path"]
    if path == "/die":
        os._exit(3)
    if path == "/slow":
        print("begun", flush=True)
        while not Path("release").exists():
            await asyncio.sleep(0.01)
    while path == "/stubborn":
        print("begun", flush=True)
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            print("cancelled", flush=True)
    said = {"pid": os.getpid(), "client": scope["client"], "scheme": scope["scheme"],
            "loop": type(asyncio.get_running_loop()).__module__.split(".")[0], "version": VERSION}
    body = json.dumps(said).encode()
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})

async def handler(request):
    return Response("plain")

def make():
    return app

no_application = 1

async def two(scope, receive): ...

def broken_factory():
    raise ValueError("in the factory")

async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""


class Serving:
    """A running command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port = 0

    def line(self) -> str:
        """Return the next line that it says."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().strip()

    def out(self) -> str:
        """Return the next line that the application prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def until_ready(self, scheme: str = "http") -> None:
        """Read where it serves."""
        line = self.line()
        assert line.startswith(f"miniloop: serving on {scheme}:"), line
        self.port = int(line.rpartition(":")[2])

    def get(self, path: str = "/", **headers: str) -> Any:
        """Return what the application says of a request, on a connection of its own."""
        return asked(
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS), path, headers
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def asked(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> Any:
    try:
        connection.request("GET", path, headers=headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "served.py").write_text(APPLICATION)

    @contextmanager
    def started(*words: str, target: str = "served:app", **more: Any) -> Iterator[Serving]:
        with subprocess.Popen(command(target, *words), **options(tmp_path), **more) as process:
            try:
                yield Serving(process)
            finally:
                process.kill()

    return started


def command(target: str, *words: str) -> list[str]:
    at = [] if "--uds" in words or "--fd" in words else ["--port", "0"]
    return [sys.executable, "-m", "compat", "serve", *at, *words, target]


def options(folder: Path) -> dict[str, Any]:
    here = str(Path(__file__).resolve().parents[3])
    pipe = subprocess.PIPE
    return {"stdout": pipe, "stderr": pipe, "text": True, "cwd": folder,
            "env": {**os.environ, "PYTHONPATH": here}}  # fmt: skip


def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds; fail after a long time."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"]
)
def test_it_serves_on_each_loop_and_ends_after_a_signal(
    start: Any, loop: str, number: signal.Signals
) -> None:
    with start("--loop", loop) as it:
        it.until_ready()
        assert it.get()["loop"] == loop
        assert it.end(number) == 0
        assert it.process.communicate() == ("", "")


def test_handlers_and_factories_are_served_as_well(start: Any) -> None:
    with start(target="served:handler") as it:
        it.until_ready()
        connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=SECONDS)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"plain"
        connection.close()
    with start("--factory", target="served:make") as it:
        it.until_ready()
        assert it.get()["client"][0] == "127.0.0.1"


def test_the_first_signal_lets_requests_end(start: Any, tmp_path: Path) -> None:
    with start() as it:
        it.until_ready()
        connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=SECONDS)
        connection.request("GET", "/slow")
        assert it.out() == "begun"
        it.process.send_signal(signal.SIGTERM)
        until(lambda: refused(it.port))
        (tmp_path / "release").touch()
        assert json.loads(connection.getresponse().read())["scheme"] == "http"
        connection.close()
        assert it.process.wait(SECONDS) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_second_signal_ends_them(start: Any, workers: str) -> None:
    with start("--workers", workers) as it:
        for _ in range(int(workers)):
            it.until_ready()
        connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=SECONDS)
        connection.request("GET", "/slow")
        assert it.out() == "begun"
        it.process.send_signal(signal.SIGINT)
        until(lambda: refused(it.port))
        assert it.end(signal.SIGINT) == 0
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            connection.getresponse()
        connection.close()


def test_the_third_signal_ends_what_does_not_want_to_end(start: Any) -> None:
    with start() as it:
        it.until_ready()
        connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=SECONDS)
        connection.request("GET", "/stubborn")
        assert it.out() == "begun"
        it.process.send_signal(signal.SIGTERM)
        until(lambda: refused(it.port))
        it.process.send_signal(signal.SIGTERM)
        assert it.out() == "cancelled"
        assert it.end() == -signal.SIGTERM
        connection.close()


def test_the_time_to_drain_is_bounded(start: Any) -> None:
    with start("--drain", "0.05") as it:
        it.until_ready()
        connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=SECONDS)
        connection.request("GET", "/slow")
        assert it.out() == "begun"
        assert it.end() == 0
        connection.close()


def test_a_worker_that_dies_is_replaced_on_the_same_port(start: Any) -> None:
    with start("--workers", "2") as it:
        it.until_ready()
        it.until_ready()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            it.get("/die")
        assert it.line().endswith("has ended with status 3: another one is started")
        it.until_ready()
        assert it.get()["version"] == 1
        assert it.end() == 0


def test_a_changed_file_is_served_anew(start: Any, tmp_path: Path) -> None:
    with start("--reload") as it:
        it.until_ready()
        before = it.get()
        text = APPLICATION.replace("VERSION = 1", "VERSION = 22")  # another size: no stale .pyc
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").rename(tmp_path / "served.py")
        assert it.line().endswith("served.py changed: workers are replaced")
        it.until_ready()
        answers: list[Any] = []

        def renewed() -> bool:
            """Ask; for a while both listen, and what the former had not accepted is reset."""
            try:
                answers.append(it.get())
            except ConnectionError:
                return False
            return bool(answers[-1]["version"] == 22)

        until(renewed)
        assert answers[-1]["pid"] != before["pid"]
        assert it.end() == 0


def test_it_listens_on_a_unix_socket(start: Any, tmp_path: Path) -> None:
    with start("--uds", "s") as it:
        assert it.line() == "miniloop: serving on unix:s"
        connection = http.client.HTTPConnection("x")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(tmp_path / "s"))
        assert asked(connection, "/", {})["client"] is None
        assert it.end() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_listens_on_an_inherited_socket(start: Any, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        words = ("--fd", str(number), "--workers", workers)
        with start(*words, pass_fds=[number]) as it:
            for _ in range(int(workers)):
                it.until_ready()
            assert it.port == listening.getsockname()[1]
            assert it.get()["version"] == 1
            assert it.end() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_a_unix_socket_that_another_server_has_stays_its_own(
    start: Any, tmp_path: Path, loop: str
) -> None:
    with start("--uds", "s") as first:
        assert first.line() == "miniloop: serving on unix:s"
        with start("--uds", "s", "--loop", loop) as second:
            assert second.line() == "miniloop: s: another server listens there"
            assert second.process.wait(SECONDS) == 1
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(tmp_path / "s"))
        first.process.kill()  # which leaves the file
        first.process.wait(SECONDS)
        assert (tmp_path / "s").exists()
        with start("--uds", "s", "--loop", loop) as third:
            assert third.line() == "miniloop: serving on unix:s"
            assert third.end() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_an_inherited_unix_socket_stays_when_the_server_ends(
    start: Any, tmp_path: Path, loop: str
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        words = ("--fd", str(listening.fileno()), "--loop", loop)
        with start(*words, pass_fds=[listening.fileno()]) as it:
            assert it.line() == f"miniloop: serving on unix:{tmp_path / 's'}"
            assert it.end() == 0
    assert (tmp_path / "s").exists()


def test_tls_with_and_without_a_client_s_certificate(start: Any, tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    for name in ("server", "client"):
        issued = authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / f"{name}.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    words = ("--host", "localhost", "--certificate", "server.pem", "--client-ca", "ca.pem")
    with start(*words) as it:
        it.until_ready("https")
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        connection = http.client.HTTPSConnection("localhost", it.port, context=context)
        with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
            asked(connection, "/", {})
        context.load_cert_chain(str(tmp_path / "client.pem"))
        connection = http.client.HTTPSConnection("localhost", it.port, context=context)
        assert asked(connection, "/", {})["scheme"] == "https"
        assert it.end() == 0


def test_the_access_log_and_proxies(start: Any, tmp_path: Path) -> None:
    form = "{client} {method} {target} {scheme} {status}"
    words = ("--access-log", "log", "--access-format", form, "--trust", "127.0.0.0/8")
    with start(*words) as it:
        it.until_ready()
        said = it.get("/a?b", **{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"})
        assert (said["client"], said["scheme"]) == (["192.0.2.1", 0], "https")
        assert it.end() == 0
    assert (tmp_path / "log").read_text() == "192.0.2.1 GET /a?b https 200\n"


def test_limits_are_options(start: Any) -> None:
    with start("--limit", "header_fields=5") as it:
        it.until_ready()
        with socket.create_connection(("127.0.0.1", it.port)) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 6 + b"\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 431 ")
        assert it.end() == 0


@pytest.mark.parametrize(
    ("words", "target", "said"),
    [
        ((), "served", "served names no application: write MODULE:NAME"),
        ((), "nothing:app", "there is no module nothing"),
        ((), "served:none", "there is no none in served"),
        ((), "served:no_application", "cannot be called"),
        ((), "served:failing", "the application did not start: no database"),
        ((), "served:two", "an application takes (scope, receive, send), a handler (request)"),
        (("--host", "no.such.host.invalid"), "served:app", "no.such.host.invalid port 0: "),
        (("--host", "192.0.2.1", "--workers", "2"), "served:app", "192.0.2.1 port 0: "),
        (("--workers", "2"), "served:failing", "has ended with status 1 before it served"),
        (("--uds", "no/such/folder"), "served:app", "o such file or directory"),
    ],
)
def test_what_cannot_be_served_is_said_with_status_1(
    start: Any, words: tuple[str, ...], target: str, said: str
) -> None:
    with start(*words, target=target) as it:
        out, err = it.process.communicate(timeout=SECONDS)
    assert it.process.returncode == 1
    assert said in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--uds", "x", "--fd", "3"), "--uds and --fd exclude each other"),
        (("--uds", "x", "--workers", "2"), "a Unix socket has one worker"),
        (("--client-ca", "served.py"), "need --certificate"),
        (("--certificate", "served.py"), "served.py cannot be used for TLS"),
        (("--trust", "localhost"), "is no address, no network"),
        (("--access-format", "{x}"), "there is no field {x}"),
        (("--access-log", "no/such/folder"), "cannot be written"),
        (("--limit", "speed=1"), "there is no limit 'speed'"),
        (("--limit", "streams=many"), "streams takes a whole number, not 'many'"),
        (("--limit", "streams=0"), "streams is a number from 1 to 2,147,483,647, not 0"),
        (("--limit", "body_rate=0"), "body_rate is a number from 0.001 to "),
        (("--limit", "keep_alive=nan"), "keep_alive takes a number, not 'nan'"),
        (("--drain", "nan"), "--drain takes a number of seconds"),
        (("--drain", "inf"), "inf is not in the range"),
        (("--uds", ""), "--uds needs a path"),
        (("--uds", "x", "--host", "::1"), "--host and --port are for neither --uds nor --fd"),
        (("--fd", "0"), "--fd 0: Socket operation on non-socket"),
        (("--fd", "77"), "--fd 77: Bad file descriptor"),
        (("--fd", "77", "--workers", "2"), "--fd 77: Bad file descriptor"),
        (("--reload-dir", "."), "--reload-dir needs --reload"),
        (("--access-format", "short"), "--access-format needs --access-log"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_command_line_without_sense_is_one_sentence_and_status_2(
    start: Any, words: tuple[str, ...], said: str
) -> None:
    with start(*words) as it:
        out, err = it.process.communicate(timeout=SECONDS)
    assert (it.process.returncode, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_program_that_raises_is_shown_where_and_nothing_else(start: Any, tmp_path: Path) -> None:
    (tmp_path / "lacking.py").write_text("import there_is_no_such_module\n")
    (tmp_path / "wrong.py").write_text("def f(:\n")
    for words, target, place in (
        ((), "lacking:app", 'lacking.py", line 1'),
        ((), "wrong:app", 'wrong.py", line 1'),
        (("--factory",), "served:broken_factory", "in broken_factory"),
    ):
        with start(*words, target=target) as it:
            out, err = it.process.communicate(timeout=SECONDS)
        assert (it.process.returncode, out) == (1, "")
        assert err.count("  File ") == 1
        assert place in err
        assert err.endswith(f"\nminiloop: {target} cannot be loaded\n")


def test_what_follows_two_dashes_is_the_application(start: Any) -> None:
    with start("--workers", "2", "--") as it:
        it.until_ready()
        it.until_ready()
        assert it.end() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_one_sentence_and_status_1(tmp_path: Path, workers: str) -> None:
    (tmp_path / "served.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as other:
        words = ["--port", str(other.getsockname()[1]), "--workers", workers]
        done = subprocess.run(
            command("served:app", *words), timeout=SECONDS, check=False,
            **{**options(tmp_path), "stdout": subprocess.PIPE},
        )  # fmt: skip
    assert done.returncode == 1
    assert "ddress already in use" in done.stderr
    assert done.stderr.count("\n") == 1

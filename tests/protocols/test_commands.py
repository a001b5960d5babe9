"""The small commands, as whoever types them sees them."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

MODULES = ["protocols.echo", "protocols.udp_echo", "protocols.reliable_udp"]
SECONDS = 30


def command(module: str, *words: str) -> list[str]:
    return [sys.executable, "-m", module, *words]


def result(module: str, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(command(module, *words), capture_output=True, text=True, timeout=SECONDS)
    return done.returncode, done.stdout, done.stderr


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Give a started command; it is ended, whatever happens."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command(*words), stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_what_is_sent_is_answered_and_a_signal_ends_the_server(
    module: str, host: str, number: signal.Signals
) -> None:
    with running(module, "serve", "--host", host) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        assert first.startswith(f"listening on {host} port ")
        port = first.split()[-1]
        status, out, err = result(module, "send", "--host", host, "--port", port, "two", "words")
        assert (status, out.lower(), err) == (0, "two words\n", "")
        server.send_signal(number)
        assert server.communicate(timeout=SECONDS) == ("", "")
        assert server.returncode == 0


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["send", "hello"], "the following arguments are required: --port"),
        (["send", "--port", "x", "hello"], "a port is a number from 0 to 65535, not 'x'"),
        (["send", "--port", "65536", "hello"], "a port is a number from 0 to 65535"),
        (["send", "--port", "1", "--timeout", "-1", "x"], "seconds are a number above 0"),
        (["listen"], "invalid choice: 'listen'"),
        ([], "the following arguments are required"),
    ],
    ids=["no port", "no number", "too high", "no time", "no such command", "nothing"],
)
def test_a_mistake_is_one_sentence_and_status_2(module: str, words: list[str], said: str) -> None:
    status, out, err = result(module, *words)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("module", MODULES)
def test_an_address_in_use_is_one_sentence_and_status_1(module: str) -> None:
    kind = socket.SOCK_STREAM if module == "protocols.echo" else socket.SOCK_DGRAM
    with socket.socket(type=kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        status, out, err = result(module, "serve", "--port", str(other.getsockname()[1]))
    assert (status, out) == (1, "")
    assert "ddress already in use" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("module", MODULES)
def test_nobody_there_is_one_sentence_and_status_1(module: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = str(gone.getsockname()[1])
    status, out, err = result(module, "send", "--port", port, "--timeout", "0.5", "hello")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("module", MODULES)
def test_ctrl_c_ends_a_client_that_waits_with_130(module: str) -> None:
    """The other side is there, has something from the client, and says nothing."""
    datagrams = module != "protocols.echo"
    kind = socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM
    with socket.socket(type=kind) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(SECONDS)
        if not datagrams:
            silent.listen()
        port = str(silent.getsockname()[1])
        with running(module, "send", "--port", port, "--timeout", "30", "hello") as client:
            heard = silent if datagrams else silent.accept()[0]
            heard.settimeout(SECONDS)
            with heard:
                assert heard.recv(100)
                client.send_signal(signal.SIGINT)
                assert client.communicate(timeout=SECONDS) == ("", "")
        assert client.returncode == 130

"""The supervisor, with workers that do nothing: who is started, told, replaced and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from miniloop.support.states import shown_in
from protocols.http.serve import workers
from protocols.http.serve.workers import ROLE, TRANSITIONS, Role, Worker, role

SECONDS = 60


class Supervised:
    """A running supervisor, and what it and its workers print."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        """Return the next line, ``""`` at the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ready(self) -> int:
        """Return the number of the process that says next that it is ready."""
        word, number = self.line().split()
        assert word == "ready"
        return int(number)

    def successor(self, former: int) -> int:
        """Return who has got ready; *former* is told to end then, and either may print first."""
        lines = [self.line(), self.line()]
        lines.remove(f"told {former}")
        word, number = lines[0].split()
        assert word == "ready"
        return int(number)

    def rest(self) -> list[str]:
        """Return what is printed until the end."""
        out, err = self.process.communicate(timeout=SECONDS)
        assert err == ""
        return out.splitlines()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@contextmanager
def supervised(*words: str) -> Iterator[Supervised]:
    command = [sys.executable, "-m", "tests.protocols.serve.supervised", *words]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, env=environment()
    )
    with process:
        try:
            yield Supervised(process)
        finally:
            process.kill()  # its workers see their lifelines end


def environment() -> dict[str, str]:
    """Return an environment in which the tests can be imported, wherever we are."""
    here = str(Path(__file__).resolve().parents[3])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}


def test_the_states_are_drawn() -> None:
    assert shown_in(workers.__doc__, TRANSITIONS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_tells_every_worker_once_and_ends_with_status_0(number: signal.Signals) -> None:
    with supervised("3") as it:
        pids = {it.ready() for _ in range(3)}
        assert len(pids) == 3
        it.send(number)
        assert sorted(it.rest()) == sorted(f"told {pid}" for pid in pids)
        assert it.process.returncode == 0


def test_ctrl_c_at_the_terminal_reaches_workers_through_the_supervisor_alone() -> None:
    """The terminal sends SIGINT to the supervisor's whole process group."""
    with supervised("2") as it:
        pids = {it.ready() for _ in range(2)}
        os.killpg(it.process.pid, signal.SIGINT)
        assert sorted(it.rest()) == sorted(f"told {pid}" for pid in pids)
        assert it.process.returncode == 0


def test_a_dead_worker_is_replaced_and_the_others_are_left_alone() -> None:
    with supervised("2") as it:
        first, second = it.ready(), it.ready()
        os.kill(first, signal.SIGKILL)
        assert it.line() == f"worker {first} was killed by SIGKILL: another one is started"
        third = it.ready()
        it.send(signal.SIGTERM)
        assert sorted(it.rest()) == sorted(f"told {pid}" for pid in (second, third))


def test_a_worker_that_was_replaced_is_not_hurried_by_the_first_signal() -> None:
    with supervised("1", "stubborn") as it:
        first = it.ready()
        it.send(signal.SIGHUP)
        second = it.successor(first)  # and the former is still at work
        it.send(signal.SIGTERM)
        assert it.line() == f"told {second}"
        it.send(signal.SIGTERM)
        assert {it.line(), it.line()} == {f"told {first}", f"told {second}"}
        assert not any(line.startswith("told") for line in it.rest())


def test_hangup_replaces_each_when_its_successor_is_ready() -> None:
    with supervised("1") as it:
        first = it.ready()
        it.send(signal.SIGHUP)
        second = it.successor(first)
        it.send(signal.SIGTERM)
        assert it.rest() == [f"told {second}"]


def test_workers_that_never_get_ready_end_it_with_status_1() -> None:
    with supervised("1", "die") as it:
        (line,) = it.rest()
        assert line.endswith("has ended with status 3 before it served")
        assert it.process.returncode == 1


def test_the_second_signal_kills_who_does_not_end() -> None:
    with supervised("1", "stubborn") as it:
        pid = it.ready()
        it.send(signal.SIGTERM)
        assert it.line() == f"told {pid}"
        it.send(signal.SIGTERM)
        assert it.line() == f"told {pid}"
        assert it.rest() == [f"worker {pid} did not end in time and is killed"]
        assert it.process.returncode == 0


def test_workers_see_the_end_of_a_supervisor_that_was_killed() -> None:
    with supervised("2") as it:
        pids = {it.ready() for _ in range(2)}
        it.process.kill()
        assert sorted(it.rest()) == sorted(f"alone {pid}" for pid in pids)


def write(path: Path, text: str) -> None:
    """Have *text* in a file at once: emptied first and then filled it would change twice."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def test_a_changed_file_replaces_workers_but_not_by_broken_ones(tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("good")
    with supervised("1", "watch", str(source)) as it:
        first = it.ready()
        write(source, "broken")
        assert it.line() == f"{source} changed: workers are replaced"
        assert it.line() == "the new worker has ended with status 3: the former one stays"
        write(source, "better")
        assert it.line() == f"{source} changed: workers are replaced"
        second = it.successor(first)
        it.send(signal.SIGTERM)
        assert it.rest() == [f"told {second}"]


def test_broken_from_the_beginning_it_waits_for_a_change(tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("broken")
    with supervised("1", "watch", str(source)) as it:
        assert it.line().endswith("has ended with status 3: waiting for a change")
        write(source, "better")
        assert it.line() == f"{source} changed: workers are replaced"
        pid = it.ready()
        it.send(signal.SIGTERM)
        assert it.rest() == [f"told {pid}"]


# --- one worker ----------------------------------------------------------------------------------


def test_a_role_is_read_from_the_environment() -> None:
    assert role({}) is None
    assert role({ROLE: "1"}) is None
    assert role({ROLE: "5 6"}) == Role(5, 6)
    assert role({ROLE: "5 6 7 8"}) == Role(5, 6, (7, 8))


def until(worker: Worker, state: str) -> None:
    """Look at *worker* until it is in *state*."""
    end = time.monotonic() + SECONDS
    while worker.look() != state:
        assert time.monotonic() < end, worker
        time.sleep(0.01)


def test_a_worker_that_closes_its_pipe_without_a_word_is_not_ready() -> None:
    code = "import os; os.close(int(os.environ['MINILOOP_WORKER'].split()[0])); os.read(0, 1)"
    worker = Worker(0, [sys.executable, "-c", code + "; import time; time.sleep(60)"])
    end = time.monotonic() + SECONDS
    while worker.may_speak and time.monotonic() < end:
        assert worker.look() == "starting"
        time.sleep(0.01)
    assert not worker.may_speak
    worker.ask_to_end(0.0)
    assert worker.look() in ("stopping", "ended")
    worker.kill_if_late()
    until(worker, "ended")
    assert worker.why_ended().startswith("was killed by SIG")


def test_a_program_that_is_not_there_leaves_no_descriptor_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        Worker(0, ["/there/is/no/such/program"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_to_ask_again_never_puts_the_end_off() -> None:
    worker = Worker(0, [sys.executable, "-c", "import time; time.sleep(60)"])
    worker.ask_to_end(0.0)
    first = worker.deadline
    worker.ask_to_end(100.0)
    assert worker.deadline == first
    until(worker, "ended")
    worker.ask_to_end(0.0)
    assert worker.state == "ended"
    assert not worker.kill_if_late()

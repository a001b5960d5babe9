"""The commands of `protocols` with miniloop's names: what they import is renamed, on every loop."""

from __future__ import annotations

import signal
import subprocess

import pytest

from compat.launching import command
from compat.options import Cell, Interpreter, Target

from ..effort import effort
from .cells import in_cell, printed, renamed_cells

MODULES = ["protocols.reliable_udp", "protocols.echo", "protocols.udp_echo"]
SECONDS = 60


@renamed_cells
@pytest.mark.parametrize("module", MODULES[: effort(len(MODULES), 1)])
def test_server_and_client_are_run_in_the_cell(cell: Cell, module: str) -> None:
    words = command(cell, Target("module", module, ("serve",)), Interpreter())
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().split()[-1]
            done = in_cell(cell, module, "send", "--port", port, "two words", kind="module")
            assert [line.lower() for line in printed(done)] == ["two words"]
            server.send_signal(signal.SIGTERM)
            assert server.communicate(timeout=SECONDS) == ("", "")
            assert server.returncode == 0
        finally:
            server.kill()

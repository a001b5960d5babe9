"""``python -m tests.differential [FIRST [LAST]]``: run programs by number, show a difference."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path

from .cells import CELLS, NETWORK_CELLS, Cell, difference, explain, perform, script
from .grammar import from_seed, network_from_seed
from .shrinking import smallest
from .versions import IN_NAMES, IN_NETWORK, IN_TASKS, left_out


def show(path: str, eager: bool, salt: int | None = None) -> str | None:
    """Run the program in the file *path*: in one cell, or compare the first with the others.

    With a *salt* it is one of the network.  Returns None when all do the same.
    """
    program = script(Path(path).read_text(), eager, path, salt)
    cells = CELLS if salt is None else NETWORK_CELLS
    if len(sys.argv) > 2:
        cells = (Cell(*sys.argv[1:3]),)
    traces = [perform(program, cell) for cell in cells]
    for cell, trace in zip(cells, traces, strict=True):
        if trace != traces[0] or cell == cells[0]:
            print(f"--- names of {cell.names}, loop of {cell.loop}")
            for event in trace.events:
                print(*event)
            for event in trace.unordered:
                print("in any order:", *event)
    return None if all(trace == traces[0] for trace in traces) else "they differ"


def main() -> None:
    """Run the programs that are asked for; exit with 1 when one makes a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential")
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("last", type=int, nargs="?")
    parser.add_argument("--network", action="store_true", help="programs of the network")
    parser.add_argument("--differences", type=int, default=1, help="stop after so many")
    given = parser.parse_args()
    last = given.first + 1000 if given.last is None else given.last
    found = 0
    make, without = from_seed, left_out(IN_NAMES, IN_TASKS)
    if given.network:
        make, without = network_from_seed, without | left_out(IN_NETWORK)
    begun = time.perf_counter()
    gc.collect()
    gc.freeze()
    for seed in range(given.first, last):
        different = difference(make(seed, without))
        if different is not None:
            print(f"=== program {seed}\n{explain(smallest(different))}\n", flush=True)
            found += 1
            if found == given.differences:
                break
    print(f"{seed + 1 - given.first} programs, {time.perf_counter() - begun:.1f} s, {found} differ")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()

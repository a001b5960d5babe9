"""``python -m compat.bench``: the benchmarks without the rest of the command line."""

from compat.bench.command import main

main()

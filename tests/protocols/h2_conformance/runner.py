"""Run every case against any server, and print a table.

`python -m tests.protocols.h2_conformance HOST PORT [--tls] [--strict] [--http1-too]
[--newer] [--only ID] [--verbose]`

The server must answer GET, HEAD and POST of "/" with 200 and, but for HEAD, a
body of five bytes or more.

Read next: test_known_servers.py
"""

from __future__ import annotations

import argparse
import time

from .cases import Case
from .suites import NEWER_SERVER_CASES, SERVER_CASES, failure
from .wire import Mode, over_tls

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the cases that are asked for; return how many failed."""
    parser = argparse.ArgumentParser(prog="h2_conformance", description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", action="store_true", help="over TLS; trusts any certificate")
    parser.add_argument("--strict", action="store_true", help="errors must have the right code")
    parser.add_argument("--http1-too", action="store_true", help="a bad preface may get a 400")
    parser.add_argument("--newer", action="store_true", help="cases of RFC 9113 and 8441 as well")
    parser.add_argument("--only", default="", help="cases whose id begins so, as http2/6.9")
    parser.add_argument("--verbose", action="store_true", help="the cases that passed as well")
    options = parser.parse_args(arguments)
    tls = over_tls(None) if options.tls else None
    mode = Mode(options.strict, options.http1_too)
    begun = time.monotonic()
    cases = [*SERVER_CASES, *(NEWER_SERVER_CASES if options.newer else [])]
    chosen = [case for case in cases if f"{case.id}/".startswith(options.only)]
    failed = 0
    for case in chosen:
        why = failure(case, options.host, options.port, tls, mode)
        failed += why is not None
        show(case, why, verbose=options.verbose)
    seconds = time.monotonic() - begun
    print(f"{len(chosen)} cases, {len(chosen) - failed} passed, {failed} failed, {seconds:.1f} s")
    return failed


def show(case: Case, why: str | None, *, verbose: bool) -> None:
    """Print a line for a case that failed, or for any."""
    if why or verbose:
        print(f"{'FAIL' if why else 'pass'}  {case.id:16} RFC {case.rfc:12} {case.says}")
    if why:
        print(f"{'':23}{why}")

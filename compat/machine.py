"""A comparison as JSON, for machines.

    {"same": bool,                        # no cell of any program certainly differs
     "not_run": [{"program": str, "reason": str}],      # examples that lack something
     "programs": [
       {"program": str,                   # path, module or module:function
        "arguments": [str],
        "same": bool,
        "baseline": "asyncio/asyncio",
        "cells": [
          {"cell": "names/loop",
           "same": bool,                  # nothing is certainly different
           "runs": [
             {"status": int | null,       # minus the signal's number; null: ran out of time
              "wall": float,              # seconds from the program's first line to its end
              "cpu": float,               # seconds, user and system, children waited for included
              "loops": {class: count},    # loops that the program made
              "left_behind": bool,        # it ended with processes of its own still running
              "truncated": bool,          # more was printed than was kept
              "unusable": str | null,     # why there was nothing to run
              "exceptions": [str],        # types of the tracebacks on standard error
              "warnings": [str],          # "Category: message" on standard error
              "lines": [[stream, seconds, text]]}],      # stream is "out" or "err"
           "differences": [
             {"kind": "status" | "line" | "order" | "exception" | "warning" | "number" | "moment",
              "certain": bool,            # every run shows it; otherwise it is timing only
              "stream": "out" | "err" | "",
              "baseline": str | null,
              "cell": str | null}]}]}]}

The first cell of each program is the baseline, which has no differences.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from compat import tracebacks
from compat.capturing import Run
from compat.comparing import Comparison, NotRun
from compat.verdict import Verdict


def as_json(comparisons: Sequence[Comparison], not_run: Sequence[NotRun] = ()) -> str:
    """Return the comparisons in the form that this module's first lines describe."""
    programs = [program(comparison) for comparison in comparisons]
    lacking = [{"program": item.target.name, "reason": item.reason} for item in not_run]
    same = all(item.same for item in comparisons)
    whole = {"same": same, "not_run": lacking, "programs": programs}
    return json.dumps(whole, ensure_ascii=False, indent=1)


def program(comparison: Comparison) -> dict[str, Any]:
    """Return one program's part."""
    return {
        "program": comparison.target.name,
        "arguments": list(comparison.target.arguments),
        "same": comparison.same,
        "baseline": str(comparison.verdicts[0].cell),
        "cells": [cell(verdict) for verdict in comparison.verdicts],
    }


def cell(verdict: Verdict) -> dict[str, Any]:
    """Return one cell's part."""
    return {
        "cell": str(verdict.cell),
        "same": verdict.same,
        "runs": [one_run(run) for run in verdict.runs],
        "differences": [asdict(item) for item in verdict.differences],
    }


def one_run(run: Run) -> dict[str, Any]:
    """Return one run's part."""
    errors = [line.text for line in run.lines if line.stream == "err"]
    return {
        "status": run.status,
        "wall": run.wall,
        "cpu": run.cpu,
        "loops": run.loops,
        "left_behind": run.left_behind,
        "truncated": run.truncated,
        "unusable": run.unusable,
        "exceptions": tracebacks.exceptions(errors),
        "warnings": tracebacks.warnings(errors),
        "lines": [[line.stream, round(line.at, 6), line.text] for line in run.lines],
    }

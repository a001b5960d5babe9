"""What the server and the client are to reach, in the same run.

These are looked at only when asked for (``--check``): a busy machine can miss them.
"""

from __future__ import annotations

from compat.bench.http import requests, rows
from compat.bench.report import Report
from compat.bench.thresholds import compare

AT_UVICORN = 1.0  # on uvloop, HTTP/1.1
OVER_HYPERCORN = 1.5  # HTTP/2
OVER_HTTPX = 5.0


def check_servers(report: Report) -> list[str]:
    """Return in what the server falls short of its goals, for the rows that were run."""
    complaints = []
    for row in report.cells:
        peer, least = rows.UVICORN[1], AT_UVICORN
        if row.startswith("h2"):
            peer, least = rows.HYPERCORN[0], OVER_HYPERCORN
        ours = [report.ratio(row, each.key, peer.key) or 0.0 for each in rows.OURS]
        complaints += compare(f"protocols: {row} against {peer.key}", max(ours), least)
    return complaints


def check_clients(report: Report) -> list[str]:
    """Return in what the client falls short of its goals, for the rows that were run."""
    return [
        complaint
        for row in report.cells
        for each in requests.OURS
        for complaint in compare(
            f"{each.key}: {row} against {requests.HTTPX.key}",
            report.ratio(row, each.key, requests.HTTPX.key),
            OVER_HTTPX,
        )
    ]

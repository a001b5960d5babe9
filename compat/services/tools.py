"""Command line tools that tests and benchmarks use: found where they are, or installed for root.

Unlike the servers they come from nowhere but Debian's packages: nobody needs them to run a
program of miniloop's.  All that is missing is installed in one go, since most of the time is
spent on what each installation costs by itself.

Read next: ../examples/__init__.py
"""

from pathlib import Path

from compat.services.binaries import Kind, ServiceError, candidates
from compat.services.bringing import can_install, install, say

__all__ = ["TOOLS", "bring_tools", "find_tool"]

SYSTEM = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin")


def tool(name: str, package: str, *others: str) -> Kind:
    """Return what is known about one tool."""
    return Kind(name, (name,), package, others, SYSTEM)


#: By name; a browser without fonts draws no text.
TOOLS = {
    "curl": tool("curl", "curl"),
    "nghttp": tool("nghttp", "nghttp2-client"),
    "h2load": tool("h2load", "nghttp2-client"),
    "nghttpd": tool("nghttpd", "nghttp2-server"),
    "wrk": tool("wrk", "wrk"),
    "chromium": tool(
        "chromium-headless-shell",
        "chromium-headless-shell fonts-dejavu-core",
        "chromium",
        "google-chrome-stable",
        "google-chrome",
    ),
}


def find_tool(name: str) -> Path:
    """Return the program of the tool *name* of `TOOLS`.

    Raises ServiceError, which says what to install, when it is not on this machine.
    """
    kind = TOOLS[name]
    for programs in candidates(kind):
        return programs.server
    raise ServiceError(
        f"there is no {name} on this machine: install it (Debian: apt-get install {kind.package}),"
        " or have root run `python -m compat.services --tools` there"
    )


def bring_tools() -> tuple[dict[str, Path], list[str]]:
    """Return where the tools are, by name, and why those are missing that are.

    What is not there is installed first if we may.
    """
    places, missing = look()
    if not missing or not can_install():
        return places, list(missing.values())
    say(f"bringing {', '.join(missing)}")
    reasons: dict[str, str] = {}
    packages = sorted({word for name in missing for word in TOOLS[name].package.split()})
    try:
        install(" ".join(packages))
    except ServiceError:
        # One of them may be unknown here: that shall not cost the others.
        for name in missing:
            reasons |= install_alone(name)
    places, missing = look()
    return places, [reasons.get(name, reason) for name, reason in missing.items()]


def install_alone(name: str) -> dict[str, str]:
    """Install one tool if it is not there; return why it cannot be had, by its name."""
    try:
        find_tool(name)
    except ServiceError:
        try:
            install(TOOLS[name].package)
        except ServiceError as error:
            return {name: f"{name} cannot be brought: {error}"}
    return {}


def look() -> tuple[dict[str, Path], dict[str, str]]:
    """Return where the tools are, and what is said about those that are nowhere, by name."""
    places, missing = {}, {}
    for name in TOOLS:
        try:
            places[name] = find_tool(name)
        except ServiceError as error:
            missing[name] = str(error)
    return places, missing

"""`miniloop serve`: an HTTP server for an ASGI application or a plain handler."""

import asyncio
import math
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from compat.options import LOOPS, BadUsage, here_installed

try:
    from protocols.http.limits import Limits
    from protocols.http.serve.access import FORMATS, formatter
    from protocols.http.serve.loading import (
        CannotServe,
        load_application,
        server_context,
        traceback_of,
    )
    from protocols.http.serve.proxy import Trusted
    from protocols.http.serve.reload import Watcher
    from protocols.http.serve.supervisor import Plan, Supervisor
    from protocols.http.serve.worker import Settings, complain, work
    from protocols.http.serve.workers import Role, python_command, role
except ModuleNotFoundError as error:
    needed = "install the checkout with its extra `http`"
    raise BadUsage(f"{error.name} is not installed: {needed}") from error

SECONDS = click.FloatRange(0, 10**9)
FILE = click.Path(exists=True, dir_okay=False)

OPTIONS = (
    click.argument("target", metavar="MODULE:NAME"),
    click.option("--factory", is_flag=True, help="NAME is called for the application."),
    click.option("--host", default="127.0.0.1", show_default=True, help="Name or address."),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=8000, show_default=True,
        help="0 for any free one.",
    ),
    click.option("--uds", metavar="PATH", help="Listen on a Unix socket instead."),
    click.option("--fd", type=click.IntRange(0), help="Listen on an inherited socket instead."),
    click.option("--certificate", type=FILE, help="PEM file of the chain: serve over TLS."),
    click.option("--key", type=FILE, help="PEM file of its key, if that is elsewhere."),
    click.option("--client-ca", type=FILE, help="Clients need a certificate that this signs."),
    click.option(
        "--loop", type=click.Choice(LOOPS), default="miniloop", show_default=True,
        help="Whose loop it runs on.",
    ),
    click.option(
        "--workers", type=click.IntRange(1, 1024), default=1, show_default=True,
        help="How many processes; one that dies is replaced.",
    ),
    click.option("--reload", is_flag=True, help="Replace workers when a source file changes."),
    click.option(
        "--reload-dir", "folders", multiple=True, type=click.Path(exists=True, file_okay=False),
        help="Where source files are; the current directory if not. May be repeated.",
    ),
    click.option("--access-log", metavar="FILE", help="A line for each request; - is stdout."),
    click.option(
        "--access-format", default="common", show_default=True, metavar="FORMAT",
        help=f"One of {', '.join(FORMATS)}, or a text with fields such as {{status}}.",
    ),
    click.option(
        "--trust", multiple=True, metavar="PEER",
        help="A proxy whose Forwarded and X-Forwarded-* count: an address, a network, unix"
        " or *. May be repeated.",
    ),
    click.option(
        "--drain", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS",
        help="How long requests may take to end after the first signal.",
    ),
    click.option(
        "--limit", "limits", multiple=True, metavar="NAME=NUMBER",
        help="One of the server's limits, in seconds and bytes:"
        f" {', '.join(f'{f.name} ({f.default:.10g})' for f in fields(Limits))}."
        " May be repeated.",
    ),
)  # fmt: skip


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@with_options
def serve(target: str, factory: bool, workers: int, reload: bool, **given: Any) -> int:
    """Serve the ASGI application or handler MODULE:NAME over HTTP/1.1, HTTP/2 and WebSockets.

    The first Ctrl-C or SIGTERM ends it when what is at work is done, the second at once. With
    several workers SIGHUP replaces each, once its successor serves; to one alone it is as
    SIGTERM. The exit status is 0 after a signal, 1 if it cannot serve, 2 for a command line
    without sense.
    """
    mine = role(os.environ)
    settings = settings_from(given | {"reload": reload}, shared=workers > 1 or reload)
    try:
        if mine is None and (workers > 1 or reload):
            folders = [Path(one) for one in given["folders"]] or [Path.cwd()]
            watcher = Watcher(folders) if reload else None
            return supervise(settings, workers, watcher)
        return run(application(target, factory), settings, given["loop"], mine)
    except CannotServe as error:
        complain(str(error))
        return 1


def application(target: str, factory: bool) -> Any:
    """Return what is to be served; CannotServe, and the program's traceback, if it raises."""
    try:
        return load_application(target, factory)
    except CannotServe:
        raise
    except Exception as error:
        sys.stderr.write(traceback_of(error))
        raise CannotServe(f"{target} cannot be loaded") from error


def run(application: Any, settings: Settings, loop: str, mine: Role | None) -> int:
    """Serve in this process; return the exit status."""
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.run(work(application, settings, mine, complain))
    return 0


def supervise(settings: Settings, workers: int, watcher: Watcher | None) -> int:
    """Keep workers alive that do the same as this command; return the exit status."""
    arguments = sys.argv[1:]
    sockets: tuple[int, ...] = ()
    reserved: list[socket.socket] = []
    if settings.sock is not None:
        sockets = (settings.sock,)
    elif settings.path is None:
        reserved = reserve(settings.host, settings.port)
        end = arguments.index("--") if "--" in arguments else len(arguments)
        arguments[end:end] = ["--port", str(reserved[0].getsockname()[1])]
    plan = Plan(
        python_command("compat", arguments),
        workers,
        sockets,
        settings.drain,
        watcher.changes if watcher is not None else None,
        say=complain,
    )
    try:
        return Supervisor(plan).run()
    finally:
        for sock in reserved:
            sock.close()


def reserve(host: str, port: int) -> list[socket.socket]:
    """Bind a port without listening, so that it stays ours while workers come and go.

    Raises CannotServe when it cannot be had.
    """
    try:
        found = socket.getaddrinfo(
            host or None,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG,
        )
    except OSError as error:
        raise CannotServe(f"{host}: {error.strerror}") from None
    sockets: list[socket.socket] = []
    for family, kind, protocol, _, address in found:
        try:
            sock = socket.socket(family, kind, protocol)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            chosen = port or (sockets[0].getsockname()[1] if len(sockets) > 1 else 0)
            sock.bind((address[0], chosen, *address[2:]))
        except OSError as error:
            for one in sockets:
                one.close()
            raise CannotServe(f"{host} port {port}: {error.strerror}") from None
    return sockets


def loop_factory(loop: str) -> Callable[[], Any] | None:
    """Return what makes the loop; BadUsage when it is not installed."""
    if not here_installed(loop):
        raise BadUsage(f"{loop} is not installed: pip install {loop}")
    if loop == "miniloop":
        from miniloop import EventLoop

        return EventLoop
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return None


def settings_from(given: dict[str, Any], shared: bool) -> Settings:
    """Return what the options mean; BadUsage when they do not go together."""
    check_together(given, shared)
    loop_factory(given["loop"])
    try:
        formatter(given["access_format"])
        if given["access_log"] is None and was_said("access_format"):
            raise BadUsage("--access-format needs --access-log")
        trusted = Trusted(given["trust"]) if given["trust"] else None
        tls = None
        if given["certificate"] is not None:
            tls = server_context(given["certificate"], given["key"], given["client_ca"])
    except (ValueError, CannotServe) as error:
        raise BadUsage(str(error)) from None
    return Settings(
        host=given["host"],
        port=given["port"],
        path=given["uds"],
        sock=given["fd"],
        reuse_port=shared and given["fd"] is None,
        tls=tls,
        trusted=trusted,
        log=open_log(given["access_log"]),
        log_format=given["access_format"],
        drain=given["drain"],
        limits=limits_from(given["limits"]),
    )


def check_together(given: dict[str, Any], shared: bool) -> None:
    """Raise BadUsage for options of which one would do nothing."""
    if sum(given[name] is not None for name in ("uds", "fd")) > 1:
        raise BadUsage("--uds and --fd exclude each other")
    elsewhere = given["uds"] is not None or given["fd"] is not None
    if elsewhere and (was_said("host") or was_said("port")):
        raise BadUsage("--host and --port are for neither --uds nor --fd")
    if given["uds"] == "":
        raise BadUsage("--uds needs a path")
    if given["fd"] is not None:
        check_listener(given["fd"])
    if given["certificate"] is None and (given["key"] or given["client_ca"]):
        raise BadUsage("--key and --client-ca need --certificate")
    if given["uds"] is not None and shared:
        raise BadUsage("a Unix socket has one worker, and no reload: inherit one with --fd")
    if given["folders"] and not given["reload"]:
        raise BadUsage("--reload-dir needs --reload")
    if math.isnan(given["drain"]):
        raise BadUsage("--drain takes a number of seconds")


def was_said(name: str) -> bool:
    """Tell whether an option was on the command line."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def check_listener(descriptor: int) -> None:
    """Raise BadUsage unless *descriptor* is a socket that can be listened on."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as sock:
            kind = sock.type
    except OSError as error:
        raise BadUsage(f"--fd {descriptor}: {error.strerror}") from None
    if kind != socket.SOCK_STREAM:
        raise BadUsage(f"--fd {descriptor} is no socket for a stream")


def open_log(path: str | None) -> int | None:
    """Return a descriptor to append to; BadUsage when the file cannot be written."""
    if path is None:
        return None
    if path == "-":
        return 1
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise BadUsage(f"{path} cannot be written: {error.strerror}") from None


def limits_from(words: tuple[str, ...]) -> Limits:
    """Return the limits, changed as NAME=NUMBER words say; BadUsage for any other word."""
    defaults = Limits()
    changed: dict[str, float] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in {field.name for field in fields(Limits)}:
            raise BadUsage(f"there is no limit {name!r}")
        kind = type(getattr(defaults, name))
        try:
            number = kind(text)
        except ValueError:
            number = -1
        if not 0 <= number < float("inf"):
            raise BadUsage(f"{name} takes a {'whole ' * (kind is int)}number, not {text!r}")
        changed[name] = number
    try:
        return replace(defaults, **changed)  # type: ignore[arg-type]
    except ValueError as error:
        raise BadUsage(str(error)) from None

"""Finding what is to be served: the application that ``MODULE:NAME`` names, and certificates.

Read next: worker.py
"""

from __future__ import annotations

import importlib
import os
import ssl
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["CannotServe", "load_application", "server_context", "traceback_of"]


class CannotServe(Exception):
    """Something that was asked for is not there, or cannot be used; says what in a sentence."""


def load_application(target: str, factory: bool = False) -> Callable[..., Any]:
    """Return what *target* (``package.module:name.of.it``) names; called first if a *factory*.

    The current directory is looked in first.  Raises CannotServe when there is no such
    thing; what an import raises otherwise is raised as it is, since it is in the program.
    """
    module_name, colon, path = target.partition(":")
    dotted = [*module_name.split("."), *path.split(".")]
    if not colon or not all(part.isidentifier() for part in dotted):
        raise CannotServe(f"{target} names no application: write MODULE:NAME")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # it is there, and lacks something itself
        raise CannotServe(f"there is no module {error.name}") from None
    for part in path.split("."):
        if not hasattr(found, part):
            raise CannotServe(f"there is no {path} in {module_name}")
        found = getattr(found, part)
    if factory:
        found = found()
    if not callable(found):
        raise CannotServe(f"{target} is no application: it cannot be called")
    return found  # type: ignore[no-any-return]


def traceback_of(error: BaseException) -> str:
    """Return the traceback of what `load_application` raised, as far as it is the program's."""
    report = traceback.TracebackException.from_exception(error)
    ours = [place for place, frame in enumerate(report.stack) if frame.filename == __file__]
    rest = report.stack[ours[-1] + 1 :] if ours else list(report.stack)
    machinery = ("<frozen importlib", importlib.__file__)
    theirs = [frame for frame in rest if not frame.filename.startswith(machinery)]
    report.stack = traceback.StackSummary.from_list(theirs)
    return "".join(report.format())


def server_context(
    certificate: str, key: str | None = None, client_ca: str | None = None
) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and above; with *client_ca*, clients need a certificate of it.

    *certificate* is a PEM file with the chain, and with the key where *key* is None.
    Raises CannotServe when a file is not there or not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    path = certificate
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
        if client_ca is not None:
            path = client_ca
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except ssl.SSLError as error:
        why = _why(error, path, certificate, key)
        raise CannotServe(f"{path} cannot be used for TLS: {why}") from None
    except (OSError, ValueError) as error:
        raise CannotServe(f"{path} cannot be used for TLS: {error}") from None
    return context


def _why(error: ssl.SSLError, path: str, certificate: str, key: str | None) -> str:
    """Say what is wrong with *path*, of which OpenSSL knows a name at best."""
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {key or certificate} is another one's"
    if b"-----BEGIN CERTIFICATE" not in Path(path).read_bytes():
        return "there is no certificate in it"
    if path == certificate and b"PRIVATE KEY-----" not in Path(key or certificate).read_bytes():
        return f"there is no key in {key}" if key else "there is no key in it, and none beside it"
    return error.reason or "it is damaged"


def _no_password() -> str:
    raise ValueError("its key has a password; give one without")

"""Addresses and names: what `getaddrinfo` says inside a World.

Every host has an IPv4 address, given out in the order in which hosts are named, and a
name.  ``localhost`` is the host that asks.  A name that nobody has is unknown, as it
would be anywhere: EAI_NONAME.

Read next: barriers.py
"""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import Any

__all__ = ["LOCALHOST", "Names", "is_loopback"]

LOCALHOST = "127.0.0.1"
_LOCALHOST6 = "::1"


@functools.lru_cache
def _version(address: str) -> int:
    """Return 4 or 6; raises ValueError for what is no address."""
    return ipaddress.ip_address(address).version


def is_loopback(address: str) -> bool:
    """Return True for the addresses at which a host reaches itself."""
    return address.startswith("127.") or address in (_LOCALHOST6, "localhost", "")


class Names:
    """The names of one World."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}

    def add(self, name: str, address: str | None = None) -> str:
        """Give *name* an address (the next of 10.0.0.0/16 by default); return it."""
        if address is None:
            number = len(self._addresses) + 1
            address = f"10.0.{number // 256}.{number % 256}"
        self._addresses[name] = str(ipaddress.ip_address(address))
        return self._addresses[name]

    def name_of(self, address: str) -> str:
        """Return the name that has *address*, or the address."""
        return next((name for name, known in self._addresses.items() if known == address), address)

    def resolve(self, host: str | bytes | None, family: int, flags: int) -> list[tuple[int, str]]:
        """Return the families and addresses of *host*, in the order to try them.

        Raises socket.gaierror when there is no such name.
        """
        if isinstance(host, bytes):
            host = host.decode("idna")
        if not host:
            passive = flags & socket.AI_PASSIVE
            found: list[tuple[int, str]] = [(socket.AF_INET, "0.0.0.0" if passive else LOCALHOST)]
            found.append((socket.AF_INET6, "::" if passive else _LOCALHOST6))
        elif host == "localhost":
            found = [(socket.AF_INET, LOCALHOST), (socket.AF_INET6, _LOCALHOST6)]
        else:
            address = self._addresses.get(host, host)
            try:
                version = _version(address.partition("%")[0])
            except ValueError:
                raise socket.gaierror(
                    socket.EAI_NONAME, f"Name or service not known in this World: {host!r}"
                ) from None
            found = [(socket.AF_INET if version == 4 else socket.AF_INET6, address)]
        wanted = [one for one in found if family in (socket.AF_UNSPEC, one[0])]
        if not wanted:
            raise socket.gaierror(socket.EAI_ADDRFAMILY, f"no such address family for {host!r}")
        if family == socket.AF_UNSPEC and host in (None, "", b"", "localhost"):
            wanted = wanted[:1]  # a World has IPv6 for those who ask for it
        return wanted

    def getaddrinfo(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name that socket.getaddrinfo gives it
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[Any, Any, int, str, Any]]:
        """Return what ``socket.getaddrinfo`` would; raises socket.gaierror as it does."""
        number = _port(port)
        kinds = [
            (kind, protocol)
            for kind, protocol in (
                (socket.SOCK_STREAM, socket.IPPROTO_TCP),
                (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
            )
            if type in (0, kind) and proto in (0, protocol)
        ]
        if not kinds:
            raise socket.gaierror(socket.EAI_SOCKTYPE, "no such socket type")
        answers = []
        for found, address in self.resolve(host, family, flags):
            full = (address, number) if found == socket.AF_INET else (address, number, 0, 0)
            for kind, protocol in kinds:
                answers.append(
                    (socket.AddressFamily(found), socket.SocketKind(kind), protocol, "", full)
                )
        return answers

    def getnameinfo(self, address: Any, flags: int) -> tuple[str, str]:
        """Return what ``socket.getnameinfo`` would."""
        host, port = address[:2]
        numeric = flags & socket.NI_NUMERICHOST
        return (host if numeric else self.name_of(host), str(port))


def _port(port: Any) -> int:
    if port is None:
        return 0
    if isinstance(port, bytes):
        port = port.decode("ascii")
    if isinstance(port, str) and not port.isdigit():
        known = {"http": 80, "https": 443, "ssh": 22, "domain": 53, "postgresql": 5432}
        if port not in known:
            raise socket.gaierror(socket.EAI_SERVICE, f"Servname not supported: {port!r}")
        return known[port]
    return int(port)

"""Who comes in: the names a server answers to, the pages that may ask it, and the token in its address.

A name server can give any name of its own the address of this computer (DNS rebinding), and a browser lets any page
connect to any address: so the header `Host` must be a name of this server, and `Origin`, where a browser sends it, must
be the page of that very host. Neither stops another user of this computer, nor a program; the token does.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Sequence
from dataclasses import field

from lstm_tui.engine.dataclass import dataclass

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,253})(?::[0-9]{1,5})?")
_EVERYWHERE = ("0.0.0.0", "::")
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Admission:
    """The rules of one server.

    Attributes:
        host: Where it listens: a name, an address, or every address of this computer.
        names: Other names it is reached by.
        token: What its address ends in; whoever knows it may come in.
    """

    host: str
    names: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def cookie(self) -> str:
        """Name of the cookie that carries the token; each server has one, since cookies do not tell ports apart."""
        return f"lstm-tui-{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"

    def has_token(self, offered: Sequence[str]) -> bool:
        """Say whether one of the texts offered is the token, in a time that tells nothing of how near it came."""
        wanted = self.token.encode()
        return any(hmac.compare_digest(one.encode("utf-8", "replace"), wanted) for one in offered)

    def is_own_host(self, host: str, reached: str | None) -> bool:
        """Say whether a request was sent to a name of this server.

        Args:
            host: What stands in its `Host` header.
            reached: The address of this computer that the connection came to; None where that is not known.
        """
        name = host_name(host)
        if name is None:
            return False
        address = _address(name)
        if address is not None:  # no name server answers for an address
            known = {_address(self.host), *map(_address, self.names), _address(reached or "")}
            return address.is_loopback or address in known
        return name in self._own_names()

    def _own_names(self) -> set[str]:
        names = {self.host, *self.names, "localhost"}
        if not is_loopback(self.host):
            here = socket.gethostname()
            names |= {here, here.partition(".")[0], f"{here.partition('.')[0]}.local"}
        return {name.lower().removesuffix(".") for name in names if name}

    def is_own_page(self, origins: Sequence[str], host: str) -> bool:
        """Say whether a request comes from a page of this server, or from no page at all.

        Args:
            origins: Every `Origin` header of the request; programs other than browsers send none.
            host: Its `Host` header.
        """
        own = {f"{scheme}://{host}".lower() for scheme in ("http", "https")}
        return not origins or (len(origins) == 1 and origins[0].lower() in own)


def host_name(host: str) -> str | None:
    """Return the name or address in a `Host` header without its port, in small letters; None when it is malformed."""
    found = _HOST.fullmatch(host)
    return None if found is None else found[1].strip("[]").lower().removesuffix(".")


def is_loopback(host: str) -> bool:
    """Say whether a host is reached from this computer alone."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def shown_host(host: str) -> str:
    """Return what stands for a host in an address that is typed into a browser."""
    name = socket.gethostname() if host in _EVERYWHERE else host
    return f"[{name}]" if ":" in name else name


def _address(host: str) -> IpAddress | None:
    """Return a host that is an address as one; an IPv4 address written as IPv6 is the IPv4 address."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

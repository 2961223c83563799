"""Where webhooks go: addresses that anybody on the internet could reach, and nothing inside.

A bureau names a URL; whoever can make us connect inside could read what only we reach (OWASP: SSRF). So a name is
resolved once, every answer must be public, and the connection goes to the very address that was looked at: a name that
resolves to something else a moment later changes nothing. What is no plain name or address is no target at all.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from casework.errors import CaseworkError, Invalid

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""From a host's name and a port to addresses as text."""

LONGEST = 400

# Of IANA's special-purpose registries whatever is not for everybody, named here since Python's own answer has changed
# between its versions.
_PRIVATE_4 = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
_GLOBAL_6 = ip_network("2000::/3")
"""All that is given out for the internet at large; the forms that hold an IPv4 address lie outside, or below."""

_PRIVATE_6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")))
_ISATAP = (0x5EFE, 0x0200_5EFE)
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

_NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label like this makes a name an address in some program's eyes: ``2130706433``, ``0x7f.1``, ``0177.1``."""
_PATH = re.compile(r"(/[!-~]*)?", re.ASCII)


class TargetRefused(CaseworkError):
    """What a name stands for is no place to send anything to."""

    default_code = "target-refused"


class Target(NamedTuple):
    """An endpoint's URL, taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"https": 443, "http": 80}[self.scheme] else f"{host}:{self.port}"


class Pinned(NamedTuple):
    """A target and the one address that is connected to."""

    target: Target
    address: str


def parse(url: str, *, loopback: bool = False) -> Target:
    """Take a URL apart; Invalid ``target-url`` where it is none that a webhook can have.

    ``https`` and a plain host name, or an address in its usual form; no user, query or fragment, which could say what
    no log should. ``loopback``, for tests and demonstrations, opens ``http`` and this machine.
    """
    try:
        parts = urlsplit(url) if len(url) <= LONGEST and url.isascii() and url.isprintable() else None
        port = parts and parts.port
    except ValueError:
        parts = port = None
    if parts is None or parts.scheme not in ("https", *(("http",) if loopback else ())):
        raise Invalid("target-url")
    bare = not parts.query and not parts.fragment and "@" not in parts.netloc and not set("?#\\ ") & set(url)
    host = (parts.hostname or "").removesuffix(".")
    if not bare or port == 0 or not _PATH.fullmatch(parts.path) or not _is_host(host, parts.netloc):
        raise Invalid("target-url")
    return Target(parts.scheme, host, port or {"https": 443, "http": 80}[parts.scheme], parts.path or "/")


def pinned(target: Target, *, loopback: bool = False, resolve: Resolve | None = None) -> Pinned:
    """Return the address to connect to: the first of those that the name stands for now, all of which are public.

    TargetRefused where any is not, so that no mix of answers gets anybody inside; OSError where nothing is found.
    """
    literal = _literal(target.host)
    found = [str(literal)] if literal is not None else list((resolve or resolved)(target.host, target.port))
    if not found or not all(may_reach(each, loopback=loopback) for each in found):
        raise TargetRefused
    return Pinned(target, found[0])


def resolved(host: str, port: int) -> list[str]:
    """Ask the system what a name stands for."""
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def may_reach(address: str, *, loopback: bool = False) -> bool:
    """Whether an address is everybody's; what is no address in its usual form is not."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if loopback and any(ip in each for each in _LOOPBACK):
        return True
    if isinstance(ip, IPv4Address):
        return not any(ip in each for each in _PRIVATE_4)
    is_held_inside = ip.scope_id is not None or any(ip in each for each in _PRIVATE_6)
    return ip in _GLOBAL_6 and not is_held_inside and (int(ip) >> 32 & 0xFFFF_FFFF) not in _ISATAP


def is_address(host: str) -> bool:
    """Whether a target's host is an address, and no name."""
    return _literal(host) is not None


def _is_host(host: str, netloc: str) -> bool:
    if netloc.startswith("["):
        return _literal(host) is not None and "%" not in host
    if _literal(host) is not None:
        return ":" not in host
    return bool(_NAME.fullmatch(host)) and not _NUMBER.fullmatch(host.rpartition(".")[2])


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None

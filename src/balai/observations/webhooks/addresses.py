"""Where a webhook may lead: out into the public network, never to what stands inside.

A name is resolved once for each attempt, every address it has is judged, and the connection is made to the
very address that was judged, so that a second answer of the name server leads nowhere else.
"""

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from balai.core.errors import Invalid, Text

LONGEST = 500
HERE = ("localhost", "127.0.0.1", "::1")
_label = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_name = re.compile(rf"(?:{_label}\.)+(?!\d+$|0x)(?!-)[a-z0-9-]{{2,63}}(?<!-)", re.ASCII)

CLOSED = tuple(
    ipaddress.ip_network(net)
    for net in (
        # Of IPv4: this host, private, shared by carriers, loopback, link-local, protocols, documentation,
        # 6to4 relays, benchmarks, multicast, reserved.
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        # Of IPv6, where what is global lies in 2000::/3: Teredo and the rest of 2001::/23, documentation,
        # 6to4. IPv4 in disguise (mapped, NAT64) lies outside of 2000::/3.
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")

Resolve = Callable[[str, int], list[str]]
"""The addresses of a host; raises OSError where it has none."""


class AddressError(Exception):
    """The host has no address that may be spoken to. ``known`` says whether it has any."""

    def __init__(self, known: bool) -> None:
        super().__init__()
        self.known = known


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a webhook's address that a request is made of."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def from_system(host: str, port: int) -> list[str]:
    """What the system's resolver says. Raises OSError."""
    try:
        return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except UnicodeError as fault:
        raise OSError("not a name") from fault


def here_allowed() -> bool:
    """Whether this machine itself may be told: only where somebody develops or tries the hub out."""
    return bool(settings.DEBUG or (settings.DEMO and not settings.SECURE))


def read(url: str) -> Target:
    """The address as written; https to a name, on port 443 or from 1024 up. Raises Invalid under ``url``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _no(_("This is not an address on the web.")) from None
    host = (parts.hostname or "").lower()
    if len(url) > LONGEST or not host or not url.isascii() or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise _no(_("This is not an address on the web."))
    if parts.scheme not in ("https", "http"):
        raise _no(_("The address begins with https://."))
    if parts.username is not None or parts.password is not None or parts.fragment or "#" in url:
        raise _no(_("Leave out names, passwords and what follows #."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if here_allowed() and host in HERE:
        return Target(parts.scheme == "https", host, port or (443 if parts.scheme == "https" else 80), path)
    if parts.scheme != "https":
        raise _no(_("The address begins with https://."))
    if not _name.fullmatch(host) or len(host) > 253:
        raise _no(_("Give the host by its full name, such as hooks.example.id."))
    if port is not None and port != 443 and not 1024 <= port < 65536:
        raise _no(_("The port is 443 or from 1024 up."))
    return Target(True, host, port or 443, path)


def judged(target: Target, resolve: Resolve = from_system) -> list[str]:
    """The addresses to connect to. Raises AddressError where the host has none, or a single closed one."""
    try:
        found = resolve(target.host, target.port)
    except OSError:
        raise AddressError(known=False) from None
    if not found:
        raise AddressError(known=False)
    for address in found:
        if not (is_open(address) or (here_allowed() and is_loopback(address))):
            raise AddressError(known=True)
    return found


def check(url: str, resolve: Resolve = from_system) -> None:
    """Raises Invalid under ``url`` for an address that could not be told now."""
    try:
        judged(read(url), resolve)
    except AddressError as fault:
        if fault.known:
            raise _no(_("This host lies in no public network.")) from None
        raise _no(_("This host is not known.")) from None


def is_open(address: str) -> bool:
    """Whether an address lies in the public network and is meant for one host."""
    try:
        it = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(it, ipaddress.IPv6Address) and (it.scope_id is not None or it not in GLOBAL_IPV6):
        return False
    return not any(it in net for net in CLOSED if net.version == it.version)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _no(reason: Text) -> Invalid:
    return Invalid(reason, {"url": [reason]})

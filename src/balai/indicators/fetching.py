"""Asking other hosts for open data: only public addresses, no redirects, bounded in time and size."""

import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from balai.core.errors import Invalid

SECONDS = 20.0
MOST_BYTES = 20 * 1024 * 1024
PIECE = 64 * 1024


class Unreachable(Invalid):
    """The other side gave no usable answer; nothing here was changed."""


def fetch_json(url: str, *, private: bool = False, shown: str = "") -> tuple[Any, bytes]:
    """The JSON at ``url`` and its bytes. ``shown`` stands for the address in messages, where it holds a key.

    The name is resolved once and the connection goes to that very address, so that no second answer of the
    resolver leads inside. With ``private`` also addresses of the own network. Raises Unreachable.
    """
    shown = shown or url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise Unreachable(_("%(url)s is not an address on the web.") % {"url": shown})
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Unreachable(_("%(url)s is not an address on the web.") % {"url": shown}) from None
    deadline = time.monotonic() + SECONDS
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(
        parts.scheme, parts.hostname, port, _address(parts.hostname, port, private, shown)
    )
    try:
        connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "Balai"})
        response = connection.getresponse()
        if response.status != 200:
            raise Unreachable(
                _("%(url)s answered with status %(status)s.") % {"url": shown, "status": response.status}
            )
        data = _body(response, deadline, shown)
    except (OSError, http.client.HTTPException) as fault:
        raise Unreachable(
            _("%(url)s could not be read: %(fault)s.")
            % {"url": shown, "fault": fault or type(fault).__name__}
        ) from fault
    finally:
        connection.close()
    try:
        return json.loads(data), data
    except ValueError:
        raise Unreachable(_("%(url)s did not answer with JSON.") % {"url": shown}) from None


def _address(host: str, port: int, private: bool, shown: str) -> str:
    """One address of the host; every address it has must be public unless ``private``."""
    try:
        found = [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise Unreachable(_("%(url)s: the host is not known.") % {"url": shown}) from None
    if not private and any(not _public(address) for address in found):
        raise Unreachable(_("%(url)s lies inside a private network.") % {"url": shown})
    return found[0]


def _public(address: str) -> bool:
    it = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(it, ipaddress.IPv6Address):
        it = it.ipv4_mapped or it.sixtofour or it
    return it.is_global and not it.is_multicast


def _connection(scheme: str, host: str, port: int, address: str) -> http.client.HTTPConnection:
    """A connection that speaks to ``host`` at ``address``."""
    connection: http.client.HTTPConnection
    if scheme == "https":
        connection = http.client.HTTPSConnection(
            host, port, timeout=SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    dial: Callable[..., socket.socket] = lambda place, *rest: socket.create_connection(  # noqa: E731
        (address, place[1]), *rest
    )
    connection._create_connection = dial  # type: ignore[attr-defined]
    return connection


def _body(response: http.client.HTTPResponse, deadline: float, shown: str) -> bytes:
    data = bytearray()
    while piece := response.read1(PIECE):
        data += piece
        if len(data) > MOST_BYTES:
            raise Unreachable(_("%(url)s sends more than can be taken over at once.") % {"url": shown})
        if time.monotonic() > deadline:
            raise Unreachable(_("%(url)s takes too long.") % {"url": shown})
    return bytes(data)

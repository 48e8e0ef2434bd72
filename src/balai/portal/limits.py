"""A small fixed-window limit on what one person, or one address, may do in a minute.

    if limited(request, "need.voice", per_minute=5):
        return too_many(request)

Counts live in the cache, so with the default in-process cache each web process counts for itself: the
limit keeps floods out, it is no quota.
"""

import hashlib
import ipaddress
import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from balai.core.errors import Refused

WINDOW = 60


def client_address(request: HttpRequest) -> str:
    """The client's address: of ``X-Forwarded-For`` only what trusted proxies (`settings.PROXIES`) wrote.

    An IPv6 client counts as its /64, the part a household gets. Text that is no address is returned
    as the peer's.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    trusted = settings.PROXIES
    given = hops[-trusted] if trusted and len(hops) >= trusted else peer
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)


def limited(request: HttpRequest, name: str, per_minute: int) -> bool:
    """Count this request under ``name``; True once the person or address is over ``per_minute``."""
    user = getattr(request, "user", None)
    who = f"user:{user.pk}" if user is not None and user.is_authenticated else client_address(request)
    window = int(time.time() // WINDOW)
    digest = hashlib.sha256(f"{name}|{who}|{window}".encode()).hexdigest()
    key = f"limit:{digest}"
    if cache.add(key, 1, timeout=WINDOW * 2):
        return per_minute < 1
    try:
        return cache.incr(key) > per_minute
    except ValueError:
        return False


def too_many(request: HttpRequest) -> HttpResponse:
    """The page (429) that says to wait a minute; nothing was changed."""
    reason = _("That was too often within a minute. Nothing was changed. Wait a minute and try again.")
    response = render(request, "refusal.html", {"refusal": Refused(reason)}, status=429)
    response["Retry-After"] = str(WINDOW)
    return response

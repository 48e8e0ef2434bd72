"""API keys: a machine acts with one person's rights, narrowed by scopes.

A key reads ``balai_<prefix>_<secret>``. The prefix finds the row; of the secret only SHA-256 is kept,
which is enough for 256 random bits.
"""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from balai.core import ledger
from balai.core.errors import Invalid, Refused
from balai.people.models import ApiKey, User
from balai.people.queries import keys_of

ROOMS = (
    "needs",
    "challenges",
    "collaborations",
    "applications",
    "agreements",
    "pilots",
    "indicators",
    "observations",
    "people",
    "ledger",
)
SCOPES: tuple[str, ...] = tuple(f"{room}:{right}" for room in ROOMS for right in ("read", "write"))
"""Every scope there is. Writing in a room includes reading in it."""

KEYS_PER_PERSON = 20
LONGEST = timedelta(days=366)
USE_NOTED_EVERY = timedelta(minutes=5)
SHAPE = re.compile(r"balai_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
NOBODY = "0" * 64


class Caller(NamedTuple):
    """Whom a key speaks for and what it may do."""

    user: User
    scopes: frozenset[str]


def create_key(*, by: User, name: str, scopes: Iterable[str], expires_at: datetime) -> tuple[ApiKey, str]:
    """Make a key; the returned text is shown once and cannot be read again.

    Raises Invalid for a missing name, no or unknown scopes, or an end in the past or beyond a year;
    Refused when the person holds too many keys.
    """
    name = " ".join(name.split())
    chosen = sorted(set(scopes))
    now = timezone.now()
    if not name or len(name) > 80:
        raise Invalid(_("The name is missing or too long."), {"name": [_("Between 1 and 80 characters.")]})
    if not chosen or set(chosen) - set(SCOPES):
        raise Invalid(_("Choose what the key may do."), {"scopes": [_("Choose at least one of the list.")]})
    if not now < expires_at <= now + LONGEST:
        reason = _("A key must end in the future and within a year.")
        raise Invalid(reason, {"expires_at": [reason]})
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)
        if keys_of(by).count() >= KEYS_PER_PERSON:
            raise Refused(_("You have as many keys as one person may hold. Revoke one first."))
        key = ApiKey.objects.create(
            user=by,
            name=name,
            prefix=prefix,
            secret_sha256=sha256(secret.encode()).hexdigest(),
            scopes=chosen,
            expires_at=expires_at,
        )
        ledger.append(
            verb="key.created",
            subject=f"key:{key.pk}",
            thread=f"person:{by.pseudonym}",
            by=by,
            data={"scopes": chosen, "expires": expires_at.date()},
        )
    return key, f"balai_{prefix}_{secret}"


def revoke_key(*, by: User, key: ApiKey) -> ApiKey:
    """End a key at once. Revoking twice changes nothing. Raises Refused for somebody else's key."""
    if key.user_id != by.pk:
        raise Refused(_("This key belongs to somebody else."))
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
            ledger.append(
                verb="key.revoked", subject=f"key:{key.pk}", thread=f"person:{by.pseudonym}", by=by, data={}
            )
    key.refresh_from_db()
    return key


def authenticate_key(raw: str) -> Caller | None:
    """Whom this key speaks for, or None if it is unknown, wrong, revoked, expired or its owner inactive.

    Takes the same steps whether the prefix exists or not. The time of last use is noted at most every
    five minutes, so that reads stay reads.
    """
    shape = SHAPE.fullmatch(raw)
    prefix, secret = shape.groups() if shape else ("", "")
    key = ApiKey.objects.select_related("user").filter(prefix=prefix).first()
    given = sha256(secret.encode()).hexdigest()
    if not secrets.compare_digest(given, key.secret_sha256 if key else NOBODY) or key is None:
        return None
    now = timezone.now()
    if key.revoked_at or (key.expires_at and key.expires_at <= now) or not key.user.is_active:
        return None
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED_EVERY:
        ApiKey.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY), pk=key.pk
        ).update(last_used_at=now)
    return Caller(key.user, frozenset(key.scopes))


def allows(scopes: Iterable[str], needed: str) -> bool:
    """Whether ``scopes`` contain ``needed``; writing in a room includes reading in it."""
    held = set(scopes)
    room, _, right = needed.partition(":")
    return needed in held or (right == "read" and f"{room}:write" in held)

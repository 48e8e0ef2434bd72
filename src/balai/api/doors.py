"""Who calls: a signed-in person, a key with scopes, or a stranger; and what a refusal looks like."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _
from ninja import Path, Query, Schema
from ninja.errors import AuthenticationError, HttpError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from balai.people.keys import authenticate_key
from balai.people.models import User
from balai.people.rules import Reader, is_person

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

WRITES_PER_MINUTE = 60
"""What one person may change in a minute, in each web process: floods stay out, it is no quota."""

type Reference = Annotated[
    str,
    Path(
        pattern=r"^[A-Z]{1,5}[0-9]{0,5}(-[0-9]{1,9}){1,2}$", max_length=20, description="e.g. PLG-2026-0001"
    ),
]
type Cursor = Annotated[str | None, Query(max_length=1000, description="from `next` or `previous` of a page")]


@dataclass(frozen=True, slots=True)
class Visitor:
    """The caller of one request; ``scopes`` is None where no key narrows the person's rights."""

    user: Reader
    scopes: frozenset[str] | None

    @property
    def person(self) -> User:
        """The person; 401 for a stranger, 403 for a key whose scopes do not reach here."""
        if not is_person(self.user):
            if self.scopes is not None:
                raise HttpError(403, _("This key lacks the scope for that."))
            raise AuthenticationError()
        return self.user


class Door(AuthBase):
    """Lets in whoever may use one room: reading is open to all, writing needs a person or a key.

    A key without the room's scope sees what a stranger sees and may write nothing.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, room: str) -> None:
        super().__init__()
        self.room = room

    def __call__(self, request: HttpRequest) -> Visitor:
        # Addresses without a language prefix get the default one from the middleware.
        translation.activate(translation.get_language_from_request(request))
        found = self._identify(request)
        if request.method not in SAFE:
            _count(found.person)
        return found

    def _identify(self, request: HttpRequest) -> Visitor:
        header = request.headers.get("Authorization", "")
        writes = request.method not in SAFE
        if header:
            kind, __, raw = header.partition(" ")
            caller = authenticate_key(raw.strip()) if kind.lower() == "bearer" else None
            if caller is None:
                raise AuthenticationError()
            wanted = {f"{self.room}:write"} | (set() if writes else {f"{self.room}:read"})
            if wanted & caller.scopes:
                return Visitor(caller.user, caller.scopes)
            if writes:
                wanted_scope = f"{self.room}:write"
                raise HttpError(403, _("This key lacks the scope %(scope)s.") % {"scope": wanted_scope})
            return Visitor(AnonymousUser(), caller.scopes)
        if writes:
            if not is_person(request.user):
                raise AuthenticationError()
            if check_csrf(request) is not None:
                raise PermissionDenied(_("The request lacks the CSRF token of your session."))
        return Visitor(request.user, None)


def _count(person: User) -> None:
    """Count one change. Raises 429 for somebody who made too many within this minute."""
    key = f"api-writes:{person.pk}:{int(time.time() // 60)}"
    if not cache.add(key, 1, timeout=120) and cache.incr(key) > WRITES_PER_MINUTE:
        raise HttpError(429, _("That was too often within a minute. Nothing was changed."))


def visitor(request: HttpRequest) -> Visitor:
    """The caller the door let in."""
    found: Visitor = request.auth  # type: ignore[attr-defined]
    return found


class Problem(Schema):
    """What went wrong, in the language asked for; ``fields`` where the input is at fault."""

    kind: str
    reason: str
    fields: dict[str, list[str]] = {}


def problems(*statuses: int) -> dict[Any, Any]:
    """Responses of an operation that can go wrong in these ways."""
    return dict.fromkeys(statuses, Problem)


OF_PUBLIC = problems(401)
OF_LIST = problems(401, 422)
OF_RECORD = problems(401, 404, 422)
OF_PRIVATE = problems(401, 403, 404, 422)
OF_PERSON = problems(401, 403, 422)
OF_WRITE = problems(400, 401, 403, 404, 409, 413, 422, 429)
"""What can go wrong: whoever reads a list, a record, what is theirs; whoever writes."""

"""Who calls: a signed-in person, a key with scopes, or a stranger; and what a refusal looks like."""

from dataclasses import dataclass
from typing import Annotated, Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Schema
from ninja.errors import AuthenticationError, HttpError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from balai.people.keys import authenticate_key
from balai.people.models import User
from balai.people.rules import Reader, is_person

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

type Reference = Annotated[str, Path(pattern=r"^[A-Z]{3}-\d{4}-\d{4,9}$", description="e.g. PLG-2026-0001")]
type Cursor = Annotated[str | None, Query(max_length=1000, description="from `next` or `previous` of a page")]


@dataclass(frozen=True, slots=True)
class Visitor:
    """The caller of one request; ``scopes`` is None where no key narrows the person's rights."""

    user: Reader
    scopes: frozenset[str] | None

    @property
    def person(self) -> User:
        """The person, or 401."""
        if not is_person(self.user):
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
                raise HttpError(403, f"this key lacks the scope {self.room}:write")
            return Visitor(AnonymousUser(), caller.scopes)
        if writes:
            if not is_person(request.user):
                raise AuthenticationError()
            if check_csrf(request) is not None:
                raise PermissionDenied("CSRF")
        return Visitor(request.user, None)


def visitor(request: HttpRequest) -> Visitor:
    """The caller the door let in."""
    found: Visitor = request.auth  # type: ignore[attr-defined]
    return found


class Problem(Schema):
    """What went wrong, in the language asked for; ``fields`` where the input is at fault."""

    kind: str
    reason: str
    fields: dict[str, list[str]] = {}


PROBLEMS: dict[Any, Any] = {
    401: Problem,
    403: Problem,
    404: Problem,
    409: Problem,
    422: Problem,
    429: Problem,
}


def no_content() -> HttpResponse:
    return HttpResponse(status=204)

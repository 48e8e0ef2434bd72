"""What every page's frame needs."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import get_script_prefix
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from balai.core.models import Notification

NAVIGATION: tuple[tuple[str, Promise], ...] = (
    ("kebutuhan/", _("Needs")),
    ("tantangan/", _("Challenges")),
    ("kolaborasi/", _("Collaborations")),
    ("mitra/", _("Partners")),
    ("dimensi/", _("Dimensions")),
    ("gerakan/", _("Movement")),
)


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    label: str | Promise
    current: bool = False


def prefix() -> str:
    """Where the pages of the active language begin: "/" or "/en/"."""
    return get_script_prefix() + ("" if get_language() == settings.LANGUAGE_CODE else f"{get_language()}/")


def hub(request: HttpRequest) -> dict[str, Any]:
    """The frame's context. Costs one query, and only where a signed-in person's count is shown."""
    start = prefix()
    user = getattr(request, "user", None)

    def unread() -> int:
        if user is None or not user.is_authenticated:
            return 0
        return Notification.objects.filter(user_id=user.pk, read_at=None, in_hub=True).count()

    return {
        "demo": settings.DEMO,
        "origin": settings.ORIGIN,
        "start": start,
        "navigation": [
            Link(start + path, label, request.path.startswith(start + path)) for path, label in NAVIGATION
        ],
        "inbox_count": SimpleLazyObject(unread),
    }

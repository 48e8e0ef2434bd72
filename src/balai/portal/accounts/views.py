"""One-click sign-in as a demonstration person. These pages exist in demonstration mode only."""

from dataclasses import dataclass

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from balai.people.models import Organisation, Role, User
from balai.people.queries import demo_people
from balai.portal.limits import limited, too_many

SIGN_INS_PER_MINUTE = 30

CITIZEN = _("citizen")
ABILITIES: dict[str, Promise] = {
    "": _("Voices needs, supports those of others, follows what becomes of them."),
    Role.FOUNDER: _("Applies under a scheme, negotiates the agreement, runs the pilot for the startup."),
    Role.STAFF: _("Works on the startup's applications and reports."),
    Role.OFFICER: _("Answers needs, opens challenges, owns the problem a pilot is to solve."),
    Role.BUREAU: _("Screens applications, drafts agreements, monitors every collaboration of the city."),
    Role.TKKSD: _("Reviews applications by the scheme's criteria."),
    Role.ANALYST: _("Keeps the indicators and verifies what a pilot achieved."),
    Role.SIGNATORY: _("Signs agreements for their side."),
    Role.MINISTRY: _("Compares cities and follows the movement of 100 smart cities."),
    Role.AUDITOR: _("Reads everything, internal parts too; changes nothing."),
    Role.ADMIN: _("Invites people into the organisation and gives them their roles."),
}
ORDER = ["", *(role for role in ABILITIES if role)]


@dataclass(frozen=True, slots=True)
class Account:
    user: User
    role: str | Promise
    ability: str | Promise
    organisation: Organisation | None
    rank: int


def _account(user: User) -> Account:
    seats = getattr(user, "seats_now", [])
    seat = next((s for s in seats if s.role != Role.ADMIN), seats[0] if seats else None)
    code = seat.role if seat else ""
    return Account(
        user=user,
        role=Role(code).label if code else CITIZEN,
        ability=ABILITIES[code],
        organisation=seat.organisation if seat else None,
        rank=ORDER.index(code),
    )


def _only_in_demo() -> None:
    if not settings.DEMO:
        raise Http404


@require_safe
@never_cache
def demo(request: HttpRequest) -> HttpResponse:
    """Who can I be, and what can they do?"""
    _only_in_demo()
    accounts = sorted((_account(user) for user in demo_people()), key=lambda account: account.rank)
    return render(request, "accounts/demo.html", {"accounts": accounts})


@require_POST
def demo_sign_in(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign in as this demonstration person, in a fresh session."""
    _only_in_demo()
    if limited(request, "demo.sign_in", per_minute=SIGN_INS_PER_MINUTE):
        return too_many(request)
    user = get_object_or_404(User, pk=pk, is_demo=True, is_active=True, is_superuser=False, is_staff=False)
    request.session.flush()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    record_authentication(request, user, method="demo", reauthenticated=True)
    return redirect("portal:inbox")

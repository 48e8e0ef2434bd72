"""An organisation seen by its own people: who sits in it, who is invited, in which role."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from balai.core.errors import Invalid
from balai.core.rules import require
from balai.people.actions import (
    accept_invitation,
    change_role,
    end_membership,
    invite,
    register_organisation,
    revoke_invitation,
    update_organisation,
    why_closed,
)
from balai.people.models import Invitation, Membership, Organisation, User
from balai.people.organisations import is_manager, is_member, may_manage, roles_offered
from balai.people.queries import (
    invitation_by_token,
    invitations_for,
    invitations_of,
    members_of,
    verified_addresses,
)
from balai.portal.forms import refuse
from balai.portal.limits import limited, too_many
from balai.portal.once import once
from balai.portal.people.forms import AboutForm, InviteForm, OrganisationForm, RoleForm

INVITATIONS_PER_MINUTE = 10
LOOKS_PER_MINUTE = 30


def _own(request: HttpRequest, slug: str) -> Organisation:
    """The organisation, if the reader sits in it; for everybody else it is not there."""
    organisation = get_object_or_404(Organisation.objects.select_related("city"), slug=slug, active=True)
    if not is_member(cast(User, request.user), organisation):
        raise Http404
    return organisation


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def new(request: HttpRequest) -> HttpResponse:
    """Register a company or a community."""
    user = cast(User, request.user)
    form = OrganisationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            organisation = register_organisation(by=user, **form.cleaned_data)
        except Invalid as fault:
            refuse(form, fault)
        else:
            messages.success(
                request, _("%(name)s is registered. You are its founder.") % {"name": organisation}
            )
            return redirect("portal:people_organisation", organisation.slug)
    context = {"form": form, "confirmed": bool(verified_addresses(user))}
    return render(request, "people/organisation_new.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Who acts for us? A POST invites."""
    user = cast(User, request.user)
    organisation = _own(request, slug)
    manager = is_manager(user, organisation)
    form = InviteForm(request.POST if request.method == "POST" else None, organisation=organisation)
    if request.method == "POST":
        if limited(request, "person.invite", per_minute=INVITATIONS_PER_MINUTE):
            return too_many(request)
        if form.is_valid():
            try:
                invitation, _token = invite(by=user, organisation=organisation, **form.cleaned_data)
            except Invalid as fault:
                refuse(form, fault)
            else:
                said = _("%(email)s is invited. The mail is on its way.") % {"email": invitation.email}
                messages.success(request, said)
                return redirect("portal:people_organisation", slug)
    members = list(members_of(organisation))
    roles = roles_offered(organisation)
    context = {
        "organisation": organisation,
        "members": members,
        "manager": manager,
        "offered": set(roles),
        "roles": [(role.value, role.label) for role in roles],
        "form": form,
        "invitations": list(invitations_of(organisation)) if manager else [],
    }
    return render(request, "people/organisation.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """What the organisation says of itself."""
    organisation = _own(request, slug)
    require(may_manage(cast(User, request.user), organisation))
    start = {name: getattr(organisation, name) for name in ("about", "about_en", "website")}
    form = AboutForm(request.POST if request.method == "POST" else None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            update_organisation(by=cast(User, request.user), organisation=organisation, **form.cleaned_data)
        except Invalid as fault:
            refuse(form, fault)
        else:
            messages.success(request, _("Saved."))
            return redirect("portal:people_organisation", slug)
    context = {"form": form, "organisation": organisation}
    return render(request, "people/organisation_edit.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def take_back(request: HttpRequest, slug: str, pk: str) -> HttpResponse:
    organisation = _own(request, slug)
    given = get_object_or_404(
        Invitation.objects.select_related("organisation"), pk=pk, organisation=organisation
    )
    revoke_invitation(by=cast(User, request.user), invitation=given)
    messages.success(request, _("The invitation was taken back."))
    return redirect("portal:people_organisation", slug)


def _seat(organisation: Organisation, pk: int) -> Membership:
    rows = Membership.objects.select_related("user", "organisation")
    return get_object_or_404(rows, pk=pk, organisation=organisation)


@login_required
@require_POST
def change(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    organisation = _own(request, slug)
    form = RoleForm(request.POST, organisation=organisation)
    if not form.is_valid():
        raise Invalid(_("This organisation has no such role."))
    seat = change_role(
        by=cast(User, request.user), membership=_seat(organisation, pk), role=form.cleaned_data["role"]
    )
    said = _("%(name)s is now %(role)s.") % {"name": seat.user, "role": seat.get_role_display()}
    messages.success(request, said)
    return redirect("portal:people_organisation", slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Ask once, then end the seat."""
    user = cast(User, request.user)
    organisation = _own(request, slug)
    seat = _seat(organisation, pk)
    if request.method != "POST":
        context = {"organisation": organisation, "seat": seat, "own": seat.user_id == user.pk}
        return render(request, "people/seat_end.html", context)
    end_membership(by=user, membership=seat)
    messages.success(request, _("The seat has ended. What was done in it stays in the ledger."))
    if is_member(user, organisation):
        return redirect("portal:people_organisation", slug)
    return redirect("portal:people_account")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What am I offered, by whom, until when? A POST accepts."""
    if limited(request, "invitation.look", per_minute=LOOKS_PER_MINUTE):
        return too_many(request)
    given = invitation_by_token(token)
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        seat = accept_invitation(by=request.user, token=token)
        return _welcome(request, seat)
    if given is None:
        return render(request, "people/invitation_unknown.html", status=404)
    context = {
        "invitation": given,
        "closed": why_closed(given),
        "mine": request.user.is_authenticated and given.email in verified_addresses(request.user),
        "token": token,
        "masked": _masked(given.email),
    }
    return render(request, "people/invitation.html", context, status=410 if context["closed"] else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept_mine(request: HttpRequest, pk: str) -> HttpResponse:
    """Accept from the inbox an invitation to an address one has confirmed."""
    user = cast(User, request.user)
    given = get_object_or_404(invitations_for(user), pk=pk)
    if request.method == "POST":
        return _welcome(request, accept_invitation(by=user, invitation=given))
    context = {"invitation": given, "closed": "", "mine": True, "masked": _masked(given.email)}
    return render(request, "people/invitation.html", context)


def _welcome(request: HttpRequest, seat: Membership) -> HttpResponse:
    names = {"name": seat.organisation, "role": seat.get_role_display()}
    messages.success(request, _("Welcome. You now act for %(name)s as %(role)s.") % names)
    return redirect("portal:people_organisation", seat.organisation.slug)


def _masked(email: str) -> str:
    """``s•••@contoh.id``: enough to recognise one's own address."""
    local, _at, domain = email.partition("@")
    return f"{local[:1]}•••@{domain}"
